//! What becomes of a packet, and what that says about the flow.

use std::collections::BTreeSet;
use std::fmt;

use ringfence_testkit::decider::Verdict;

use crate::plan::Place;

/// What becomes of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It arrived.
    Arrived(Arrival),
    /// It is gone.
    Dropped,
    /// It is gone, and its sender was told.
    Rejected,
}

/// Where and how a packet arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    /// Where.
    pub place: Place,
    /// The port that it is for there.
    pub port: Option<u16>,
    /// Whether it has a node's address instead of its sender's.
    pub masqueraded: bool,
}

/// The fates of all packets of one flow: one, unless a Service chooses among backends.
pub type Fates = BTreeSet<Fate>;

/// What the fates say about the flow (rules ).
#[must_use]
pub fn verdict(fates: &Fates) -> Verdict {
    let arrived = fates.iter().any(|fate| matches!(fate, Fate::Arrived(_)));
    let dropped = fates.contains(&Fate::Dropped);
    let rejected = fates.contains(&Fate::Rejected);
    match (arrived, dropped, rejected) {
        (true, false, false) => Verdict::Allow,
        (false, true, false) => Verdict::Deny,
        (true, true, false) => Verdict::Partial,
        (false, false, true) => Verdict::NoEndpoints,
        _ => Verdict::Error,
    }
}

/// The places where packets arrived.
pub fn arrivals(fates: &Fates) -> impl Iterator<Item = &Arrival> {
    fates.iter().filter_map(|fate| match fate {
        Fate::Arrived(arrival) => Some(arrival),
        Fate::Dropped | Fate::Rejected => None,
    })
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped => f.write_str("dropped"),
            Self::Rejected => f.write_str("rejected"),
            Self::Arrived(arrival) => write!(f, "arrived at {arrival}"),
        }
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Pod(slot) => {
                let [v4, v6] = slot.addresses();
                write!(f, "the pod with {v4} and {v6}")?;
            }
            Place::Node(node) => write!(f, "node {}", node.name())?,
            Place::Outside => f.write_str("the outside")?,
        }
        if let Some(port) = self.port {
            write!(f, ", port {port}")?;
        }
        if self.masqueraded {
            f.write_str(", from a node's address")?;
        }
        Ok(())
    }
}
