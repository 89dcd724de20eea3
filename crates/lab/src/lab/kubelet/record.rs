//! What is noted of a pod that runs. Each note is told: its status in the store follows.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use ringfence_model::Phase;

use super::super::containers::{ContainerRecord, now};
use super::super::{Lab, PodId, PodRecord, pods};

/// The exit code of what could not be started.
const START_ERROR: i32 = 128;

impl PodRecord {
    /// It is ready while all of its containers run.
    pub(in super::super) fn turn(&mut self) {
        let running = |one: &ContainerRecord| one.running_since.is_some();
        let ready = self.pod.phase == Phase::Running && self.containers.values().all(running);
        if ready != self.pod.ready {
            self.pod.ready = ready;
            self.turned = now();
        }
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

    /// The pod has these addresses.
    pub fn publish_addresses(&self, pod: &PodId, addresses: &[IpAddr]) {
        self.update_pod(pod, |record| record.pod.addresses = addresses.to_vec());
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

    /// Waits until nobody is about to start the pod, and takes what there is to end.
    pub(in super::super) fn take_pod(&self, pod: &PodId) -> Option<pods::Remains> {
        let mut state = self.lock();
        loop {
            let record = state.pods.get_mut(&pod.name);
            let record = record.filter(|record| record.uid == pod.uid)?;
            if !record.starting {
                return Some((record.desired.clone(), record.sandbox.take()));
            }
            state = self
                .pods_changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
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
