//! What is noted of a pod that runs. Each note is told: its status in the store follows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ringfence_apiserver::object::number;
use ringfence_model::Phase;

use super::super::containers::{ContainerRecord, START_ERROR, now};
use super::super::{Lab, PodId, PodRecord, State, pods};
use crate::cluster::desired::DesiredContainer;

/// How often it is looked whether a time of grace was cut short.
const GRACE_PAUSE: Duration = Duration::from_millis(50);
/// How long the nodes may take until a pod that is to end is no backend any more.
const AVOIDED_LIMIT: Duration = Duration::from_secs(5);
/// The exit code of what was told to end.
const TOLD_TO_END: i32 = 143;

impl PodRecord {
    /// It is ready while all of its containers run.
    pub(in super::super) fn turn(&mut self) {
        let is_ready = |one: &DesiredContainer| self.is_ready(&one.name);
        let all = self.desired.containers.iter().all(is_ready);
        let ready = self.pod.phase == Phase::Running && all;
        if ready != self.pod.ready {
            self.pod.ready = ready;
            self.turned = now();
        }
    }

    /// Whether a container runs, and its probe has found it ready.
    pub(in super::super) fn is_ready(&self, container: &str) -> bool {
        let known = self.containers.get(container);
        known.is_some_and(|one| one.running_since.is_some() && !one.unready)
    }

    /// A container starts now. One with probes is ready when they say so.
    pub(in super::super) fn begin(&mut self, container: &DesiredContainer) {
        let state = self.containers.entry(container.name.clone()).or_default();
        state.start(now());
        state.unready = pods::waits_for_probe(container);
    }
}

impl Lab {
    /// Changes a pod's record; `false` if it is gone.
    pub fn update_pod(&self, pod: &PodId, change: impl FnOnce(&mut PodRecord)) -> bool {
        let known = self.note(pod, change);
        if known {
            self.tell_status(pod);
        }
        known
    }

    fn note(&self, pod: &PodId, change: impl FnOnce(&mut PodRecord)) -> bool {
        let mut state = self.lock();
        let record = state.pods.get_mut(&pod.name);
        let known = record.filter(|record| record.uid == pod.uid).map(change);
        self.pods_changed.notify_all();
        known.is_some()
    }

    /// The pod has these addresses, and its variables may name them.
    pub fn publish_addresses(&self, pod: &PodId, addresses: &[IpAddr]) {
        let stored = self.stored_as(pod);
        let desired = stored.and_then(|stored| self.desired(&stored, addresses).ok());
        self.update_pod(pod, |record| {
            record.pod.addresses = addresses.to_vec();
            if let Some(desired) = desired {
                record.desired = desired;
            }
        });
    }

    /// The addresses of a pod that runs.
    pub(in super::super) fn running_addresses(&self, pod: &PodId) -> Vec<IpAddr> {
        let state = self.lock();
        let record = state.pods.get(&pod.name).filter(|it| it.uid == pod.uid);
        record
            .map(|record| record.pod.addresses.clone())
            .unwrap_or_default()
    }

    /// How the containers of a pod run.
    pub(in super::super) fn container_records(
        &self,
        pod: &PodId,
    ) -> Option<BTreeMap<String, ContainerRecord>> {
        let state = self.lock();
        let record = state.pods.get(&pod.name).filter(|it| it.uid == pod.uid);
        record.map(|record| record.containers.clone())
    }

    /// The pod serves: Services may send it traffic.
    pub fn mark_running(&self, pod: &PodId) {
        self.update_pod(pod, |record| {
            // It may have done its work already.
            if record.pod.phase == Phase::Pending {
                record.pod.phase = Phase::Running;
                record.turn();
            }
        });
    }

    /// The pod's containers ended and are not started again: it gives its address back.
    pub fn finish_pod(&self, pod: &PodId, well: bool) {
        let mut ended = None;
        self.update_pod(pod, |record| {
            record.pod.phase = if well {
                Phase::Succeeded
            } else {
                Phase::Failed
            };
            record.pod.ready = false;
            record.turned = now();
            let containers = record.containers.values_mut();
            for sidecar in containers.filter(|one| one.running_since.is_some()) {
                sidecar.end(TOLD_TO_END, now());
            }
            ended = record.sandbox.take().zip(Some(record.desired.clone()));
        });
        if let Some((sandbox, desired)) = ended {
            pods::release(self, &desired, sandbox);
        }
    }

    /// The pod's only container has done its work and ended with `code`.
    pub fn finish_with(&self, pod: &PodId, code: i32) {
        self.note(pod, |record| {
            for container in record.containers.values_mut() {
                container.end(code, now());
            }
        });
        self.finish_pod(pod, code == 0);
    }

    /// The pod's containers cannot be started, and are not tried again.
    pub fn fail_pod(&self, pod: &PodId) {
        self.update_pod(pod, |record| {
            record.pod.phase = Phase::Failed;
            for container in &record.desired.containers {
                let state = record.containers.entry(container.name.clone());
                state.or_default().end(START_ERROR, now());
            }
        });
    }

    /// Nobody starts it any more.
    pub fn leave_pod(&self, pod: &PodId) {
        self.note(pod, |record| record.starting = false);
    }

    /// Waits before a pod is tried again; `false` if it is to end meanwhile.
    pub fn may_try_again(&self, pod: &PodId, pause: Duration) -> bool {
        let deadline = Instant::now() + pause;
        let mut state = self.lock();
        loop {
            let record = state.pods.get(&pod.name);
            let stays = record.is_some_and(|record| record.uid == pod.uid && !record.ending);
            let left = deadline.saturating_duration_since(Instant::now());
            if !stays || left.is_zero() {
                return stays;
            }
            state = self
                .pods_changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until none of the pod's containers runs, or the time of grace is over that whoever deletes it has left to it.
    pub(in super::super) fn wait_until_stopped(&self, pod: &PodId) {
        let began = Instant::now();
        let runs = |one: &ContainerRecord| one.running_since.is_some();
        while self
            .container_records(pod)
            .is_some_and(|records| records.values().any(runs))
        {
            let stored = self.stored_as(pod);
            let grace =
                stored.and_then(|it| number(&it, &["metadata", "deletionGracePeriodSeconds"]));
            let grace = u64::try_from(grace.unwrap_or(0)).unwrap_or_default();
            if began.elapsed() >= Duration::from_secs(grace) {
                return;
            }
            let state = self.lock();
            let waited = self.pods_changed.wait_timeout(state, GRACE_PAUSE);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Waits until no node leads new connections to the pod any more, unless nobody else is behind its Services. A kubelet
    /// does not: with it the nodes have to be faster than the pod is with ending.
    pub(in super::super) fn wait_until_avoided(&self, pod: &PodId) {
        if let Err(late) = self.feed.wait_settled(AVOIDED_LIMIT) {
            tracing::warn!(pod = %pod.name, "it ends while connections still come to it: {late}");
        }
    }

    /// Waits until nobody is about to start the pod, and tells its containers to end.
    pub(in super::super) fn tell_to_end(&self, pod: &PodId) {
        if let Some(record) = self.settled(pod).pods.get_mut(&pod.name)
            && record.uid == pod.uid
            && let Some(sandbox) = &mut record.sandbox
        {
            for container in record.desired.containers.iter().chain(&record.ephemeral) {
                // Where it cannot be told, it has ended.
                let _ = sandbox.signal(&container.name, Signal::SIGTERM);
            }
        }
    }

    /// Waits until nobody is about to start the pod, and takes what there is to end.
    pub(in super::super) fn take_pod(&self, pod: &PodId) -> Option<pods::Remains> {
        let mut state = self.settled(pod);
        let record = state.pods.get_mut(&pod.name);
        let record = record.filter(|record| record.uid == pod.uid)?;
        Some((record.desired.clone(), record.sandbox.take()))
    }

    /// The pods, once nobody is about to start this one.
    fn settled(&self, pod: &PodId) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let starts = |record: &PodRecord| record.uid == pod.uid && record.starting;
        while state.pods.get(&pod.name).is_some_and(starts) {
            state = self
                .pods_changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// The pod is gone; there is room for another one of its name.
    pub fn forget_pod(&self, pod: &PodId) {
        let mut state = self.lock();
        if state
            .pods
            .get(&pod.name)
            .is_some_and(|record| record.uid == pod.uid)
        {
            state.pods.remove(&pod.name);
        }
        drop(state);
        self.pods_changed.notify_all();
        self.look_again.notify_one();
    }
}
