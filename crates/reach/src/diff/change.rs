use std::sync::Arc;

use ringfence_model::{Answer, Query, Timestamp};
use ringfence_net::ConnectionSet;
use serde::Serialize;

use crate::workload::Unit;

/// What changes between two units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairChange {
    /// Who opens the connections.
    pub source: Arc<Unit>,
    /// To whom.
    pub destination: Arc<Unit>,
    /// What is newly allowed first. Where many pairs change, those that change alike have the same.
    pub changes: Arc<[Change]>,
}

impl PairChange {
    /// Both ends.
    #[must_use]
    pub fn units(&self) -> (&Unit, &Unit) {
        (&self.source, &self.destination)
    }

    /// Whether the connections that show `change`, which is one of its own, are between its own units.
    #[must_use]
    pub fn is_shown(&self, change: &Change) -> bool {
        let by = change.shown_by.as_deref();
        by.is_none_or(|(source, destination)| {
            (source, destination) == (&self.source, &self.destination)
        })
    }
}

/// Connections that change in the same way for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// In which way.
    pub kind: Kind,
    /// Which connections.
    pub connections: ConnectionSet,
    /// Whether it is so for some pairs of members and not for all of them.
    pub partial: bool,
    /// From when on it is so, if it is not so yet: audit mode begins or ends then (rule AU-1).
    pub from: Option<Timestamp>,
    /// One of them in the first cluster; `None` if that one is not there to be asked, or an end of it is not in it. Of a
    /// workload of one pod and itself the other end is [a pod like it](crate::matrix::another), which is not there.
    pub before: Option<Shown>,
    /// The same in the second cluster.
    pub after: Option<Shown>,
    /// The units that these connections are between, if pairs that change alike were judged once for all. Of the others
    /// the same connections change in the same way, and the policies that decide may be others.
    pub shown_by: Option<Arc<(Arc<Unit>, Arc<Unit>)>>,
}

/// One connection, and what the engine says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The connection.
    pub query: Query,
    /// What comes of it, and why.
    pub answer: Answer,
}

/// Ways in which what may be opened changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Denied before, allowed now.
    Opened,
    /// Perhaps allowed now where it was denied, or allowed for certain where it was perhaps (rule AM-22).
    MayOpen,
    /// Allowed before, denied now.
    Closed,
    /// Perhaps denied now where it was allowed, or denied for certain where it was perhaps (rule AM-22).
    MayClose,
}

impl Kind {
    /// Every way, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Opened, Self::MayOpen, Self::Closed, Self::MayClose];

    /// Whether it is more access, for certain or perhaps.
    #[must_use]
    pub const fn is_more(self) -> bool {
        match self {
            Self::Opened | Self::MayOpen => true,
            Self::Closed | Self::MayClose => false,
        }
    }

    /// The way back.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Opened => Self::Closed,
            Self::MayOpen => Self::MayClose,
            Self::Closed => Self::Opened,
            Self::MayClose => Self::MayOpen,
        }
    }
}
