//! Which kernel objects a policy became, and which policies stand behind an object.
//!
//! A [`Listing`] is a table as text, each object with its causes: what a node can be asked for and what can be sent from
//! one program to another. [`Trace`] answers questions about a listing; [`changes`] says what a transaction does in the
//! same words, [`between`] what differs between two listings. Start with [`Listing`].

mod behind;
mod between;
mod change;
mod listing;
mod outline;
mod pattern;
mod policy;
mod purpose;

use std::collections::BTreeMap;

use ringfence_model::{Direction, PolicyName};

pub use behind::Behind;
pub use between::between;
pub use change::{Caused, Line, Section, Sign, changes};
pub use listing::{ChainListing, ElementListing, Listing, RuleListing, SetListing};
pub use outline::outline;
pub use pattern::Found;
pub use policy::{PartTrace, PolicyTrace};

use crate::Origin;

/// An element and its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Placed<'a> {
    /// The set's name.
    pub set: &'a str,
    /// The element.
    #[serde(flatten)]
    pub element: &'a ElementListing,
}

/// A rule and its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct PlacedRule<'a> {
    /// The chain's name.
    pub chain: &'a str,
    /// Position in the chain, counted from 0.
    pub position: usize,
    /// The rule.
    #[serde(flatten)]
    pub rule: &'a RuleListing,
}

/// A policy, one of its directions, and a rule or the isolation: what elements are caused by.
type PartKey<'a> = (&'a PolicyName, Direction, Option<usize>);

/// A listing, indexed in both directions.
#[derive(Debug)]
pub struct Trace<'a> {
    listing: &'a Listing,
    by_part: BTreeMap<PartKey<'a>, Vec<Placed<'a>>>,
    /// Elements of maps that say which class an address has.
    classified: BTreeMap<u32, Vec<Placed<'a>>>,
    /// Judging elements about a class.
    judging: BTreeMap<u32, Vec<Placed<'a>>>,
    /// Elements by the chain that their verdict leads to.
    leading: BTreeMap<&'a str, Vec<Placed<'a>>>,
    readers: BTreeMap<&'a str, Vec<PlacedRule<'a>>>,
}

impl<'a> Trace<'a> {
    /// Indexes a listing.
    #[must_use]
    pub fn new(listing: &'a Listing) -> Self {
        let mut trace = Self {
            listing,
            by_part: BTreeMap::new(),
            classified: BTreeMap::new(),
            judging: BTreeMap::new(),
            leading: BTreeMap::new(),
            readers: BTreeMap::new(),
        };
        for placed in listing.elements() {
            trace.index(placed);
        }
        for rule in listing.rules() {
            for set in &rule.rule.sets {
                trace.readers.entry(set).or_default().push(rule);
            }
        }
        trace
    }

    fn index(&mut self, placed: Placed<'a>) {
        let element = placed.element;
        for cause in &element.causes {
            self.by_part
                .entry(part_key(cause))
                .or_default()
                .push(placed);
        }
        if let Some(class) = element.class {
            let kind = if element.causes.is_empty() {
                &mut self.classified
            } else {
                &mut self.judging
            };
            kind.entry(class).or_default().push(placed);
        }
        if let Some(chain) = &element.chain {
            self.leading.entry(chain).or_default().push(placed);
        }
    }

    /// Every policy of the cluster, and every one that something in the table comes from.
    #[must_use]
    pub fn policies(&self) -> Vec<&'a PolicyName> {
        let causes = self.by_part.keys().map(|(policy, _, _)| *policy);
        let mut all: Vec<_> = self.listing.policies.keys().chain(causes).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

fn part_key(origin: &Origin) -> PartKey<'_> {
    (&origin.policy, origin.direction, origin.rule)
}
