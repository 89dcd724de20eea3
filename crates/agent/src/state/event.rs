use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use ringfence_cni::{Endpoint, EndpointId, Request, Response};
use ringfence_model::{DomainName, Lesson};
use ringfence_netlink::conntrack::{End, Entry};
use ringfence_ruleset::{Operation, Table};

use super::{KnownAddress, LiveTable};
use crate::protocol::{AgentStatus, StoreEvent};
use crate::verification::Subject;

/// Names a request of the CNI plugin until it is answered.
pub type Ticket = u64;

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The store sent a line.
    Store(StoreEvent),
    /// The store hung up.
    StoreDisconnected,
    /// The records of the node's endpoints, read once at the start.
    EndpointsLoaded(Vec<Endpoint>),
    /// The CNI plugin asks.
    Request {
        /// What.
        request: Request,
        /// Repeated in [`Action::Answer`].
        ticket: Ticket,
    },
    /// Answer to [`Action::ReadKernel`].
    KernelState {
        /// The table.
        live: LiveTable,
        /// Whether an interim table stands.
        interim: bool,
    },
    /// The table could not be read.
    KernelUnreadable {
        /// The chain of causes.
        message: String,
    },
    /// Answer to [`Action::Commit`]: the kernel holds all of it.
    Committed,
    /// Answer to [`Action::Commit`]: the kernel holds nothing of it.
    CommitFailed {
        /// The chain of causes.
        message: String,
        /// Whether the same transaction may succeed later.
        retry: bool,
    },
    /// Answer to [`Action::ReadConnections`].
    Connections {
        /// The connections that were asked for, or more.
        connections: Vec<Entry>,
        /// The addresses of this node's own interfaces.
        local: BTreeSet<IpAddr>,
    },
    /// Answer to [`Action::Revoke`]: none of them is left.
    Revoked,
    /// Tracked connections could not be read or deleted.
    ConnectionsFailed {
        /// The chain of causes.
        message: String,
    },
    /// Somebody else changed the table.
    ForeignEdit,
    /// The table was read back and compared with the policies.
    Verified {
        /// In what they differ.
        drift: Option<String>,
        /// [`Pulse::changes`](crate::verification::Pulse::changes) before and afterwards.
        changes: u64,
    },
    /// What an earlier agent was told of names, read once at the start.
    NamesLoaded(Vec<KnownAddress>),
    /// So many DNS servers tell this agent what they answer.
    DnsServers(usize),
    /// A DNS server is about to answer a client.
    Lesson {
        /// What.
        lesson: Lesson,
        /// Repeated in [`Action::Taught`].
        ticket: Ticket,
    },
    /// The time that [`Action::SetTimer`] asked for has come, or an earlier or later one.
    Tick,
}

/// Which table a transaction is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The table.
    Table,
    /// The one that stands beside it while it is replaced. The kernel may delete it when the agent ends.
    Interim,
}

/// Something to do. Of `ReadKernel`, `Commit`, `ReadConnections` and `Revoke` one at most is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read the live table.
    ReadKernel,
    /// Apply a transaction, whole or not at all.
    Commit(Which, Vec<Operation>),
    /// List the tracked connections.
    ReadConnections {
        /// Those with these addresses at these ends alone, or more; `None` for all.
        of: Option<BTreeSet<(IpAddr, End)>>,
    },
    /// Delete the tracking entries of exactly these connections.
    Revoke(Vec<Entry>),
    /// Answer a request.
    Answer {
        /// Which.
        ticket: Ticket,
        /// What.
        response: Response,
    },
    /// Tell the DNS server that the kernel holds what it needs of a lesson.
    Taught(Ticket),
    /// Tell all DNS servers, and those that come, which names are wanted.
    Want(Vec<DomainName>),
    /// Write down what is known of names, for the next agent; before what comes after it.
    KeepNames(Vec<KnownAddress>),
    /// Remove the record, which frees the addresses.
    ForgetEndpoint(EndpointId),
    /// Tell the store.
    Report(AgentStatus),
    /// Find out what packets met in a table that another program changed and that is being repaired.
    Explain {
        /// As it was read.
        table: Box<Table>,
        /// What it should do.
        subject: Box<Subject>,
    },
    /// Send [`Event::Tick`] at this time; replaces the time asked for before.
    SetTimer(Duration),
}
