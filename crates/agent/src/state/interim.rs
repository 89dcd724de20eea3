//! A second table, which judges while the first one is replaced.
//!
//! Without it a replacement has two open moments. The kernel calls the hooks of the new table before those of the old one, and takes
//! the new rules into force and the old ones out of it at one instant: a packet that is between the two hooks then meets neither. And
//! sets with ranges come into service after everything else of a transaction: milliseconds later, where the table is large, and
//! until then nobody belongs to a block of addresses.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use ringfence_ruleset::{ChainKind, Operation};

use super::{Action, Job, Kernel, Machine, Plan, Retry, Which};
use crate::protocol::AgentStatus;

/// Whether the interim table may stand, and when its removal is tried again.
#[derive(Debug, Default)]
pub(super) struct Interim {
    may_stand: bool,
    retry: Retry,
}

impl Interim {
    /// Whether there is one, from the kernel: an earlier agent may have left it.
    pub(super) fn found(&mut self, stands: bool) {
        self.may_stand = stands;
    }

    pub(super) const fn may_stand(&self) -> bool {
        self.may_stand
    }

    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.retry.waiting(now).filter(|_| self.may_stand)
    }
}

impl Machine {
    /// Begins to commit these transactions, one after the other; with the interim table, if the first one replaces the table. Gives
    /// what is then to be committed after it.
    pub(super) fn begin_commits(
        &mut self,
        mut transactions: VecDeque<Vec<Operation>>,
        actions: &mut Vec<Action>,
    ) -> VecDeque<Vec<Operation>> {
        let judging = transactions.front().and_then(|first| judging(first));
        let first = if let Some(judging) = judging {
            self.interim.may_stand = true;
            Some(Action::Commit(Which::Interim, judging))
        } else {
            let first = transactions.pop_front();
            first.map(|first| Action::Commit(Which::Table, first))
        };
        actions.extend(first);
        transactions
    }

    /// Whether the interim table may stand and has done its work: the kernel holds what it should, or will not soon.
    pub(super) fn interim_is_over(&self, now: Duration) -> bool {
        let has_ended = matches!(self.kernel, Kernel::Enforced)
            || self.plan == Plan::Impossible
            || self.commit_retry.waiting(now).is_some();
        self.interim.may_stand && has_ended && self.interim.retry.waiting(now).is_none()
    }

    pub(super) fn end_interim(&mut self, actions: &mut Vec<Action>) {
        let removal = removal().to_vec();
        self.start(
            Job::EndInterim,
            Action::Commit(Which::Interim, removal),
            actions,
        );
    }

    pub(super) fn interim_ended(&mut self) -> Vec<Action> {
        self.job = Job::None;
        self.interim = Interim::default();
        Vec::new()
    }

    /// What it judged it goes on to judge: connections that a later policy allows may be refused.
    pub(super) fn interim_stays(&mut self, message: &str, now: Duration) -> Vec<Action> {
        self.job = Job::None;
        self.interim.retry.failed(now);
        let mut actions = Vec::new();
        let message = format!("an interim table stays beside the table: {message}");
        self.report(AgentStatus::Degraded { message }, &mut actions);
        actions
    }
}

/// Of a transaction that replaces the table, one that makes the interim table: all that judges, and nothing that translates
/// addresses, which packets would otherwise meet twice.
fn judging(operations: &[Operation]) -> Option<Vec<Operation>> {
    let (Operation::DeleteTable, rest) = operations.split_first()? else {
        return None;
    };
    let translating: BTreeSet<&str> = rest.iter().filter_map(translates).collect();
    let judges = |one: &&Operation| {
        let (Operation::AddChain { name, .. } | Operation::AddRule { chain: name, .. }) = one
        else {
            return true;
        };
        !translating.contains(name.as_str())
    };
    let judging = rest.iter().filter(judges).cloned();
    Some(removal().into_iter().chain(judging).collect())
}

/// The name of the chain, if packets come to it for their addresses to be translated.
fn translates(operation: &Operation) -> Option<&str> {
    let Operation::AddChain {
        name,
        base: Some(base),
    } = operation
    else {
        return None;
    };
    (base.kind == ChainKind::Nat).then_some(name)
}

/// No error where there is none: it is made first if it is not there.
const fn removal() -> [Operation; 2] {
    [
        Operation::AddTable { comment: None },
        Operation::DeleteTable,
    ]
}
