//! The classes for which the answer to a term is yes.

use std::net::IpAddr;

use ringfence_model::{Cluster, LabelSelector, Labels, Node, PeerSelector, PodScope};
use ringfence_net::Family;

use super::Term;
use crate::class::entry::Entry;
use crate::class::place::Families;
use crate::class::table::ClassTable;
use crate::class::{ClassKind, ClassSet};

/// Live pods of the pod network by namespace and label (rules NP-12 to NP-16, CN-2 to CN-4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PodTerm {
    namespaces: Namespaces,
    labels: LabelSelector,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Namespaces {
    /// This one (rule NP-12).
    Only(String),
    /// Those with such labels (rules NP-13, CN-4).
    Matching(LabelSelector),
}

impl PodTerm {
    /// Pods of one namespace.
    pub(crate) fn in_namespace(namespace: &str, labels: &LabelSelector) -> Self {
        Self {
            namespaces: Namespaces::Only(namespace.to_owned()),
            labels: labels.clone(),
        }
    }

    /// NP-12 to NP-15: a peer in a policy of `namespace`.
    pub(crate) fn of_peer(selector: &PeerSelector, namespace: &str) -> Self {
        Self {
            namespaces: match &selector.namespaces {
                None => Namespaces::Only(namespace.to_owned()),
                Some(labels) => Namespaces::Matching(labels.clone()),
            },
            labels: selector.pods.clone().unwrap_or_default(),
        }
    }

    /// CN-4.
    pub(crate) fn of_scope(scope: &PodScope) -> Self {
        let namespaces = scope.namespaces.clone().unwrap_or_default();
        Self {
            namespaces: Namespaces::Matching(namespaces),
            labels: scope.pods.clone().unwrap_or_default(),
        }
    }

    /// The one namespace whose pods can match.
    pub(crate) fn namespace(&self) -> Option<&str> {
        match &self.namespaces {
            Namespaces::Only(name) => Some(name),
            Namespaces::Matching(_) => None,
        }
    }

    pub(crate) fn resolve(&self, classes: &ClassTable) -> ClassSet {
        let sets = classes.sets();
        match &self.namespaces {
            Namespaces::Only(name) => match classes.namespace(name) {
                Some(namespace) => sets.labels.select(&self.labels, &namespace.classes),
                None => ClassSet::new(),
            },
            Namespaces::Matching(selector) => {
                let among = sets.namespace_labels.select(selector, &sets.pods);
                sets.labels.select(&self.labels, &among)
            }
        }
    }

    /// Whether the pods of a class match; `namespace` are the labels of their namespace.
    pub(crate) fn matches(&self, entry: &Entry, namespace: Option<&Labels>) -> bool {
        let ClassKind::Pods {
            namespace: name,
            labels,
            ..
        } = &entry.class.kind
        else {
            return false;
        };
        let in_namespace = match &self.namespaces {
            Namespaces::Only(only) => only == name,
            Namespaces::Matching(selector) => {
                namespace.is_some_and(|namespace| selector.matches(namespace))
            }
        };
        in_namespace && self.labels.matches(labels)
    }
}

impl Term {
    /// The one namespace whose pods can match.
    pub(super) fn namespace(&self) -> Option<&str> {
        match self {
            Self::Pods(pods) => pods.namespace(),
            Self::Addresses(_)
            | Self::Nodes(..)
            | Self::Node(_)
            | Self::Unaddressed
            | Self::UnaddressedLikeNodes(_)
            | Self::Port(_) => None,
        }
    }

    pub(super) fn is_about_nodes(&self) -> bool {
        match self {
            Self::Nodes(..) | Self::UnaddressedLikeNodes(_) => true,
            Self::Pods(_)
            | Self::Addresses(_)
            | Self::Node(_)
            | Self::Unaddressed
            | Self::Port(_) => false,
        }
    }

    /// By the indexes.
    pub(super) fn resolve(&self, classes: &ClassTable, cluster: &Cluster) -> ClassSet {
        let sets = classes.sets();
        match self {
            Self::Pods(pods) => pods.resolve(classes),
            Self::Addresses(set) => sets.among(set),
            Self::Nodes(family, labels) => {
                let addresses = node_addresses(cluster, *family, labels);
                ClassSet::union_of(addresses.map(|address| sets.with_node_address(address)))
            }
            Self::Node(name) => classes.all_of_node(name),
            Self::Unaddressed => sets.unaddressed.clone(),
            Self::UnaddressedLikeNodes(labels) if is_comparable(cluster, labels) => {
                sets.unaddressed.clone()
            }
            Self::UnaddressedLikeNodes(_) => ClassSet::new(),
            Self::Port(name) => ClassSet::union_of(sets.named_ports(name).map(|(_, found)| found)),
        }
    }

    /// Of one class.
    pub(super) fn matches(&self, entry: &Entry, classes: &ClassTable, cluster: &Cluster) -> bool {
        match self {
            Self::Pods(pods) => {
                let namespace = entry.namespace().and_then(|name| classes.namespace(name));
                pods.matches(entry, namespace.map(|found| &found.labels))
            }
            Self::Addresses(set) => {
                let mut places = entry.place.iter();
                places.any(|located| set.holds(located.atom))
            }
            Self::Nodes(family, labels) => {
                let of_family = entry.place.iter().filter(|at| at.family() == *family);
                let mut listed = of_family.filter_map(|at| at.of_node);
                listed.any(|own| {
                    node_addresses(cluster, *family, labels).any(|address| address == own)
                })
            }
            Self::Node(name) => entry.node() == Some(name),
            Self::Unaddressed => entry.place.families() == Families::Unknown,
            Self::UnaddressedLikeNodes(labels) => {
                entry.place.families() == Families::Unknown && is_comparable(cluster, labels)
            }
            Self::Port(name) => declares(entry, name),
        }
    }
}

fn declares(entry: &Entry, name: &str) -> bool {
    match &entry.class.kind {
        ClassKind::Pods { ports, .. } => {
            let mut ports = ports.iter();
            ports.any(|port| port.name.as_deref() == Some(name))
        }
        ClassKind::Node { .. } | ClassKind::Addresses { .. } => false,
    }
}

/// CN-35: the addresses of one family in the objects of nodes with such labels.
fn node_addresses<'a>(
    cluster: &'a Cluster,
    family: Family,
    labels: &'a LabelSelector,
) -> impl Iterator<Item = IpAddr> + 'a {
    let nodes = cluster.nodes.values();
    let matching = nodes.filter(|node| labels.matches(&node.labels));
    let addresses = matching.flat_map(|node| &node.addresses);
    addresses
        .map(IpAddr::to_canonical)
        .filter(move |address| Family::of(*address) == family)
}

/// CN-35, AM-22: whether a node with these labels has an address that one could be compared with.
fn is_comparable(cluster: &Cluster, labels: &LabelSelector) -> bool {
    let is_addressed = |node: &Node| !node.addresses.is_empty() && labels.matches(&node.labels);
    cluster.nodes.values().any(is_addressed)
}
