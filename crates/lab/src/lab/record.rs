//! A pod that the lab runs, and what is known of it.

use std::collections::BTreeMap;

use ringfence_model::{ObjectName, Phase, Pod};

use super::containers::{ContainerRecord, Seconds, now};
use crate::cluster::desired::{DesiredContainer, DesiredPod};
use crate::sandbox::Sandbox;

/// One pod, and not a later one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodId {
    /// Namespace and name.
    pub name: ObjectName,
    /// `metadata.uid`.
    pub uid: String,
}

/// A pod that the lab runs, and how it is.
#[derive(Debug)]
pub struct PodRecord {
    /// Which one it is.
    pub uid: String,
    /// As it was asked for.
    pub desired: DesiredPod,
    /// As policy sees it, with live addresses.
    pub pod: Pod,
    /// What there is to say about it.
    pub message: Option<String>,
    /// Its sandbox, once it is up.
    pub(crate) sandbox: Option<Sandbox>,
    /// Why it could not be started the last time, as a kubelet calls it.
    pub failure: Option<&'static str>,
    /// Whether somebody is about to start it.
    pub starting: bool,
    /// Whether it is to end.
    pub ending: bool,
    /// Containers that somebody has added to look into it.
    pub ephemeral: Vec<DesiredContainer>,
    /// How its containers run, by name.
    pub containers: BTreeMap<String, ContainerRecord>,
    /// Whether all that runs before its containers has ended well.
    pub initialized: bool,
    /// When it was asked for.
    pub created: Seconds,
    /// When it last became ready, or ceased to be.
    pub turned: Seconds,
}

impl PodRecord {
    pub(super) fn new(uid: String, desired: DesiredPod) -> Self {
        let pod = Pod {
            phase: Phase::Pending,
            ready: false,
            ..desired.pod.clone()
        };
        Self {
            uid,
            initialized: desired.init.is_empty(),
            desired,
            pod,
            message: None,
            failure: None,
            starting: true,
            ending: false,
            sandbox: None,
            ephemeral: Vec::new(),
            containers: BTreeMap::new(),
            created: now(),
            turned: now(),
        }
    }

    /// A container that was added did not start, so that no volume is seen because of it.
    pub fn sees_nothing(&mut self, container: &str) {
        let mut added = self.ephemeral.iter_mut();
        if let Some(container) = added.find(|one| one.name == container) {
            container.details.volume_mounts.clear();
        }
    }

    /// Whether a container was added to look into it: it is never started again, and the pod does not depend on it.
    #[must_use]
    pub fn is_ephemeral(&self, container: &str) -> bool {
        self.ephemeral.iter().any(|one| one.name == container)
    }

    /// Whether its containers have ended for good, so that it has no address any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.pod.phase, Phase::Succeeded | Phase::Failed)
    }
}
