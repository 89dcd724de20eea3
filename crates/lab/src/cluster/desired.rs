//! Pods as the lab runs them, however they were asked for.

use std::collections::BTreeMap;

use ringfence_image::Image;
use ringfence_model::{ContainerPort, Labels, ObjectKey, Pod, RestartPolicy};

use super::details::{ContainerDetails, PodDetails};

/// A pod that should exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredPod {
    /// What policy sees of it; without addresses, and with `node` only where the manifest names one.
    pub pod: Pod,
    /// The workload that makes it; `None` for a pod of its own.
    pub owner: Option<ObjectKey>,
    /// Host name inside.
    pub hostname: String,
    /// `spec.nodeSelector`.
    pub node_selector: Labels,
    /// When containers that end are started again.
    pub restart: RestartPolicy,
    /// What runs before them and ends, in order.
    pub init: Vec<DesiredContainer>,
    /// Its containers and sidecars in order.
    pub containers: Vec<DesiredContainer>,
    /// What else its manifest says; empty for a pod that is only asked for.
    pub details: PodDetails,
}

impl DesiredPod {
    /// Whether a container only accompanies others: it is started again whenever it ends, and ends with them.
    #[must_use]
    pub fn is_sidecar(&self, container: &str) -> bool {
        let mut beside = self.details.init_containers.iter();
        beside.any(|one| one.name == container)
    }
}

/// A container of such a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredContainer {
    /// Its name.
    pub name: String,
    /// The image that the manifest names; it is never pulled.
    pub image: String,
    /// `command`, with its variables replaced.
    pub command: Vec<String>,
    /// `args`, with their variables replaced.
    pub args: Vec<String>,
    /// What runs.
    pub program: Program,
    /// What runs for whoever attaches to it, if it waits for input.
    pub interactive: Option<Vec<String>>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Declared ports.
    pub ports: Vec<ContainerPort>,
    /// What else its manifest says.
    pub details: ContainerDetails,
}

impl DesiredContainer {
    /// The image that it runs, with the files of that.
    #[must_use]
    pub fn image_program(&self) -> Option<&ImageProgram> {
        match &self.program {
            Program::Image(program) => Some(program),
            Program::Responder
            | Program::Agnhost(_)
            | Program::Machine(_)
            | Program::Arguments(_)
            | Program::Dns => None,
        }
    }
}

/// What runs for a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// The responder on the declared ports.
    Responder,
    /// A built-in applet of the Kubernetes test image `agnhost`, with its arguments.
    Agnhost(Vec<String>),
    /// A program of this machine, with its arguments.
    Machine(Vec<String>),
    /// Arguments for the image's entry point. Most images run them as a command if they begin with a program.
    Arguments(Vec<String>),
    /// The cluster's DNS server.
    Dns,
    /// The image itself.
    Image(Box<ImageProgram>),
}

/// An image that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageProgram {
    /// The image.
    pub image: Image,
    /// Program and arguments.
    pub arguments: Vec<String>,
    /// Whether nothing runs until somebody attaches.
    pub waits: bool,
}
