//! Classes: ends of connections that no policy tells apart.

pub(crate) mod entry;
pub(crate) mod example;
pub(crate) mod place;
mod set;
pub(crate) mod sets;
pub(crate) mod table;

use std::fmt;
use std::net::IpAddr;

use ringfence_model::{ContainerPort, Endpoint, Labels, ObjectName};
use ringfence_net::{ConnectionSet, Family};

pub use set::ClassSet;

/// The number of a class in one engine. It names the same class until a change does away with the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(u32);

/// Ends of connections that no policy tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Who belongs to it.
    pub kind: ClassKind,
}

/// Who belongs to a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassKind {
    /// Live pods of the pod network with the same namespace, labels and declared ports, whose addresses the same
    /// blocks cover.
    Pods {
        /// Their namespace.
        namespace: String,
        /// Their labels.
        labels: Labels,
        /// What they declare, in order.
        ports: Vec<ContainerPort>,
        /// The pods in order of name.
        members: Vec<ObjectName>,
    },
    /// A node by one of its addresses (rule Q-5): each has a class of its own. Host pods are their node (rule NP-53). As
    /// source it is judged as a node that is not the pod's own: a pod's own node always gets in (rule NP-50).
    Node {
        /// Its name.
        name: String,
        /// The address; `None` if none is known (rule AM-22).
        address: Option<IpAddr>,
        /// Whether it is the one that is meant by the name alone, whoever the other end is: the first one of a node whose
        /// addresses are of one family.
        by_name: bool,
    },
    /// Addresses that no policy tells apart, those of pods and nodes left out: they are in the class of their owner.
    Addresses {
        /// Their family.
        family: Family,
        /// Inclusive ranges in ascending order. Addresses of pods and nodes are not cut out of them.
        ranges: Vec<(IpAddr, IpAddr)>,
        /// One of them to show for all: nobody's in the cluster, a Service's only if there is no other.
        example: IpAddr,
    },
}

/// What may be opened from one end to another: `allowed` for certain, `unknown` if it depends on an address that is
/// not known (rule AM-22), and nothing else. The two have nothing in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reach {
    /// What may be opened.
    pub allowed: ConnectionSet,
    /// What may or may not be opened.
    pub unknown: ConnectionSet,
}

impl ClassKind {
    /// The end of a connection that a class of a node stands for; `None` for other classes.
    #[must_use]
    pub fn node(&self) -> Option<Endpoint> {
        match self {
            Self::Node {
                address: Some(address),
                by_name: false,
                ..
            } => Some(Endpoint::Address(*address)),
            Self::Node { name, .. } => Some(Endpoint::Node(name.clone())),
            Self::Pods { .. } | Self::Addresses { .. } => None,
        }
    }
}

impl ClassId {
    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number as a place in a list that has one for each class.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "class {}", self.0)
    }
}

impl Reach {
    /// Nothing may be opened.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            allowed: ConnectionSet::none(),
            unknown: ConnectionSet::none(),
        }
    }

    /// Everything may be opened.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            allowed: ConnectionSet::all(),
            unknown: ConnectionSet::none(),
        }
    }

    /// Whether nothing may be opened for certain, and nothing is unknown.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.allowed.is_empty() && self.unknown.is_empty()
    }

    /// What both ends let pass (rule Q-9): a refusal of either outweighs what is not known.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if self.is_all() {
            return other.clone();
        }
        if other.is_all() {
            return self.clone();
        }
        let allowed = self.allowed.intersection(&other.allowed);
        let possible = self.possible().intersection(&other.possible());
        let unknown = possible.difference(&allowed);
        Self { allowed, unknown }
    }

    fn is_all(&self) -> bool {
        self.allowed.is_all()
    }

    fn possible(&self) -> ConnectionSet {
        self.allowed.union(&self.unknown)
    }
}
