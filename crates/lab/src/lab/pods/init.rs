//! Containers that do something before the others start, and end.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::super::containers::now;
use super::super::kubelet::Warning;
use super::super::{Lab, PodId};
use super::command::command;
use super::watch::back_off;
use super::{node, start_container};
use crate::cluster::desired::{DesiredContainer, DesiredPod, Program};
use crate::process::sandbox::InitEvent;
use std::net::IpAddr;

use ringfence_model::RestartPolicy;

/// How long nobody looks whether the pod is to end.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs them one after the other, each until it has ended well; `false` if one has not and none is tried again.
pub(super) fn run(
    lab: &Arc<Lab>,
    pod: &PodId,
    desired: &DesiredPod,
    addresses: &[IpAddr],
    events: &Receiver<InitEvent>,
) -> anyhow::Result<bool> {
    for container in &desired.init {
        let mut failures = 0;
        loop {
            let code = once(lab, pod, desired, container, addresses, events)?;
            lab.update_pod(pod, |record| {
                let state = record.containers.entry(container.name.clone());
                state.or_default().end(code, now());
                record.message = (code != 0)
                    .then(|| format!("init container {} ended with code {code}", container.name));
            });
            if code == 0 {
                break;
            }
            if desired.restart == RestartPolicy::Never {
                return Ok(false);
            }
            failures += 1;
            let message = format!("Back-off restarting failed container {}", container.name);
            lab.event(pod, Warning("BackOff"), &message);
            let goes_on = lab.may_try_again(pod, back_off(failures));
            anyhow::ensure!(goes_on, "the pod ends");
        }
    }
    lab.update_pod(pod, |record| record.initialized = true);
    Ok(true)
}

/// Its exit code. What stands in for an image has nothing to do and ends well.
fn once(
    lab: &Arc<Lab>,
    pod: &PodId,
    desired: &DesiredPod,
    container: &DesiredContainer,
    addresses: &[IpAddr],
    events: &Receiver<InitEvent>,
) -> anyhow::Result<i32> {
    lab.update_pod(pod, |record| {
        let state = record.containers.entry(container.name.clone());
        state.or_default().start(now());
    });
    if container.program == Program::Responder {
        return Ok(0);
    }
    let command = command(
        lab,
        desired,
        container,
        &node(lab, desired)?.name,
        addresses,
    )?;
    start_container(lab, pod, command)?;
    loop {
        match events.recv_timeout(PAUSE) {
            Ok(InitEvent::Exited { name, code }) if name == container.name => return Ok(code),
            Ok(InitEvent::StartFailed { name, message }) => {
                anyhow::bail!("init container {name}: {message}")
            }
            Ok(InitEvent::Ready | InitEvent::Started { .. } | InitEvent::Exited { .. }) => {}
            Err(RecvTimeoutError::Timeout) => {
                anyhow::ensure!(lab.may_try_again(pod, Duration::ZERO), "the pod ends");
            }
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the pod's process 1 has ended"),
        }
    }
}
