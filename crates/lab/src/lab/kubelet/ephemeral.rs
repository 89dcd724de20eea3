//! Containers that are added to a pod that runs, to look into it: `kubectl debug`.

use nix::sys::signal::Signal;
use ringfence_apiserver::containers::Container;
use ringfence_apiserver::object::{self, items, text};
use ringfence_model::Phase;
use serde_json::Value;

use super::super::containers::{START_ERROR, now};
use super::super::{Lab, PodId, PodRecord, pods};
use super::{Normal, Warning};
use crate::cluster::desired::DesiredContainer;
use crate::process::sandbox::ContainerCommand;

/// Whether the pod runs without a container that was added to `document`.
pub(super) fn lacks(record: &PodRecord, document: &Value) -> bool {
    let added = items(document, &["spec", "ephemeralContainers"]).iter();
    let mut names = added.map(|container| text(container, &["name"]));
    record.pod.phase == Phase::Running && names.any(|name| !record.is_ephemeral(name))
}

impl Lab {
    /// Starts what was added to the pod and does not run yet. Each is tried once.
    pub(super) fn add_ephemeral(&self, pod: &PodId, document: &Value) {
        let addresses = self.running_addresses(pod);
        let desired = match self.desired(&as_containers(document), &addresses) {
            Ok(desired) => desired,
            Err(error) => return self.event(pod, Warning("Failed"), &format!("Error: {error:#}")),
        };
        let node = desired.pod.node.clone().unwrap_or_default();
        for container in &desired.containers {
            if let Some(program) = container.image_program()
                && let Err(error) = self.images.files(&program.image)
            {
                self.event(pod, Warning("Failed"), &format!("Error: {error:#}"));
                continue;
            }
            let mut said = None;
            self.update_pod(pod, |record| {
                if record.is_ephemeral(&container.name) {
                    return;
                }
                let command = pods::command(self, &record.desired, container, &node, &addresses);
                let started = command.and_then(|command| start(record, container, command));
                record.ephemeral.push(container.clone());
                if started.is_err() {
                    record.sees_nothing(&container.name);
                }
                let state = record.containers.entry(container.name.clone());
                let state = state.or_default();
                state.start(now());
                if let Err(error) = &started {
                    state.end(START_ERROR, now());
                    tracing::warn!(pod = %pod.name, "{error:#}");
                }
                said = Some(started);
            });
            match said {
                Some(Ok(())) => {
                    let message = format!("Started container {}", container.name);
                    self.event(pod, Normal("Started"), &message);
                }
                Some(Err(error)) => {
                    self.event(pod, Warning("Failed"), &format!("Error: {error:#}"))
                }
                None => {}
            }
        }
    }

    /// Whether a container of the pod was added to look into it.
    pub(in super::super) fn is_ephemeral(&self, pod: &PodId, container: &str) -> bool {
        let state = self.lock();
        let record = state.pods.get(&pod.name).filter(|it| it.uid == pod.uid);
        record.is_some_and(|record| record.is_ephemeral(container))
    }

    /// What runs for whoever attaches to a container, if it waits for input.
    pub(in super::super) fn interactive(&self, container: &Container) -> Option<Vec<String>> {
        let state = self.lock();
        let record = state.pods.get(&container.pod)?;
        let mut all = record.desired.containers.iter().chain(&record.ephemeral);
        let named = all.find(|one: &&DesiredContainer| one.name == container.name)?;
        named.interactive.clone()
    }

    /// Whoever looked into the pod has left, with this exit code.
    pub(in super::super) fn end_ephemeral(&self, pod: &PodId, container: &str, code: i32) {
        self.update_pod(pod, |record| {
            if let Some(sandbox) = &mut record.sandbox {
                // Where it cannot be told, it has ended.
                let _ = sandbox.signal(container, Signal::SIGKILL);
            }
            if let Some(state) = record.containers.get_mut(container) {
                state.end(code, now());
            }
        });
    }
}

/// Starts a container that was added, which sees what the pod sees and the volumes it mounts besides.
fn start(
    record: &mut PodRecord,
    container: &DesiredContainer,
    mut command: ContainerCommand,
) -> anyhow::Result<()> {
    let Some(sandbox) = &mut record.sandbox else {
        anyhow::bail!("the pod does not run");
    };
    (command.volumes, command.taken) =
        pods::added_volumes(&record.desired, &record.ephemeral, container)?;
    sandbox.start_container(command)
}

/// The pod as if what was added to it were all of its containers.
fn as_containers(document: &Value) -> Value {
    let mut pod = document.clone();
    let spec = object::fields(object::child(&mut pod, "spec"));
    let added = spec.shift_remove("ephemeralContainers");
    object::set(spec, "containers", added);
    spec.shift_remove("initContainers");
    pod
}
