//! One packet through one hook, as the kernel would judge it.

mod machine;
mod read;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_net::Packet;

use crate::{BaseChain, Chain, ChainKind, Hook, Key, Table, Verdict};
use machine::Machine;

/// What a hook's chains do to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// What becomes of it.
    pub outcome: Outcome,
    /// Its new destination, if a rule rewrote it. Later chains of the same hook have seen the new one.
    pub destination: Option<(IpAddr, u16)>,
    /// Whether its source is rewritten to the outgoing interface's address.
    pub masquerade: bool,
    /// Whether connection tracking is told to leave it alone.
    pub untracked: bool,
    /// The rules that did something, in order; none of an evaluator that notes none.
    pub trace: Vec<Step>,
}

/// What becomes of a packet at a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It goes on.
    Accept,
    /// It is gone.
    Drop,
    /// It is gone, and its sender is told.
    Reject,
}

/// A rule that did something to the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule's chain.
    pub chain: String,
    /// The rule's index in it.
    pub rule: usize,
    /// The elements that the rule's lookups hit, in order.
    pub hits: Vec<Hit>,
    /// What it did.
    pub action: Action,
}

/// An element that a lookup hit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The set.
    pub set: String,
    /// The element's key.
    pub key: Key,
}

/// What a rule did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Decided, called or returned.
    Verdict(Verdict),
    /// Wrote the scratch register.
    SetPriority(u32),
    /// Rewrote the destination.
    DestinationNat(IpAddr, u16),
    /// Rewrote the source.
    Masquerade,
    /// Dropped and answered.
    Reject,
}

/// Judges packets by one table. Building it once for many packets saves looking at each set's shape again.
#[derive(Clone, Debug)]
pub struct Evaluator<'a> {
    table: &'a Table,
    /// Sets whose elements must be tried one by one.
    scanned: BTreeSet<&'a str>,
    /// Whether what rules did is noted.
    traces: bool,
    /// In which cgroups the sockets are that make packets, from below the root on.
    cgroups: Vec<u64>,
}

impl<'a> Evaluator<'a> {
    /// An evaluator of `table`, which should be valid: a rule that refers to what is missing never matches.
    #[must_use]
    pub fn new(table: &'a Table) -> Self {
        let sets = table.sets.iter().filter(|(_, set)| set.needs_scan());
        Self {
            table,
            scanned: sets.map(|(name, _)| name.as_str()).collect(),
            traces: true,
            cgroups: Vec::new(),
        }
    }

    /// The same, but notes no [`Evaluation::trace`]: for many packets of which nobody asks why.
    #[must_use]
    pub fn without_trace(self) -> Self {
        Self {
            traces: false,
            ..self
        }
    }

    /// The same for packets that a socket makes in the last of these cgroups; each lies in the one before, and the first in the root.
    #[must_use]
    pub fn sent_from(self, cgroups: Vec<u64>) -> Self {
        Self { cgroups, ..self }
    }

    /// Runs every base chain of `hook` in order of priority. `choose(n)` answers `numgen random mod n`.
    ///
    /// Chains of kind nat see only packets that open a connection, as the kernel asks them only once per connection.
    pub fn evaluate(
        &self,
        hook: Hook,
        packet: &Packet,
        choose: &mut dyn FnMut(u32) -> u32,
    ) -> Evaluation {
        let mut machine = Machine::new(self, packet.clone(), choose);
        for (name, base) in self.base_chains(hook) {
            let asked = match base.kind {
                ChainKind::Filter => true,
                ChainKind::Nat => packet.state == ringfence_net::ConnectionState::New,
            };
            if asked && machine.run_base(name) != Outcome::Accept {
                break;
            }
        }
        machine.finish()
    }

    fn base_chains(&self, hook: Hook) -> Vec<(&'a str, BaseChain)> {
        let mut chains: Vec<_> = self
            .table
            .chains
            .iter()
            .filter_map(|(name, chain)| Some((name.as_str(), chain.base?)))
            .filter(|(_, base)| base.hook == hook)
            .collect();
        chains.sort_by_key(|(_, base)| base.priority);
        chains
    }

    fn chain(&self, name: &str) -> Option<(&'a str, &'a Chain)> {
        let found = self.table.chains.get_key_value(name);
        found.map(|(name, chain)| (name.as_str(), chain))
    }

    fn find(&self, set: &'a str, fields: &[crate::Datum]) -> Option<(&'a Key, &'a crate::Element)> {
        let found = self.table.sets.get(set)?;
        found.find_with(fields, self.scanned.contains(set))
    }
}

/// Judges one packet; see [`Evaluator::evaluate`].
pub fn evaluate(
    table: &Table,
    hook: Hook,
    packet: &Packet,
    choose: &mut dyn FnMut(u32) -> u32,
) -> Evaluation {
    Evaluator::new(table).evaluate(hook, packet, choose)
}

#[cfg(test)]
mod tests;
