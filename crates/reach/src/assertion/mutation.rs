//! Mistakes that somebody could make in the policies, each alone: would an assertion notice?

mod anchor;
mod cluster;
mod effect;
mod footprint;
mod network;
mod suggestion;
mod trial;

use std::fmt;

use ringfence_model::{
    Cluster, ClusterAction, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, Direction,
    NetworkPolicy, ObjectName, Source,
};

pub use suggestion::{SuggestedEnd, Suggestion};
pub use trial::{Fate, Missed, Mutations, Tried, mutate};

/// A cluster's policies with one mistake in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The policy that it is in.
    pub policy: MutatedPolicy,
    /// What is wrong there.
    pub mutation: Mutation,
    /// Where the part that is wrong was written.
    pub source: Option<Source>,
}

/// The policy that a mistake is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MutatedPolicy {
    /// A NetworkPolicy.
    Network(ObjectName),
    /// A cluster-scoped policy.
    Cluster(ClusterPolicyName),
}

/// A policy as a mistake leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A NetworkPolicy; without the second it is gone.
    Network(ObjectName, Option<NetworkPolicy>),
    /// A cluster-scoped policy; without the second it is gone.
    Cluster(ClusterPolicyName, Option<ClusterPolicy>),
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// The policy is forgotten.
    PolicyDropped,
    /// The policy does not isolate in this direction (rule NP-3).
    IsolationDropped(Direction),
    /// The rule is forgotten.
    RuleDropped(RulePlace),
    /// The rule matches every peer.
    PeersRemoved(RulePlace),
    /// The rule matches every port.
    PortsRemoved(RulePlace),
    /// One item of `from` or `to` is forgotten.
    PeerDropped(RulePlace, usize),
    /// One item of `ports` is forgotten.
    PortDropped(RulePlace, usize),
    /// The holes of an `ipBlock` are forgotten (rule NP-40).
    ExceptRemoved(RulePlace, usize),
    /// A range of ports has no end.
    EndPortExtended(RulePlace, usize),
    /// The rule of a cluster-scoped policy does something else with what it matches.
    ActionChanged(RulePlace, ClusterAction),
    /// The policy has the priority of another one, and that one its own (rule CN-21).
    PrioritySwapped(ClusterPolicyName),
}

/// A rule of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RulePlace {
    /// In which of its two lists.
    pub direction: Direction,
    /// The place in that list, counted from 0.
    pub index: usize,
}

/// Every mistake that is looked for, in order of policy and place.
///
/// None of them brings in a selector, block or port name that the policies do not have: who was alike stays alike.
pub fn mutants(cluster: &Cluster) -> impl Iterator<Item = Mutant> + '_ {
    let network_policies = cluster.network_policies.values().flat_map(network::mutants);
    let cluster_policies = cluster.cluster_policies.values();
    network_policies.chain(cluster_policies.flat_map(|policy| cluster::mutants(cluster, policy)))
}

impl Mutant {
    /// The policies of `cluster` as they are with the mistake; those that are gone are `None`. They are made when they are
    /// asked for: a policy of thousands of blocks has as many mistakes, and each would hold all of them.
    #[must_use]
    pub fn changed(&self, cluster: &Cluster) -> Vec<Changed> {
        match &self.policy {
            MutatedPolicy::Network(name) => {
                let policy = cluster.network_policies.get(name);
                let changed = policy.and_then(|policy| network::changed(policy, &self.mutation));
                vec![Changed::Network(name.clone(), changed)]
            }
            MutatedPolicy::Cluster(name) => {
                let policy = cluster.cluster_policies.get(name);
                let changed =
                    policy.map(|policy| cluster::changed(cluster, policy, &self.mutation));
                changed.unwrap_or_default()
            }
        }
    }

    /// What is wrong, without the policy that it is in: `without egress[0].protocols[1]`.
    #[must_use]
    pub fn change(&self) -> String {
        let ports = self.policy.ports();
        match &self.mutation {
            Mutation::PolicyDropped => "without the policy".to_owned(),
            Mutation::IsolationDropped(direction) => format!("without isolation for {direction}"),
            Mutation::RuleDropped(place) => format!("without {place}"),
            Mutation::PeersRemoved(place) => format!("{place} without `{}`", place.peers()),
            Mutation::PortsRemoved(place) => format!("{place} without `{ports}`"),
            Mutation::PeerDropped(place, item) => {
                format!("without {place}.{}[{item}]", place.peers())
            }
            Mutation::PortDropped(place, item) => format!("without {place}.{ports}[{item}]"),
            Mutation::ExceptRemoved(place, item) => {
                format!("{place}.{}[{item}] without `except`", place.peers())
            }
            Mutation::EndPortExtended(place, item) => {
                format!("{place}.{ports}[{item}] up to port 65535")
            }
            Mutation::ActionChanged(place, action) => format!("{place} with action {action}"),
            Mutation::PrioritySwapped(other) => format!("with the priority of {other}"),
        }
    }

    /// The policies that are others with the mistake.
    #[must_use]
    pub fn policies(&self) -> Vec<MutatedPolicy> {
        let other = match &self.mutation {
            Mutation::PrioritySwapped(other) => Some(MutatedPolicy::Cluster(other.clone())),
            Mutation::PolicyDropped
            | Mutation::IsolationDropped(_)
            | Mutation::RuleDropped(_)
            | Mutation::PeersRemoved(_)
            | Mutation::PortsRemoved(_)
            | Mutation::PeerDropped(..)
            | Mutation::PortDropped(..)
            | Mutation::ExceptRemoved(..)
            | Mutation::EndPortExtended(..)
            | Mutation::ActionChanged(..) => None,
        };
        [self.policy.clone()].into_iter().chain(other).collect()
    }
}

impl Mutation {
    /// The directions that are judged in another way, egress first.
    #[must_use]
    pub fn directions(&self) -> Vec<Direction> {
        match self {
            Self::PolicyDropped | Self::PrioritySwapped(_) => Direction::ALL.to_vec(),
            Self::IsolationDropped(direction) => vec![*direction],
            Self::RuleDropped(place)
            | Self::PeersRemoved(place)
            | Self::PortsRemoved(place)
            | Self::PeerDropped(place, _)
            | Self::PortDropped(place, _)
            | Self::ExceptRemoved(place, _)
            | Self::EndPortExtended(place, _)
            | Self::ActionChanged(place, _) => vec![place.direction],
        }
    }
}

impl MutatedPolicy {
    /// The field of its rules that lists ports.
    const fn ports(&self) -> &'static str {
        match self {
            Self::Cluster(ClusterPolicyName {
                kind: ClusterPolicyKind::ClusterNetworkPolicy,
                ..
            }) => "protocols",
            Self::Network(_)
            | Self::Cluster(ClusterPolicyName {
                kind:
                    ClusterPolicyKind::AdminNetworkPolicy
                    | ClusterPolicyKind::BaselineAdminNetworkPolicy,
                ..
            }) => "ports",
        }
    }
}

impl fmt::Display for MutatedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(name) => write!(f, "NetworkPolicy {name}"),
            Self::Cluster(name) => write!(f, "{name}"),
        }
    }
}

impl RulePlace {
    /// `from` of an ingress rule, `to` of an egress rule.
    const fn peers(self) -> &'static str {
        match self.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        }
    }
}

impl fmt::Display for RulePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.direction, self.index)
    }
}

/// `policy: mistake`, without its place.
impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.policy, self.change())
    }
}

#[cfg(test)]
mod tests;
