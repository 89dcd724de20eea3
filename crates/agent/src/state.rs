//! What the agent decides: a state machine without IO. Events in, actions out, the time as an argument.
//!
//! One kernel job is under way at a time; what changes meanwhile is taken up together when it ends:
//!
//! ```text
//! ready -> read the table -> commit the difference -> list connections -> revoke -> report
//!              ^                     | failed, or somebody else changed the table
//!              +------- wait --------+
//! ```
//!
//! *Ready* means that the store was in sync once and the endpoint records are read: before that nothing is
//! written, so that nothing is taken away that merely was not heard of yet.

mod audits;
mod drift;
mod endpoints;
mod event;
mod inputs;
mod interim;
mod jobs;
mod live;
mod names;
mod retry;
mod revocation;
mod suspects;
mod transaction;
mod trials;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ringfence_cni::{EndpointId, Request};
use ringfence_compile::{Compiled, Compiler, Limits, LocalEndpoint, RefusedRule};
use ringfence_model::Cluster;
use ringfence_ruleset::{Operation, Table};

pub use endpoints::PATIENCE;
pub use event::{Action, Event, Ticket, Which};
pub use live::LiveTable;
pub use names::KnownAddress;

use crate::AgentConfig;
use crate::status::Health;
use crate::verification::{Pulse, Subject};
use audits::Audits;
use endpoints::Endpoints;
use interim::Interim;
use names::{Kept, Names};
use retry::Retry;
use suspects::Suspects;
use transaction::Denials;
use trials::Trials;
use view::View;

/// So many elements are committed at once.
const PORTION: usize = 1000;

/// How many rules that are left out a report names after the first.
const REFUSALS_SHOWN: usize = 7;

/// The agent's state.
#[derive(Debug)]
pub struct Machine {
    /// The cluster, and the table that it asks for.
    compiler: Compiler,
    /// What that table denies to which classes.
    denials: Denials,
    audits: Audits,
    names: Names,
    trials: Trials,
    interim: Interim,
    view: View,
    endpoints: Endpoints,
    /// Requests that came before the records were read; `None` afterwards.
    deferred: Option<Vec<(Request, Ticket)>>,
    kernel: Kernel,
    job: Job,
    plan: Plan,
    /// Somebody else changed the table since it was last read.
    foreign: bool,
    /// The table is being read because of that.
    suspicious: bool,
    /// When a foreign change is looked at next.
    repair_after: Duration,
    /// Whose connections must be judged by the enforced table.
    suspects: Suspects,
    commit_retry: Retry,
    connection_retry: Retry,
    /// A change of more elements is committed in portions, as far as that is safe.
    portion: usize,
    enforced: Option<Held>,
    reported: Option<u64>,
    /// Why the table is not what it should be.
    problem: Option<String>,
    /// Why connections that the table denies may live.
    unrevoked: Option<String>,
    /// The rules that were last reported as left out of the enforced table.
    refused: Vec<RefusedRule>,
    timer: Option<Duration>,
    /// How often what is enforced, or is to be, has changed.
    changes: u64,
    /// How often all began anew.
    beginnings: u64,
    /// How often a table that another program had changed was repaired.
    repairs: u64,
    /// In what the table was last found to differ from the policies.
    drift: Option<String>,
}

/// A table that the kernel took, and what it stands for.
#[derive(Clone, Debug)]
pub struct Enforced {
    /// The table and the policies behind it.
    pub compiled: Arc<Compiled>,
    /// The store's revision, if the table enforces exactly one of the present connection.
    pub revision: Option<u64>,
    /// The endpoints whose rules it holds.
    pub endpoints: BTreeMap<EndpointId, LocalEndpoint>,
}

/// What the kernel took last: what the compiler made last, and this.
#[derive(Debug)]
struct Held {
    /// The store's revision, if the table enforces exactly one of the present connection.
    revision: Option<u64>,
    /// The endpoints whose rules it holds.
    endpoints: BTreeMap<EndpointId, LocalEndpoint>,
}

/// What is known of the live table.
#[derive(Debug)]
enum Kernel {
    Unknown,
    /// It was read and not yet compared.
    Read(Box<LiveTable>),
    /// It holds exactly the enforced table.
    Enforced,
}

/// The kernel job under way.
#[derive(Debug)]
enum Job {
    None,
    ReadKernel,
    Commit(Box<Transaction>),
    EndInterim,
    ReadConnections,
    Revoke,
    /// Connections are listed to see who uses addresses of names whose time is over.
    ReadUses,
}

/// A planned change of what is enforced.
#[derive(Debug)]
struct Transaction {
    next: Held,
    /// What is committed after the commit under way: further portions, or what replaces the table as soon as the interim table
    /// stands.
    rest: VecDeque<Vec<Operation>>,
    /// Endpoints that it takes out for good.
    released: BTreeSet<EndpointId>,
    /// Whose connections it may deny that live.
    suspects: Suspects,
    /// Until when the kernel keeps addresses of names then.
    kept: Kept,
}

/// Whether the enforced table is the one that the inputs ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Stale,
    Current,
    /// The inputs make no table; other inputs may.
    Impossible,
}

impl Machine {
    /// An agent that knows nothing yet.
    #[must_use]
    pub fn new(config: AgentConfig) -> Self {
        let (enforcement, limits) = (config.enforcement, Limits::default());
        let mut compiler = Compiler::new(&config.node, config.network, enforcement, limits);
        compiler.name_table(&config.table_name);
        Self {
            compiler,
            denials: Denials::default(),
            audits: Audits::default(),
            names: Names::default(),
            trials: Trials::default(),
            interim: Interim::default(),
            view: View::default(),
            endpoints: Endpoints::default(),
            deferred: Some(Vec::new()),
            kernel: Kernel::Unknown,
            job: Job::None,
            plan: Plan::Stale,
            foreign: false,
            suspicious: false,
            repair_after: Duration::ZERO,
            // Policies may have changed while no agent was there.
            suspects: Suspects::everybody(),
            commit_retry: Retry::default(),
            connection_retry: Retry::default(),
            portion: PORTION,
            enforced: None,
            reported: None,
            problem: None,
            unrevoked: None,
            refused: Vec::new(),
            timer: None,
            changes: 0,
            beginnings: 0,
            repairs: 0,
            drift: None,
        }
    }

    /// Takes an event in at the time `now`, counted from any fixed moment, and says what to do, in order.
    pub fn handle(&mut self, event: Event, now: Duration) -> Vec<Action> {
        let mut actions = match event {
            Event::Store(event) => self.store_event(event),
            Event::StoreDisconnected => self.store_disconnected(),
            Event::EndpointsLoaded(records) => self.endpoints_loaded(records, now),
            Event::Request { request, ticket } => self.request(request, ticket, now),
            Event::KernelState { live, interim } => self.kernel_read(live, interim),
            Event::KernelUnreadable { message } => self.commit_failed(message, true, now),
            Event::Committed => self.committed(),
            Event::CommitFailed { message, retry } => self.commit_failed(message, retry, now),
            Event::Connections { connections, local } => {
                self.connections(&connections, &local, now)
            }
            Event::Revoked => self.revoked(),
            Event::ConnectionsFailed { message } => self.connections_failed(message, now),
            Event::ForeignEdit => self.foreign_edit(),
            Event::Verified { drift, changes } => self.verified(drift, changes),
            Event::NamesLoaded(known) => self.names_loaded(known, now),
            Event::DnsServers(servers) => self.dns_servers(servers),
            Event::Lesson { lesson, ticket } => self.learn(lesson, ticket, now),
            Event::Tick => self.tick(now),
        };
        self.take_up_audits(now);
        self.take_up_names(&mut actions);
        self.take_up_trials(now);
        self.advance(now, &mut actions);
        self.release_lessons(&mut actions);
        self.set_timer(now, &mut actions);
        actions
    }

    /// What the kernel enforces since this agent's last commit, or takes with the one under way. A copy of the whole
    /// table: for those who ask, not for deciding.
    #[must_use]
    pub fn enforced(&self) -> Option<Enforced> {
        let held = self.enforced.as_ref()?;
        Some(Enforced {
            compiled: Arc::new(self.compiler.compiled().clone()),
            revision: held.revision,
            endpoints: held.endpoints.clone(),
        })
    }

    /// The table that the kernel took last, or takes with the commit under way.
    pub(crate) fn table(&self) -> Option<&Table> {
        self.enforced.as_ref()?;
        Some(&self.compiler.compiled().table)
    }

    /// The endpoints whose rules the kernel holds.
    pub(crate) fn programmed(&self) -> impl Iterator<Item = &LocalEndpoint> {
        let held = self.enforced.as_ref();
        held.into_iter().flat_map(|held| held.endpoints.values())
    }

    /// The cluster as last completely received.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        self.compiler.cluster()
    }

    /// What the kernel's table is to be compared with; nothing before the first commit, and while one is under way or
    /// to be made.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let changes = self.pulse().changes?;
        let subject = self.subject_of(self.enforced.as_ref()?);
        Some(Subject { changes, ..subject })
    }

    fn subject_of(&self, held: &Held) -> Subject {
        Subject {
            cluster: self.compiler.shared_cluster(),
            refused: self.compiler.compiled().refused.clone(),
            trial: self.compiler.trial().map(|trial| trial.firewalls.clone()),
            endpoints: held.endpoints.values().cloned().collect(),
            revision: held.revision,
            changes: self.changes,
        }
    }

    /// Whether the table can be verified now, and what has happened to it.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        let is_settled = matches!(self.kernel, Kernel::Enforced)
            && self.plan == Plan::Current
            && !matches!(self.job, Job::ReadKernel | Job::Commit(_));
        Pulse {
            changes: is_settled.then_some(self.changes),
            beginnings: self.beginnings,
        }
    }

    /// Whether the node enforces what it should.
    #[must_use]
    pub fn health(&self) -> Health {
        Health {
            ready: self.is_ready() && self.enforced.is_some(),
            connected: self.view.is_connected(),
            applied: self.reported,
            endpoints: self
                .enforced
                .as_ref()
                .map_or(0, |enforced| enforced.endpoints.len()),
            problem: self
                .problem
                .as_ref()
                .or(self.unrevoked.as_ref())
                .cloned()
                .or_else(|| self.drift.clone())
                .or_else(|| {
                    self.enforced.as_ref()?;
                    refusals(&self.compiler.compiled().refused)
                })
                .or_else(|| self.names.trouble()),
            repairs: self.repairs,
            ..Health::default()
        }
    }

    /// Whether all sources have been heard, so that absence means something.
    fn is_ready(&self) -> bool {
        self.view.is_synced() && self.deferred.is_none()
    }

    fn is_programmed(&self, id: &EndpointId) -> bool {
        self.enforced
            .as_ref()
            .is_some_and(|enforced| enforced.endpoints.contains_key(id))
    }
}

/// The rules that are left out, as an operator reads them; `None` if all are in.
fn refusals(refused: &[RefusedRule]) -> Option<String> {
    let (first, others) = refused.split_first()?;
    let shown = others.iter().take(REFUSALS_SHOWN);
    let shown = shown
        .map(|refused| format!("; {refused}"))
        .collect::<String>();
    let hidden = others.len().saturating_sub(REFUSALS_SHOWN);
    let more = (hidden > 0).then(|| format!("; and {hidden} more"));
    Some(format!("{first}{shown}{}", more.unwrap_or_default()))
}
