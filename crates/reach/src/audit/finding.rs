//! Where a principle does not hold, and what shows it.

use std::net::IpAddr;

use ringfence_model::{Answer, Labels, Query, Source};
use ringfence_net::ConnectionSet;

use super::{Principle, Severity};
use crate::workload::Unit;

/// One principle, and for whom it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Which.
    pub principle: Principle,
    /// For how many workloads (for namespaces, RA05) it is proven to hold.
    pub holds: usize,
    /// How many more count as open that are on the network of their nodes, where no policy holds them; RA04 names them.
    pub on_hosts: usize,
    /// The namespace in which it holds for the smallest share, or the whole cluster where that is smaller; `None` if there was nothing to measure.
    pub worst: Option<NamespaceShare>,
    /// Where it does not, the worst first.
    pub findings: Vec<Finding>,
}

/// For how many of one namespace a principle holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceShare {
    /// Its name; `None` for the cluster as a whole.
    pub namespace: Option<String>,
    /// For how many it is proven to hold.
    pub holds: usize,
    /// For how many it was measured; never 0.
    pub measured: usize,
}

/// One workload (or namespace) for which a principle does not hold, or is not proven to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which principle.
    pub principle: Principle,
    /// For whom.
    pub unit: Unit,
    /// How bad.
    pub severity: Severity,
    /// What is open, at least one; what is certain first.
    pub gaps: Vec<Gap>,
    /// Why that is accepted, as an annotation says.
    pub accepted: Option<Accepted>,
    /// Where the workload was written.
    pub source: Option<Source>,
}

/// That somebody accepts a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Why.
    pub reason: String,
}

/// One way in which a principle does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Which.
    pub kind: GapKind,
    /// Whether it is open for certain; otherwise it depends on an address that is not known (rule AM-22).
    pub is_certain: bool,
    /// What may be opened.
    pub connections: ConnectionSet,
    /// One of these connections as the engine judges it; `None` where it is not about a connection.
    pub shown: Option<Shown>,
}

/// A connection, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The connection.
    pub query: Query,
    /// What comes of it, and why.
    pub answer: Answer,
}

/// The ways in which principles do not hold, the worst first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// A pod without labels in a namespace that nobody has heard of.
    Stranger,
    /// A pod of such a namespace with labels that policies ask for, and that are anybody's to choose.
    Labelled(Labels),
    /// Most workloads, in a cluster where most pairs of them are open.
    Flat {
        /// How many.
        found: usize,
        /// Of how many others.
        of: usize,
    },
    /// A pod without labels in nearly every other namespace.
    EveryNamespace {
        /// In how many.
        found: usize,
        /// Of how many others.
        of: usize,
    },
    /// Nearly all workloads.
    Crowd {
        /// How many.
        found: usize,
        /// Of how many others.
        of: usize,
    },
    /// More of the internet than a 256th.
    Internet,
    /// Whatever has a name below a domain, whose addresses nobody knows (rule AM-19).
    Names(String),
    /// A pod without labels in the workload's own namespace.
    Neighbour,
    /// A pod of the workload's own namespace with labels that policies only ask to be there.
    LabelledNeighbour(Labels),
    /// Most workloads of its namespace where most pairs of these are open, or nearly all of many.
    Neighbours {
        /// How many.
        found: usize,
        /// Of how many others.
        of: usize,
    },
    /// The cloud's metadata service.
    Metadata(IpAddr),
    /// The kubelet of a node, or the control plane on it.
    Node(String),
    /// More workloads reach a store than are meant to.
    Clients {
        /// How many.
        found: usize,
        /// How many at most.
        most: usize,
    },
    /// A workload of another namespace, which is not what lets it in.
    Namespace(String),
    /// Its pods are on the network of their nodes.
    HostNetwork {
        /// How many.
        pods: usize,
    },
    /// Nothing keeps pods of the namespace from the network of their nodes.
    Admission,
}

impl NamespaceShare {
    pub(super) fn add(&mut self, holds: bool) {
        self.holds += usize::from(holds);
        self.measured += 1;
    }

    /// Its name, `*` for the cluster as a whole.
    #[must_use]
    pub fn name(&self) -> &str {
        self.namespace.as_deref().unwrap_or("*")
    }
}

impl Measured {
    /// For how many it was measured.
    #[must_use]
    pub const fn measured(&self) -> usize {
        self.holds + self.on_hosts + self.findings.len()
    }
}

impl Finding {
    /// Whether the principle does not hold for certain; otherwise it is not proven to.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.gaps.iter().any(|gap| gap.is_certain)
    }
}

impl GapKind {
    /// Whether one finding need not tell of both.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Metadata(one), Self::Metadata(other)) => one == other,
            (
                Self::Stranger
                | Self::Labelled(_)
                | Self::Flat { .. }
                | Self::EveryNamespace { .. }
                | Self::Crowd { .. }
                | Self::Internet
                | Self::Names(_)
                | Self::Neighbour
                | Self::LabelledNeighbour(_)
                | Self::Neighbours { .. }
                | Self::Metadata(_)
                | Self::Node(_)
                | Self::Clients { .. }
                | Self::Namespace(_)
                | Self::HostNetwork { .. }
                | Self::Admission,
                other,
            ) => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// How bad it is in view of `principle`.
    #[must_use]
    pub const fn severity(&self, principle: Principle) -> Severity {
        match (self, principle) {
            (
                Self::Stranger
                | Self::Labelled(_)
                | Self::Flat { .. }
                | Self::EveryNamespace { .. },
                Principle::DefaultDenyIngress | Principle::SensitiveStores,
            )
            | (
                Self::Internet,
                Principle::DefaultDenyIngress
                | Principle::DefaultDenyEgress
                | Principle::SensitiveStores,
            )
            | (Self::Metadata(_) | Self::HostNetwork { .. }, _) => Severity::High,
            (
                Self::Stranger
                | Self::Labelled(_)
                | Self::Flat { .. }
                | Self::EveryNamespace { .. }
                | Self::Crowd { .. }
                | Self::Internet
                | Self::Names(_)
                | Self::Neighbour
                | Self::LabelledNeighbour(_)
                | Self::Neighbours { .. }
                | Self::Node(_)
                | Self::Clients { .. }
                | Self::Namespace(_)
                | Self::Admission,
                _,
            ) => Severity::Medium,
        }
    }
}
