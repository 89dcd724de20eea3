//! The kernel's side: a thread that does one job after the other, and one that listens for foreign changes.

mod probe;
mod watch;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail};
use ringfence_netlink::Errno;
use ringfence_netlink::conntrack::{Conntrack, End, Entry, Tuple};
use ringfence_netlink::nftables::{ApplyError, Nftables, Owner, ReadError, TableState};
use ringfence_netlink::route::RouteSocket;
use ringfence_netlink::socket::SocketError;
use ringfence_ruleset::Operation;

use crate::AgentConfig;
use crate::config::interim_name;
use crate::run::{Input, spawn};
use crate::state::{Event, LiveTable, Which};
use watch::Watch;

pub use probe::probe;

/// How long answers may be on their way to an end that is denied, and how often they are looked for.
const LINGERING: Duration = Duration::from_millis(20);
const LOOKOUT: Duration = Duration::from_micros(500);

/// A job for the kernel.
#[derive(Debug)]
pub(crate) enum Job {
    Read,
    Commit(Which, Vec<Operation>),
    /// With these addresses at these ends, or all.
    ReadConnections(Option<BTreeSet<(IpAddr, End)>>),
    Revoke(Vec<Entry>),
}

/// Stands before the kernel, for tests: what it answers is what the kernel says to a transaction, which then never comes.
pub type Obstacle = Box<dyn FnMut(&[Operation]) -> Option<ApplyError> + Send>;

/// Opens the sockets in the calling thread's network namespace and starts the two threads.
pub(crate) fn start(
    config: &AgentConfig,
    obstacle: Option<Obstacle>,
    inputs: &Sender<Input>,
) -> Result<Sender<Job>> {
    let mut kernel = Kernel {
        table: config.table_name.clone(),
        obstacle,
        nftables: Nftables::open()?,
        conntrack: Conntrack::open()?,
        routes: RouteSocket::open()?,
    };
    if config.protect_table && !kernel.nftables.own_tables()? {
        tracing::warn!(
            "this kernel cannot keep other programs from changing the table, Linux 6.9 can: changes are undone afterwards"
        );
    }
    let mut watch = Watch::new(&kernel.table, &kernel.nftables)?;
    let (jobs, queue) = channel();
    let (results, changes) = (inputs.clone(), inputs.clone());
    spawn("kernel", inputs, move || kernel.work(&queue, &results))?;
    spawn("monitor", inputs, move || watch.listen(&changes))?;
    Ok(jobs)
}

struct Kernel {
    table: String,
    obstacle: Option<Obstacle>,
    nftables: Nftables,
    conntrack: Conntrack,
    routes: RouteSocket,
}

impl Kernel {
    fn work(&mut self, queue: &Receiver<Job>, inputs: &Sender<Input>) {
        while let Ok(job) = queue.recv() {
            let event = match job {
                Job::Read => self.read(),
                Job::Commit(which, operations) => self.commit(which, &operations),
                Job::ReadConnections(of) => self.read_connections(of.as_ref()),
                Job::Revoke(entries) => self.revoke(&entries),
            };
            if inputs.send(Input::Event(event)).is_err() {
                return;
            }
        }
    }

    fn read(&mut self) -> Event {
        if let Err(error) = self.adopt() {
            let message = chain(error);
            return Event::KernelUnreadable { message };
        }
        let tables = self.nftables.list_tables();
        let live = match self.nftables.read_table(&self.table) {
            Ok(None) => Ok(LiveTable::Absent),
            Ok(Some(state)) => Ok(self.live(&state)),
            Err(error) if is_foreign(&error) => Ok(foreign(chain(error.into()))),
            Err(error) => Err(error),
        };
        match tables.and_then(|tables| Ok((tables, live?))) {
            Ok((tables, live)) => Event::KernelState {
                live,
                interim: tables.contains(&interim_name(&self.table)),
            },
            Err(error) => {
                let error = Error::from(error).context("cannot read the table");
                Event::KernelUnreadable {
                    message: chain(error),
                }
            }
        }
    }

    /// Makes the table that an earlier agent left its own before it is read, so that it stays as it was read.
    fn adopt(&mut self) -> Result<()> {
        if !self.nftables.owns_tables() {
            return Ok(());
        }
        let flags = self.nftables.table_flags(&self.table);
        let flags = flags.context("cannot read the table")?;
        match flags.map(|flags| flags.owner) {
            Some(Owner::Orphan) => {
                let adopted = self.nftables.adopt(&self.table);
                adopted.context("cannot adopt the table that an earlier agent left")
            }
            Some(Owner::Port(port)) if port != self.nftables.port() => bail!(
                "the table belongs to another running program (netlink port {port}): is there a second agent?"
            ),
            Some(Owner::Port(_) | Owner::None) | None => Ok(()),
        }
    }

    fn live(&self, state: &TableState) -> LiveTable {
        if state.flags.owner == Owner::None && self.nftables.owns_tables() {
            return foreign("other programs may change it".to_owned());
        }
        match state.to_table(&self.table) {
            Some(table) => LiveTable::Present(table),
            None if state.flags.dormant => foreign("it was put to sleep".to_owned()),
            None => foreign("a rule or chain is unknown".to_owned()),
        }
    }

    fn commit(&mut self, which: Which, operations: &[Operation]) -> Event {
        match self.apply(which, operations) {
            Ok(()) => Event::Committed,
            Err(error) => {
                let retry = may_succeed_later(&error);
                let context = advice(&error);
                let message = chain(Error::from(error).context(context));
                Event::CommitFailed { message, retry }
            }
        }
    }

    fn apply(&mut self, which: Which, operations: &[Operation]) -> Result<(), ApplyError> {
        let obstacle = self.obstacle.as_mut();
        if let Some(error) = obstacle.and_then(|obstacle| obstacle(operations)) {
            return Err(error);
        }
        match which {
            Which::Table => self.nftables.apply(&self.table, operations),
            Which::Interim => {
                let name = interim_name(&self.table);
                self.nftables.apply_passing(&name, operations)
            }
        }
    }

    fn read_connections(&mut self, of: Option<&BTreeSet<(IpAddr, End)>>) -> Event {
        match self.connections(of) {
            Ok((connections, local)) => Event::Connections { connections, local },
            Err(error) => Event::ConnectionsFailed {
                message: chain(error),
            },
        }
    }

    fn connections(
        &mut self,
        of: Option<&BTreeSet<(IpAddr, End)>>,
    ) -> Result<(Vec<Entry>, BTreeSet<IpAddr>)> {
        let local = self
            .routes
            .addresses()
            .context("cannot list the node's addresses")?;
        let local = local
            .into_iter()
            .map(|address| address.address.addr())
            .collect();
        let connections = match of {
            None => self.conntrack.entries(),
            Some(ends) => self.conntrack.entries_of(ends),
        };
        let connections = connections.context("cannot list tracked connections")?;
        Ok((connections, local))
    }

    fn revoke(&mut self, entries: &[Entry]) -> Event {
        for entry in entries {
            tracing::debug!(?entry, "revoking a connection");
        }
        let failure = self.conntrack.delete_all(entries).err();
        let exchanges = entries.iter().filter(|entry| revives(entry));
        let answers: Vec<Tuple> = exchanges.map(|entry| entry.reply).collect();
        let failure = self.sever(&answers).err().or(failure);
        let Some(error) = failure else {
            return Event::Revoked;
        };
        let error = Error::from(error).context("cannot revoke a connection");
        Event::ConnectionsFailed {
            message: chain(error),
        }
    }

    /// Keeps answers that are on their way from reviving exchanges that were just cut: each would make an entry of an
    /// exchange that the answering end opens, and the end that is denied would then answer in it.
    fn sever(&mut self, answers: &[Tuple]) -> Result<(), SocketError> {
        let start = Instant::now();
        while !answers.is_empty() && start.elapsed() < LINGERING {
            let revived = self.conntrack.delete_tuples(answers)?;
            for (answer, _) in answers.iter().zip(revived).filter(|(_, revived)| *revived) {
                tracing::debug!(?answer, "an answer had revived an exchange");
            }
            thread::sleep(LOOKOUT);
        }
        Ok(())
    }
}

/// Whether somebody put something into the table that ringfence does not know.
const fn is_foreign(error: &ReadError) -> bool {
    match error {
        ReadError::Malformed { .. } | ReadError::UnknownType { .. } | ReadError::Foreign { .. } => {
            true
        }
        ReadError::Socket(_) | ReadError::Changing(_) => false,
    }
}

/// Whether the failure lies in the moment or in what the table was thought to hold, and not in the transaction.
fn may_succeed_later(error: &ApplyError) -> bool {
    match error {
        ApplyError::Unconfirmed | ApplyError::Socket(_) | ApplyError::Changed { .. } => true,
        ApplyError::Encode { .. } | ApplyError::BatchTooLarge { .. } => false,
        ApplyError::Refused { errno, .. } => matches!(
            errno,
            // EPERM: the table still belongs to an agent that is about to end.
            Errno::EPERM
                | Errno::EINTR
                | Errno::EAGAIN
                | Errno::EBUSY
                | Errno::ENOMEM
                | Errno::ENOBUFS
                | Errno::ENOENT
                | Errno::EEXIST
        ),
    }
}

/// What to say of a transaction that failed, and to do where something can be done.
fn advice(error: &ApplyError) -> String {
    const FAILED: &str = "cannot commit the table";
    match error {
        ApplyError::BatchTooLarge { bytes, .. } => format!(
            "{FAILED}: raise net.core.wmem_max on this machine to {bytes} or more, or give the agent CAP_NET_ADMIN outside of user namespaces"
        ),
        ApplyError::Encode { .. }
        | ApplyError::Refused { .. }
        | ApplyError::Changed { .. }
        | ApplyError::Unconfirmed
        | ApplyError::Socket(_) => FAILED.to_owned(),
    }
}

fn foreign(reason: String) -> LiveTable {
    tracing::warn!(%reason, "the table is not as ringfence writes it");
    LiveTable::Foreign { reason }
}

fn chain(error: Error) -> String {
    format!("{error:#}")
}

/// Whether an answer makes a new entry; of a TCP connection it cannot (rule DP-22).
fn revives(entry: &Entry) -> bool {
    entry.original.transport.protocol() != 6
}
