//! Which policies are in audit mode: the one thing that changes because time passes (rules AU-1, AU-5).

use std::time::Duration;

use ringfence_compile::Change;
use ringfence_model::{NetworkPolicy, Timestamp};

use super::Machine;
use crate::protocol::{AgentObject, StoreEvent};

/// A clock that was set is noticed after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What time it is, and when that matters next.
#[derive(Debug)]
pub(super) struct Audits {
    /// The time of day; long ago as long as nobody has told it, so that no policy is in audit mode.
    clock: Timestamp,
    /// Policies came that may be in audit mode.
    is_due: bool,
    /// When a policy goes into audit mode or out of it, or the clock is to be looked at again.
    wake: Option<Duration>,
}

impl Default for Audits {
    fn default() -> Self {
        Self {
            clock: Timestamp(i64::MIN),
            is_due: false,
            wake: None,
        }
    }
}

impl Audits {
    pub(super) const fn deadline(&self) -> Option<Duration> {
        self.wake
    }

    /// The time of day.
    pub(super) const fn now(&self) -> Timestamp {
        self.clock
    }

    /// Notes whether an event may bring policies that are in audit mode, or claim to be.
    pub(super) fn hear(&mut self, event: &StoreEvent) {
        self.is_due |= match event {
            StoreEvent::Synced { .. } => true,
            StoreEvent::Apply(AgentObject::NetworkPolicy(policy)) => policy.audit.is_some(),
            StoreEvent::Reset
            | StoreEvent::Begin
            | StoreEvent::Apply(_)
            | StoreEvent::Delete(_) => false,
        };
    }

    fn sleep(&mut self, now: Duration, next: Option<Timestamp>) {
        let clock = self.clock;
        self.is_due = false;
        self.wake = next.map(|next| {
            let wait = u64::try_from(next.0.saturating_sub(clock.0)).unwrap_or(0);
            now.saturating_add(Duration::from_millis(wait).min(LOOK_AGAIN))
        });
    }
}

impl Machine {
    /// Says what time of day it is, before an event is handled.
    pub const fn tell_time(&mut self, clock: Timestamp) {
        self.audits.clock = clock;
    }

    /// Policies that go into audit mode, or out of it, change as if somebody had written them anew.
    pub(super) fn take_up_audits(&mut self, now: Duration) {
        let has_come = self.audits.wake.is_some_and(|wake| wake <= now);
        if !has_come && !self.audits.is_due {
            return;
        }
        let clock = self.audits.clock;
        let mut changed = false;
        for policy in self.changed_modes() {
            changed |= self
                .compiler
                .change(Change::NetworkPolicy(policy.name.clone(), Some(policy)));
        }
        if changed {
            self.inputs_changed();
        }
        let next = self.compiler.cluster().next_audit_change(clock);
        self.audits.sleep(now, next);
    }

    fn changed_modes(&self) -> Vec<NetworkPolicy> {
        let policies = self.compiler.cluster().network_policies.values();
        let dated = policies.filter(|policy| policy.audit.is_some());
        let told = dated.map(|policy| {
            let mut told = policy.clone();
            told.tell_time(self.audits.clock);
            (policy, told)
        });
        told.filter(|(policy, told)| told != *policy)
            .map(|(_, told)| told)
            .collect()
    }
}
