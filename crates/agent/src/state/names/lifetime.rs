//! How long an address of a name is known, and how long the kernel keeps it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ringfence_compile::holds_trial;
use ringfence_model::Timestamp;
use ringfence_ruleset::{Datum, Element, Key, Operation, Set, Table};

use super::known::KnownAddress;
use crate::state::{Action, Machine};

/// However short the records live: a client asks first and connects then.
const SHORTEST: u32 = 10;
/// However long they live.
const LONGEST: u32 = 3600;
/// Beyond the end of the records: clients connect after a while, and some remember longer than they should.
const GRACE: u32 = 10;
/// An address that somebody is connected to is known for so much longer at a time.
pub(super) const IN_USE: Duration = Duration::from_secs(60);
/// The kernel keeps an address for so much longer than it is known. The agent takes it out in time; only if none runs the kernel
/// does. And an address that is asked for all the time is written once in this time, not with every answer.
const RESERVE: Duration = Duration::from_secs(60);

/// How long an address is known whose records live for `ttl` seconds.
pub(super) fn of_ttl(ttl: u32) -> Duration {
    let seconds = ttl.clamp(SHORTEST, LONGEST).saturating_add(GRACE);
    Duration::from_secs(u64::from(seconds))
}

/// What is left of the time until a moment; nothing if that is later than any that can have been meant.
pub(super) fn left(until: Timestamp, clock: Timestamp) -> Duration {
    let millis = u64::try_from(until.0.saturating_sub(clock.0)).unwrap_or(0);
    let left = Duration::from_millis(millis);
    let longest = of_ttl(LONGEST).saturating_add(RESERVE);
    if left <= longest {
        left
    } else {
        Duration::ZERO
    }
}

/// Until when the kernel keeps which address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::state) struct Kept(BTreeMap<IpAddr, Duration>);

impl Kept {
    /// Whether the kernel gives one of these addresses less time.
    pub(super) fn are_short_of(&self, addresses: &[IpAddr], until: Duration) -> bool {
        let mut addresses = addresses.iter().map(IpAddr::to_canonical);
        addresses.any(|address| self.0.get(&address).is_some_and(|end| *end < until))
    }

    /// Nothing is known of the kernel any more.
    pub(in crate::state) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Machine {
    /// Gives what comes into sets whose elements end its time, and more of it to what has too little. Gives the times that hold
    /// afterwards.
    pub(in crate::state) fn time(&self, operations: &mut Vec<Operation>, now: Duration) -> Kept {
        let mut timing = Timing {
            now,
            trial: self.trials.left(now),
            ends: self.ends(),
            kept: Kept::default(),
            operations: Vec::with_capacity(operations.len()),
        };
        for operation in operations.drain(..) {
            timing.take(operation);
        }
        let table: &Table = &self.compiler.compiled().table;
        for (name, set) in table.sets.iter().filter(|(_, set)| set.timed) {
            for (key, element) in &set.elements {
                timing.renew(name, set, (key, element), &self.names.kept);
            }
        }
        *operations = timing.operations;
        timing.kept
    }

    /// Until when each address is known.
    fn ends(&self) -> BTreeMap<IpAddr, Duration> {
        let mut ends = BTreeMap::new();
        for (_, address, end) in self.names.known.iter() {
            let known = ends.entry(address).or_insert(end);
            *known = end.max(*known);
        }
        ends
    }

    /// Has everything written down that the next agent must know, if the kernel is to keep it otherwise than before.
    pub(in crate::state) fn keep_names(
        &self,
        kept: &Kept,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        if *kept == self.names.kept {
            return;
        }
        let clock = self.audits.now();
        let moment = |end: Duration| {
            let left = end.saturating_sub(now).as_millis();
            Timestamp(
                clock
                    .0
                    .saturating_add(i64::try_from(left).unwrap_or(i64::MAX)),
            )
        };
        let known = self.names.known.iter();
        let known = known.map(|(name, address, end)| KnownAddress {
            name: name.to_owned(),
            address,
            until: moment(kept.0.get(&address).copied().unwrap_or(end)),
        });
        actions.push(Action::KeepNames(known.collect()));
    }
}

/// Operations on their way to the kernel.
struct Timing {
    now: Duration,
    /// What is left of a trial of host firewalls.
    trial: Duration,
    ends: BTreeMap<IpAddr, Duration>,
    kept: Kept,
    operations: Vec<Operation>,
}

impl Timing {
    fn take(&mut self, operation: Operation) {
        match operation {
            Operation::AddElements {
                set,
                definition,
                elements,
                lifetime: _,
            } if holds_trial(&set) => self.operations.push(Operation::AddElements {
                set,
                definition,
                elements,
                lifetime: Some(self.trial),
            }),
            Operation::AddElements {
                set,
                definition,
                elements,
                lifetime: _,
            } if definition.timed => {
                for (key, element) in elements {
                    self.add(&set, &definition, (key, element));
                }
            }
            Operation::AddElements { .. }
            | Operation::AddTable { .. }
            | Operation::DeleteTable
            | Operation::AddChain { .. }
            | Operation::DeleteChain { .. }
            | Operation::FlushChain { .. }
            | Operation::AddRule { .. }
            | Operation::AddSet { .. }
            | Operation::DeleteSet { .. }
            | Operation::DeleteElements { .. } => self.operations.push(operation),
        }
    }

    fn add(&mut self, set: &str, definition: &Set, element: (Key, Element)) {
        let end = self.end(&element.0).saturating_add(RESERVE);
        if let Some(address) = address(&element.0) {
            self.kept.0.insert(address, end);
        }
        self.operations.push(Operation::AddElements {
            set: set.to_owned(),
            definition: definition.definition(),
            elements: vec![element],
            lifetime: Some(end.saturating_sub(self.now)),
        });
    }

    fn renew(&mut self, name: &str, set: &Set, (key, element): (&Key, &Element), before: &Kept) {
        let Some(address) = address(key).filter(|address| !self.kept.0.contains_key(address))
        else {
            return;
        };
        match before.0.get(&address) {
            Some(end) if *end >= self.end(key) => {
                self.kept.0.insert(address, *end);
            }
            Some(_) | None => {
                self.operations.push(Operation::DeleteElements {
                    set: name.to_owned(),
                    definition: set.definition(),
                    keys: vec![key.clone()],
                });
                self.add(name, set, (key.clone(), element.clone()));
            }
        }
    }

    /// Until when the address in a key is known.
    fn end(&self, key: &Key) -> Duration {
        let end = address(key).and_then(|address| self.ends.get(&address));
        end.copied().unwrap_or(self.now)
    }
}

fn address(key: &Key) -> Option<IpAddr> {
    match key.first.first() {
        Some(Datum::Address(address)) => Some(*address),
        Some(
            Datum::Byte(_)
            | Datum::Port(_)
            | Datum::Number(_)
            | Datum::Interface(_)
            | Datum::Cgroup(_),
        )
        | None => None,
    }
}
