//! Containers that end, and are started again or not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringfence_model::RestartPolicy;

use super::super::containers::{START_ERROR, now};
use super::super::kubelet::Warning;
use super::super::{Lab, PodId};
use super::command::command;
use super::desired;
use crate::cluster::desired::DesiredPod;
use crate::process::sandbox::InitEvent;

/// Longest pause before a container that ends is started again; the first is a tenth of a second and doubles.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10);

/// Follows what process 1 of the pod reports, from what it has reported already, and starts ended containers again.
pub(super) fn watch(
    lab: &Arc<Lab>,
    pod: &PodId,
    process: u32,
    events: impl Iterator<Item = InitEvent> + Send + 'static,
) {
    let (lab, pod) = (Arc::clone(lab), pod.clone());
    std::thread::spawn(move || {
        let mut ends: BTreeMap<String, Ends> = BTreeMap::new();
        for event in events {
            match event {
                InitEvent::Ready | InitEvent::Started { .. } => {}
                InitEvent::StartFailed {
                    name: container,
                    message,
                } => {
                    lab.update_pod(&pod, |record| {
                        record.message = Some(format!("container {container}: {message}"));
                        if record.is_ephemeral(&container) {
                            let state = record.containers.entry(container.clone());
                            state.or_default().end(START_ERROR, now());
                            record.sees_nothing(&container);
                        }
                    });
                }
                InitEvent::Exited {
                    name: container,
                    code,
                } => {
                    let end = ends.entry(container.clone()).or_default();
                    end.count += 1;
                    end.last_code = code;
                    lab.update_pod(&pod, |record| {
                        let is_ephemeral = record.is_ephemeral(&container);
                        let state = record.containers.entry(container.clone()).or_default();
                        // How one ended that somebody was attached to is known already.
                        if state.running_since.is_some() || !is_ephemeral {
                            state.end(code, now());
                        }
                        record.turn();
                    });
                    container_ended(&lab, &pod, process, &container, &ends);
                }
            }
        }
    });
}

/// How a container has ended so far.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    count: u32,
    last_code: i32,
}

fn container_ended(
    lab: &Arc<Lab>,
    pod: &PodId,
    process: u32,
    container: &str,
    ends: &BTreeMap<String, Ends>,
) {
    let (Ok(desired), Some(end)) = (desired(lab, pod), ends.get(container)) else {
        return;
    };
    // What ends with its pod is nothing to tell.
    if !lab.may_try_again(pod, Duration::ZERO) {
        return;
    }
    let code = end.last_code;
    if lab.is_ephemeral(pod, container) {
        return;
    }
    if !desired.is_sidecar(container) && stays_ended(desired.restart, code) {
        if code != 0 {
            lab.update_pod(pod, |record| {
                record.message = Some(format!("container {container} ended with code {code}"));
            });
        }
        finish_if_all_ended(lab, pod, &desired, ends);
        return;
    }
    lab.update_pod(pod, |record| {
        record.message = Some(format!(
            "container {container} ended with code {code}, {} times",
            end.count
        ));
    });
    let message = format!(
        "Back-off restarting failed container {container} in pod {}",
        pod.name.name
    );
    lab.event(pod, Warning("BackOff"), &message);
    let pause = back_off(end.count);
    let (lab, pod, container) = (Arc::clone(lab), pod.clone(), container.to_owned());
    std::thread::spawn(move || {
        if lab.may_try_again(&pod, pause) {
            restart(&lab, &pod, &desired, process, &container);
        }
    });
}

pub(super) fn back_off(failures: u32) -> Duration {
    Duration::from_millis(100 << failures.min(7)).min(LONGEST_BACK_OFF)
}

const fn stays_ended(policy: RestartPolicy, code: i32) -> bool {
    match policy {
        RestartPolicy::Always => false,
        RestartPolicy::OnFailure => code == 0,
        RestartPolicy::Never => true,
    }
}

fn finish_if_all_ended(
    lab: &Lab,
    pod: &PodId,
    desired: &DesiredPod,
    ends: &BTreeMap<String, Ends>,
) {
    let last: Option<Vec<i32>> = desired
        .containers
        .iter()
        .filter(|container| !desired.is_sidecar(&container.name))
        .map(|container| Some(ends.get(&container.name)?.last_code))
        .collect();
    if let Some(codes) = last
        && codes.iter().all(|code| stays_ended(desired.restart, *code))
    {
        lab.finish_pod(pod, codes.iter().all(|code| *code == 0));
    }
}

/// Starts a container again, unless its sandbox is gone: a pod of the same name may have come after it.
fn restart(lab: &Lab, pod: &PodId, desired: &DesiredPod, process: u32, container: &str) {
    let Some(container) = desired.containers.iter().find(|one| one.name == container) else {
        return;
    };
    let node = desired.pod.node.as_deref().unwrap_or_default();
    lab.update_pod(pod, |record| {
        let Some(sandbox) = record.sandbox.as_mut().filter(|it| it.pid() == process) else {
            return;
        };
        let Ok(command) = command(lab, desired, container, node, &record.pod.addresses) else {
            return;
        };
        match sandbox.start_container(command) {
            Ok(()) => {
                record.begin(container);
                record.turn();
            }
            Err(error) => record.message = Some(format!("{error:#}")),
        }
    });
}
