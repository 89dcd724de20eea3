//! What is known of names that rules ask for (rules CN-37, AM-19): DNS servers tell it before they answer a client.

mod known;
mod lifetime;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use ringfence_compile::Change;
use ringfence_model::{ClusterPeer, DomainName, Lesson, WantedNames};
use ringfence_netlink::conntrack::{Entry, TcpState};

use super::{Action, Job, Kernel, Machine, Plan, Ticket};
use crate::protocol::{AgentObject, StoreEvent};
use known::Known;
pub use known::KnownAddress;
pub(super) use lifetime::Kept;

/// Answers that wait for the kernel at once; what is more goes out before the kernel knows it.
const MOST_WAITING: usize = 1024;
/// Longest name in octets (RFC 1035).
const LONGEST_NAME: usize = 255;

/// The names that rules ask for, and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Names {
    wanted: WantedNames,
    /// Policies may ask for other names than before.
    is_due: bool,
    known: Known,
    /// Until when the kernel keeps them.
    pub(super) kept: Kept,
    /// Lessons that the kernel may not know yet.
    waiting: Vec<Ticket>,
    /// DNS servers that tell this agent what they answer.
    servers: usize,
    /// What was last reported to be wrong with names.
    pub(super) reported: Option<String>,
}

impl Names {
    /// Notes whether an event may change which names are wanted.
    pub(super) fn hear(&mut self, event: &StoreEvent) {
        self.is_due |= match event {
            StoreEvent::Synced { .. } | StoreEvent::Apply(AgentObject::ClusterPolicy(_)) => true,
            StoreEvent::Delete(crate::protocol::AgentKey::ClusterPolicy(_)) => true,
            StoreEvent::Reset
            | StoreEvent::Begin
            | StoreEvent::Apply(_)
            | StoreEvent::Delete(_) => false,
        };
    }

    /// When an address is known no longer, if that is still to come.
    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.known.first_end().filter(|end| *end > now)
    }

    /// What an operator has to know: names that rules ask for and nobody tells of, or that are more than fit.
    pub(super) fn trouble(&self) -> Option<String> {
        let names = || {
            let names = self.wanted.iter().take(3).map(ToString::to_string);
            names.collect::<Vec<_>>().join(", ")
        };
        if !self.wanted.is_empty() && self.servers == 0 {
            return Some(format!(
                "domainNames are not enforced: no DNS server tells this node which addresses {} have, so those that are not known yet stay closed",
                names()
            ));
        }
        self.known.is_full().then(|| {
            format!(
                "domainNames: more than {} addresses are known of {} and others; further ones stay closed",
                known::MOST_ADDRESSES,
                names()
            )
        })
    }
}

impl Machine {
    /// A DNS server is about to answer.
    pub(super) fn learn(&mut self, lesson: Lesson, ticket: Ticket, now: Duration) -> Vec<Action> {
        let name = lesson.name;
        let too_many = self.names.waiting.len() >= MOST_WAITING;
        if !self.names.wanted.include(&name) || name.len() > LONGEST_NAME || too_many {
            return vec![Action::Taught(ticket)];
        }
        let until = now.saturating_add(lifetime::of_ttl(lesson.ttl));
        if let Some(addresses) = self.names.known.learn(&name, &lesson.addresses, until) {
            self.change_names([(name, Some(addresses))]);
        } else if self.names.kept.are_short_of(&lesson.addresses, until) {
            self.plan = Plan::Stale;
        }
        self.names.waiting.push(ticket);
        Vec::new()
    }

    /// DNS servers came or went.
    pub(super) const fn dns_servers(&mut self, servers: usize) -> Vec<Action> {
        self.names.servers = servers;
        Vec::new()
    }

    /// What an earlier agent knew.
    pub(super) fn names_loaded(&mut self, known: Vec<KnownAddress>, now: Duration) -> Vec<Action> {
        let clock = self.audits.now();
        for KnownAddress {
            name,
            address,
            until,
        } in known
        {
            let left = lifetime::left(until, clock);
            if !left.is_zero() {
                self.names
                    .known
                    .learn(&name, &[address], now.saturating_add(left));
            }
        }
        self.change_names(self.names.known.everything());
        Vec::new()
    }

    /// Tells which names are wanted, if they are others than before.
    pub(super) fn take_up_names(&mut self, actions: &mut Vec<Action>) {
        if !std::mem::take(&mut self.names.is_due) || !self.view.is_synced() {
            return;
        }
        let policies = self.compiler.cluster().cluster_policies.values();
        let peers = policies
            .flat_map(|policy| &policy.egress)
            .flat_map(|rule| &rule.peers);
        let names = peers.flat_map(|peer| match peer {
            ClusterPeer::DomainNames(names) => names.as_slice(),
            ClusterPeer::Pods(_)
            | ClusterPeer::Networks(_)
            | ClusterPeer::Nodes(_)
            | ClusterPeer::Unrecognized => &[],
        });
        let wanted: WantedNames = names.cloned().collect();
        if wanted != self.names.wanted {
            let names: Vec<DomainName> = wanted.iter().cloned().collect();
            self.names.wanted = wanted;
            actions.push(Action::Want(names));
        }
    }

    /// Lets answers go out whose addresses the kernel holds as far as it needs them.
    pub(super) fn release_lessons(&mut self, actions: &mut Vec<Action>) {
        let is_enforced = matches!(self.kernel, Kernel::Enforced)
            && self.plan == Plan::Current
            && !matches!(self.job, Job::ReadKernel | Job::Commit(_));
        if is_enforced {
            actions.extend(self.names.waiting.drain(..).map(Action::Taught));
        }
    }

    /// Addresses whose time is over, unless a connection to them lives.
    pub(super) fn outdated_names(&self, now: Duration) -> BTreeSet<IpAddr> {
        self.names.known.ended(now)
    }

    /// Forgets what is outdated, but for addresses that somebody on this node is connected to: with them each other policy
    /// change would cut a connection that was allowed.
    pub(super) fn forget_names(&mut self, connections: &[Entry], now: Duration) {
        let Some(enforced) = &self.enforced else {
            return;
        };
        let local: BTreeSet<IpAddr> = enforced
            .endpoints
            .values()
            .flat_map(|endpoint| endpoint.addresses.iter().copied())
            .collect();
        let lives = |entry: &&Entry| is_alive(entry) && local.contains(&entry.original.source);
        let used = connections.iter().filter(lives);
        let used: BTreeSet<IpAddr> = used.map(|entry| entry.reply.source).collect();
        let changed = self.names.known.forget(now, &used);
        self.change_names(changed);
    }

    fn change_names(&mut self, changed: impl IntoIterator<Item = (String, Option<Vec<IpAddr>>)>) {
        let mut any = false;
        for (name, addresses) in changed {
            any |= self
                .compiler
                .change(Change::DomainAddresses(name, addresses));
        }
        if any {
            self.inputs_changed();
        }
    }
}

/// Whether anything may still come of a connection.
const fn is_alive(entry: &Entry) -> bool {
    match entry.tcp {
        Some(TcpState::TimeWait | TcpState::Close | TcpState::LastAck) => false,
        Some(
            TcpState::None
            | TcpState::SynSent
            | TcpState::SynReceived
            | TcpState::Established
            | TcpState::FinWait
            | TcpState::CloseWait
            | TcpState::SynSent2
            | TcpState::Other(_),
        )
        | None => true,
    }
}
