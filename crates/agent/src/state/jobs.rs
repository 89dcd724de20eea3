//! What is done in the kernel: which job comes next, and what its end means.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use ringfence_cni::EndpointId;
use ringfence_compile::{LocalEndpoint, Portions};
use ringfence_netlink::conntrack::{End, Entry};
use ringfence_ruleset::{Evaluator, Operation, diff};

use super::revocation::Judge;
use super::suspects::{ASKED_ONE_BY_ONE, Suspects};
use super::transaction::Change;
use super::{Action, Held, Job, Kernel, LiveTable, Machine, Plan, Transaction, Which, refusals};
use crate::protocol::AgentStatus;

/// Somebody who changes our table again and again is answered at most this often.
const REPAIR_INTERVAL: Duration = Duration::from_secs(1);

/// Which job comes next.
impl Machine {
    /// Starts the next job, if one is due and none is under way.
    pub(super) fn advance(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while self.is_ready() && matches!(self.job, Job::None) {
            self.take_up_foreign_edit(now);
            let is_enforced = matches!(self.kernel, Kernel::Enforced);
            let may_commit = self.commit_retry.waiting(now).is_none();
            let may_revoke = self.connection_retry.waiting(now).is_none();
            if self.interim_is_over(now) {
                self.end_interim(actions);
            } else if is_enforced && self.revocation_is_due() && may_revoke {
                let of = self.suspects_alone();
                self.start(
                    Job::ReadConnections,
                    Action::ReadConnections { of },
                    actions,
                );
            } else if is_enforced && self.plan != Plan::Stale {
                self.settle(actions);
                let outdated = self.outdated_names(now);
                if outdated.is_empty() || !may_revoke {
                    return;
                }
                let of = outdated.into_iter().map(|ip| (ip, End::Server)).collect();
                let of = Some(of).filter(|of: &BTreeSet<_>| of.len() <= ASKED_ONE_BY_ONE);
                self.start(Job::ReadUses, Action::ReadConnections { of }, actions);
            } else if !may_commit {
                return;
            } else if matches!(self.kernel, Kernel::Unknown) {
                self.start(Job::ReadKernel, Action::ReadKernel, actions);
            } else if self.plan == Plan::Impossible {
                return;
            } else {
                self.settle(actions);
                self.change(now, actions);
            }
        }
    }

    /// Asks for a [`super::Event::Tick`] when waiting ends.
    pub(super) fn set_timer(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let next = [
            self.audits.deadline(),
            self.trials.deadline(),
            self.endpoints.deadline(),
            self.names.deadline(now),
            self.interim.deadline(now),
            self.commit_retry.waiting(now),
            self.connection_retry.waiting(now),
            (self.foreign && self.repair_after > now).then_some(self.repair_after),
        ];
        let next = next.into_iter().flatten().min();
        if next != self.timer {
            self.timer = next;
            actions.extend(next.map(Action::SetTimer));
        }
    }

    fn take_up_foreign_edit(&mut self, now: Duration) {
        if self.foreign && now >= self.repair_after {
            self.foreign = false;
            self.suspicious = self.enforced.is_some();
            self.repair_after = now.saturating_add(REPAIR_INTERVAL);
            self.kernel = Kernel::Unknown;
        }
    }

    /// The addresses whose connections are to be judged, if they are few, and no address is to be free of all connections:
    /// that of a pod that is gone may stand at any end of them.
    fn suspects_alone(&self) -> Option<BTreeSet<(IpAddr, End)>> {
        let few = self.suspects.few();
        few.filter(|_| !self.endpoints.has_withdrawn()).cloned()
    }

    fn revocation_is_due(&self) -> bool {
        !self.suspects.is_empty() || self.endpoints.has_withdrawn()
    }

    pub(super) fn start(&mut self, job: Job, action: Action, actions: &mut Vec<Action>) {
        self.job = job;
        actions.push(action);
    }

    /// Reports how far the kernel has come, if no connection that it denies lives on.
    fn settle(&mut self, actions: &mut Vec<Action>) {
        let is_due = self.revocation_is_due();
        let Some(enforced) = &mut self.enforced else {
            return;
        };
        if self.plan == Plan::Current {
            enforced.revision = self.view.revision();
        }
        let revision = enforced.revision;
        let refused = &self.compiler.compiled().refused;
        let trouble = self.names.trouble();
        let is_known =
            revision == self.reported && *refused == self.refused && trouble == self.names.reported;
        if is_known || is_due || self.problem.is_some() || self.interim.may_stand() {
            return;
        }
        self.reported = revision;
        self.refused.clone_from(refused);
        self.names.reported.clone_from(&trouble);
        actions.extend(revision.map(|revision| Action::Report(AgentStatus::Applied { revision })));
        // Rules that are left out for what they cost are named after it, for as long as they are (rule AM-21).
        // So is a drift that no repair has ended.
        let wrong = refusals(&self.refused)
            .into_iter()
            .chain(self.drift.clone())
            .chain(trouble);
        actions.extend(wrong.map(|message| Action::Report(AgentStatus::Degraded { message })));
    }

    /// Plans the change to what the inputs ask for, and commits it, or adopts it if the kernel has it already.
    fn change(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let endpoints = self.endpoints.wanted(self.compiler.cluster());
        self.compiler
            .set_endpoints(endpoints.values().cloned().collect());
        self.keep_sizes();
        let edit = self.edit();
        let step = match self.compiler.compile_in_portions(self.portion) {
            Ok(step) => step,
            Err(error) => {
                self.plan = Plan::Impossible;
                let message = format!("the cluster's objects make no table: {error}");
                self.problem = Some(message.clone());
                return self.report(AgentStatus::Failed { message }, actions);
            }
        };
        self.denials.follow(step.operations());
        let mut change = self.compare(step);
        let suspects = self.suspects_of(&change, &endpoints);
        let kept = self.time(&mut change.main, now);
        self.keep_names(&kept, now, actions);
        let mut transaction = Transaction {
            rest: VecDeque::new(),
            suspects,
            kept,
            released: self.endpoints.releasing(),
            next: Held {
                revision: self.view.revision(),
                endpoints,
            },
        };
        self.plan = Plan::Current;
        self.suspicious = false;
        let transactions = change.first.into_iter().chain([change.main]);
        let transactions = transactions.chain(change.last);
        let transactions: VecDeque<_> = transactions.filter(|it| !it.is_empty()).collect();
        if transactions.is_empty() {
            actions.extend(self.adopt(transaction));
        } else {
            if let Some(edit) = edit {
                self.repair(&edit, &transaction.next, actions);
            }
            transaction.rest = self.begin_commits(transactions, actions);
            self.job = Job::Commit(Box::new(transaction));
        }
    }

    /// An agent that starts keeps the sizes of the table that its predecessor left: it then needs no other layout.
    fn keep_sizes(&mut self) {
        if self.enforced.is_none()
            && let Kernel::Read(live) = &self.kernel
            && let LiveTable::Present(live) = &**live
        {
            self.compiler.keep_sizes(live);
        }
    }

    /// The way from what the kernel holds to what the compiler made; `step` leads there from what it made before.
    fn compare(&self, step: Portions) -> Portions {
        let desired = &self.compiler.compiled().table;
        let replacement = || {
            let mut operations = vec![Operation::DeleteTable];
            operations.append(&mut diff(None, desired));
            operations
        };
        let main = match &self.kernel {
            Kernel::Enforced => return step,
            Kernel::Read(live) => match &**live {
                LiveTable::Absent => diff(None, desired),
                LiveTable::Present(live) => diff(Some(live), desired),
                LiveTable::Foreign { .. } => replacement(),
            },
            Kernel::Unknown => replacement(),
        };
        Portions {
            main,
            ..Portions::default()
        }
    }

    fn suspects_of(
        &self,
        change: &Portions,
        endpoints: &BTreeMap<EndpointId, LocalEndpoint>,
    ) -> Suspects {
        match (&self.kernel, &self.enforced) {
            (Kernel::Enforced, Some(held)) => {
                let new = endpoints
                    .iter()
                    .filter(|(id, _)| !held.endpoints.contains_key(*id));
                Change(change).suspects(
                    &new.flat_map(|(_, new)| new.addresses.iter().copied())
                        .collect(),
                    &self.denials,
                )
            }
            (Kernel::Enforced | Kernel::Read(_) | Kernel::Unknown, _)
                if change.operations().next().is_none() =>
            {
                Suspects::default()
            }
            (Kernel::Enforced | Kernel::Read(_) | Kernel::Unknown, _) => Suspects::everybody(),
        }
    }
}

/// What the ends of jobs mean.
impl Machine {
    pub(super) fn kernel_read(&mut self, live: LiveTable, interim: bool) -> Vec<Action> {
        self.job = Job::None;
        self.interim.found(interim);
        self.beginnings += 1;
        // Another program may have given them other times.
        self.names.kept.forget();
        self.kernel = Kernel::Read(Box::new(live));
        self.plan = Plan::Stale;
        Vec::new()
    }

    pub(super) fn committed(&mut self) -> Vec<Action> {
        let mut transaction = match std::mem::replace(&mut self.job, Job::None) {
            Job::Commit(transaction) => transaction,
            Job::EndInterim => return self.interim_ended(),
            Job::None | Job::ReadKernel | Job::ReadConnections | Job::Revoke | Job::ReadUses => {
                return Vec::new();
            }
        };
        if let Some(next) = transaction.rest.pop_front() {
            self.job = Job::Commit(transaction);
            return vec![Action::Commit(Which::Table, next)];
        }
        self.commit_retry.succeeded();
        self.drift = None;
        self.adopt(*transaction)
    }

    /// The kernel holds the transaction's table.
    fn adopt(&mut self, transaction: Transaction) -> Vec<Action> {
        let Transaction {
            next,
            released,
            suspects,
            kept,
            rest: _,
        } = transaction;
        self.names.kept = kept;
        self.suspects.extend(suspects);
        self.problem = None;
        self.kernel = Kernel::Enforced;
        self.changes += 1;
        let answers = self.endpoints.programmed(&next.endpoints, &released);
        self.enforced = Some(next);
        answers
    }

    pub(super) fn commit_failed(
        &mut self,
        message: String,
        retry: bool,
        now: Duration,
    ) -> Vec<Action> {
        if matches!(self.job, Job::EndInterim) {
            return self.interim_stays(&message, now);
        }
        // The kernel may hold it nevertheless: the confirmation may have been lost.
        if let Job::Commit(transaction) = std::mem::replace(&mut self.job, Job::None) {
            self.suspects.extend(transaction.suspects);
        }
        self.kernel = Kernel::Unknown;
        self.plan = Plan::Stale;
        if retry {
            self.commit_retry.failed(now)
        } else {
            self.commit_retry.refused(now)
        }
        self.problem = Some(message.clone());
        let mut actions = Vec::new();
        self.report(AgentStatus::Failed { message }, &mut actions);
        actions
    }

    pub(super) fn connections(
        &mut self,
        connections: &[Entry],
        local: &BTreeSet<IpAddr>,
        now: Duration,
    ) -> Vec<Action> {
        if matches!(self.job, Job::ReadUses) {
            self.job = Job::None;
            self.forget_names(connections, now);
            return Vec::new();
        }
        let Some(enforced) = &self.enforced else {
            return Vec::new();
        };
        let mut judge = Judge {
            table: Evaluator::new(&self.compiler.compiled().table).without_trace(),
            suspects: &self.suspects,
            endpoints: self.endpoints.interfaces(&enforced.endpoints),
            withdrawn: self.endpoints.withdrawn(),
            local,
            denied: HashMap::new(),
        };
        let doomed = connections.iter().filter(|entry| judge.revokes(entry));
        let doomed: Vec<_> = doomed.cloned().collect();
        if doomed.is_empty() {
            return self.revoked();
        }
        self.job = Job::Revoke;
        vec![Action::Revoke(doomed)]
    }

    pub(super) fn revoked(&mut self) -> Vec<Action> {
        self.job = Job::None;
        self.suspects = Suspects::default();
        self.unrevoked = None;
        self.connection_retry.succeeded();
        self.endpoints.purged()
    }

    pub(super) fn connections_failed(&mut self, message: String, now: Duration) -> Vec<Action> {
        self.job = Job::None;
        self.connection_retry.failed(now);
        self.unrevoked = Some(message.clone());
        let mut actions = Vec::new();
        self.report(AgentStatus::Degraded { message }, &mut actions);
        actions
    }

    pub(super) fn foreign_edit(&mut self) -> Vec<Action> {
        self.foreign = true;
        Vec::new()
    }

    /// Reports something bad; `Applied` is reported again when it is over.
    pub(super) fn report(&mut self, status: AgentStatus, actions: &mut Vec<Action>) {
        self.reported = None;
        actions.push(Action::Report(status));
    }
}
