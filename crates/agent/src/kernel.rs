//! The kernel's side: a thread that does one job after the other, and one that listens for foreign changes.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Error, Result};
use ringfence_netlink::Errno;
use ringfence_netlink::conntrack::{Conntrack, Entry};
use ringfence_netlink::nftables::{ApplyError, Monitor, Nftables, ReadError};
use ringfence_netlink::route::RouteSocket;
use ringfence_ruleset::Operation;

use crate::run::{Input, spawn};
use crate::state::{Event, LiveTable};

/// How often a commit tries to be the only change of its moment, before it is made in any case.
const EXACT_ATTEMPTS: usize = 3;

/// A job for the kernel.
#[derive(Debug)]
pub(crate) enum Job {
    Read,
    Commit(Vec<Operation>),
    ReadConnections,
    Revoke(Vec<Entry>),
}

/// Opens the sockets in the calling thread's network namespace and starts the two threads.
pub(crate) fn start(table: String, inputs: &Sender<Input>) -> Result<Sender<Job>> {
    let mut kernel = Kernel {
        table,
        nftables: Nftables::open()?,
        conntrack: Conntrack::open()?,
        routes: RouteSocket::open()?,
    };
    let monitor = Monitor::open()?;
    let (jobs, queue) = channel();
    let (results, changes) = (inputs.clone(), inputs.clone());
    spawn("kernel", inputs, move || kernel.work(&queue, &results))?;
    spawn("monitor", inputs, move || listen(monitor, &changes))?;
    Ok(jobs)
}

struct Kernel {
    table: String,
    nftables: Nftables,
    conntrack: Conntrack,
    routes: RouteSocket,
}

impl Kernel {
    fn work(&mut self, queue: &Receiver<Job>, inputs: &Sender<Input>) {
        while let Ok(job) = queue.recv() {
            let input = match job {
                Job::Read => Input::Event(self.read()),
                Job::Commit(operations) => self.commit(&operations),
                Job::ReadConnections => Input::Event(self.read_connections()),
                Job::Revoke(entries) => Input::Event(self.revoke(&entries)),
            };
            if inputs.send(input).is_err() {
                return;
            }
        }
    }

    fn read(&mut self) -> Event {
        match self.nftables.read_table(&self.table) {
            Ok(None) => Event::KernelState(LiveTable::Absent),
            Ok(Some(state)) => match state.to_table(&self.table) {
                Some(table) => Event::KernelState(LiveTable::Present(table)),
                None => foreign("a rule or chain is unknown".to_owned()),
            },
            Err(error) if is_foreign(&error) => foreign(chain(error.into())),
            Err(error) => {
                let error = Error::from(error).context("cannot read the table");
                Event::KernelUnreadable {
                    message: chain(error),
                }
            }
        }
    }

    /// Commits, and says which generation of the ruleset that made, if no other change came between.
    fn commit(&mut self, operations: &[Operation]) -> Input {
        match self.apply(operations) {
            Ok(generation) => Input::CommitEnded {
                event: Event::Committed,
                generation,
            },
            Err(error) => {
                let retry = may_succeed_later(&error);
                let message = chain(Error::from(error).context("cannot commit the table"));
                Input::CommitEnded {
                    event: Event::CommitFailed { message, retry },
                    generation: None,
                }
            }
        }
    }

    fn apply(&mut self, operations: &[Operation]) -> Result<Option<u32>, ApplyError> {
        for _ in 0..EXACT_ATTEMPTS {
            let Ok(before) = self.nftables.generation() else {
                break;
            };
            match self
                .nftables
                .apply_if_unchanged(&self.table, operations, before)
            {
                // Other tables may change all the time; what this one holds is the monitor's to tell.
                Err(ApplyError::Changed { .. }) => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(Some(before.wrapping_add(1))),
            }
        }
        self.nftables.apply(&self.table, operations)?;
        Ok(None)
    }

    fn read_connections(&mut self) -> Event {
        match self.connections() {
            Ok((connections, local)) => Event::Connections { connections, local },
            Err(error) => Event::ConnectionsFailed {
                message: chain(error),
            },
        }
    }

    fn connections(&mut self) -> Result<(Vec<Entry>, BTreeSet<IpAddr>)> {
        let local = self
            .routes
            .addresses()
            .context("cannot list the node's addresses")?;
        let local = local
            .into_iter()
            .map(|address| address.address.addr())
            .collect();
        let connections = self
            .conntrack
            .entries()
            .context("cannot list tracked connections")?;
        Ok((connections, local))
    }

    fn revoke(&mut self, entries: &[Entry]) -> Event {
        let mut failure = None;
        for entry in entries {
            match self.conntrack.delete(entry) {
                Ok(found) => tracing::debug!(?entry, found, "revoked a connection"),
                Err(error) => failure = Some(error),
            }
        }
        let Some(error) = failure else {
            return Event::Revoked;
        };
        let error = Error::from(error).context("cannot revoke a connection");
        Event::ConnectionsFailed {
            message: chain(error),
        }
    }
}

/// Reports changes of the ruleset by anybody until the loop is gone.
fn listen(mut monitor: Monitor, inputs: &Sender<Input>) {
    loop {
        let generation = match monitor.next() {
            Ok(change) => Some(change.generation),
            Err(error) => {
                // Notifications were lost: there was a change.
                tracing::debug!("{:#}", Error::from(error));
                thread::sleep(Duration::from_millis(100));
                None
            }
        };
        if inputs.send(Input::RulesetChanged { generation }).is_err() {
            return;
        }
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
            Errno::EINTR
                | Errno::EAGAIN
                | Errno::EBUSY
                | Errno::ENOMEM
                | Errno::ENOBUFS
                | Errno::ENOENT
                | Errno::EEXIST
        ),
    }
}

fn foreign(reason: String) -> Event {
    tracing::warn!(%reason, "the table is not as ringfence writes it");
    Event::KernelState(LiveTable::Foreign { reason })
}

fn chain(error: Error) -> String {
    format!("{error:#}")
}
