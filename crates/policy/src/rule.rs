//! Policies in the words of terms and sets of ports.

mod blocks;
mod compile;

use ringfence_model::{
    Cluster, ClusterAction, ClusterTier, Direction, IpBlock, LabelSelector, Labels, Match,
};
use ringfence_net::{ConnectionSet, Family, Protocol};

use crate::atoms::Atom;
use crate::class::ClassSet;
use crate::class::entry::Entry;
use crate::class::table::ClassTable;
use crate::index::TierOrder;
use crate::term::{PodTerm, TermId};
use crate::whereabouts::Whereabouts;

pub(crate) use blocks::{blocks_of, domain_addresses, is_everywhere, networks_of};
pub(crate) use compile::{Compiler, Written};

/// A policy, ready to be judged by.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Its place among cluster-scoped policies (rule CN-21); none for a NetworkPolicy.
    pub(crate) rank: Option<(TierOrder, String)>,
    pub(crate) selects: Selects,
    /// The classes that it selects.
    pub(crate) subject: ClassSet,
    /// None in a direction in which it has no say.
    pub(crate) rules: PerDirection<Option<Vec<Rule>>>,
    /// The blocks that it names.
    pub(crate) blocks: Vec<Atom>,
    /// Whether a rule of ingress names a port.
    pub(crate) names_ingress_ports: bool,
    /// What its rules ask of peers.
    pub(crate) terms: PerDirection<Vec<TermId>>,
}

/// Whom a policy judges.
#[derive(Clone, Debug)]
pub(crate) enum Selects {
    Pods(PodTerm),
    /// This node, at every address of it.
    Node(String),
}

impl Selects {
    pub(crate) fn resolve(&self, classes: &ClassTable) -> ClassSet {
        match self {
            Self::Pods(pods) => pods.resolve(classes),
            Self::Node(name) => classes.all_of_node(name),
        }
    }

    /// Whether it is this class; `namespace` are the labels of its namespace.
    pub(crate) fn matches(&self, entry: &Entry, namespace: Option<&Labels>) -> bool {
        match self {
            Self::Pods(pods) => pods.matches(entry, namespace),
            Self::Node(name) => entry.node() == Some(name),
        }
    }
}

/// One rule. Those of a NetworkPolicy accept.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) action: ClusterAction,
    pub(crate) peers: Peers,
    pub(crate) ports: Ports,
}

/// Who is meant.
#[derive(Clone, Debug)]
pub(crate) enum Peers {
    /// Everybody.
    Any,
    /// Those of whom one question is answered with yes.
    Some(SomePeers),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SomePeers {
    pub(crate) pods: Vec<TermId>,
    /// Questions about the address of a family.
    pub(crate) addresses: Vec<(Family, TermId)>,
    /// Who, for want of a known address, leaves it open (rule AM-22).
    pub(crate) open: Vec<Open>,
}

/// Somebody of whom no address is known, and what is asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) who: TermId,
    pub(crate) asked: Asked,
}

/// What is asked of an address.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// Whether it lies in one of them.
    Blocks(Vec<IpBlock>),
    /// Whether nodes with such labels have it (rule CN-35).
    Nodes(LabelSelector),
}

impl Asked {
    /// The answer for somebody whose address lies somewhere in `known`.
    pub(crate) fn of(&self, known: &Whereabouts, cluster: &Cluster) -> Match {
        match self {
            Self::Blocks(blocks) => Match::any(blocks.iter().map(|block| known.within(block))),
            Self::Nodes(labels) => {
                let nodes = cluster.nodes.values();
                let matching = nodes.filter(|node| labels.matches(&node.labels));
                let addresses = matching.flat_map(|node| &node.addresses);
                let addresses = addresses.map(|address| address.to_canonical().into());
                Match::any(addresses.map(|address| known.within_network(address)))
            }
        }
    }
}

/// What is meant.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    /// Whatever the destination declares.
    pub(crate) fixed: ConnectionSet,
    /// What the destination declares under a name.
    pub(crate) named: Vec<NamedPort>,
}

#[derive(Clone, Debug)]
pub(crate) struct NamedPort {
    pub(crate) name: String,
    /// The protocol that the declared port must have (rule NP-34), if any (rule CN-33).
    pub(crate) protocol: Option<Protocol>,
    /// Egress: the peers that declare it.
    pub(crate) declared: Option<TermId>,
}

/// One value for each direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct PerDirection<T> {
    egress: T,
    ingress: T,
}

impl<T> PerDirection<T> {
    pub(crate) const fn get(&self, direction: Direction) -> &T {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }

    pub(crate) const fn get_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Egress => &mut self.egress,
            Direction::Ingress => &mut self.ingress,
        }
    }
}

impl NamedPort {
    /// The part of what a name stands for that is meant.
    pub(crate) fn meaning(&self, declared: &ConnectionSet) -> ConnectionSet {
        match self.protocol {
            None => declared.clone(),
            Some(protocol) => ConnectionSet::of(protocol, declared.ports(protocol).clone()),
        }
    }
}

impl Rule {
    /// Whether it asks for the addresses of peers.
    pub(crate) fn asks_for_addresses(&self) -> bool {
        match &self.peers {
            Peers::Any => false,
            Peers::Some(some) => !some.addresses.is_empty(),
        }
    }
}

impl Policy {
    pub(crate) fn tier(&self) -> Option<ClusterTier> {
        self.rank.as_ref().map(|((tier, _, _), _)| *tier)
    }
}
