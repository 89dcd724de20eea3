//! How each part of a rule fares against one connection, and why a part does not match.
//!
//! The engine and the reference say *that* a rule does not match; this says which line of it would have to change.

mod cluster_rule;
mod labels;
mod peer;
mod port;
mod why;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::fmt;

use ringfence_model::{
    Cluster, ClusterRule, ClusterRuleRef, Connection, Direction, Match, NetworkPolicy, Party,
    PolicyRule, RuleRef,
};
use ringfence_policy::Whereabouts;

pub use why::Why;

/// How the items of a rule fare. A list without items matches everything (rule NP-10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMatching {
    /// The items of `from` or `to`.
    pub peers: Vec<Part>,
    /// The items of `ports` or `protocols`.
    pub ports: Vec<Part>,
}

/// How one item of a rule fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it stands in its rule.
    pub place: Vec<Step>,
    /// Whether it matches.
    pub matches: Match,
    /// Why it does not match for certain; nothing if it does.
    pub misses: Vec<Miss>,
}

/// One reason why a part does not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The field that would have to be another one, in the rule.
    pub place: Vec<Step>,
    /// What is wrong with it.
    pub why: Why,
}

/// A step from an object into one of its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A field, or the key of a label.
    Field(String),
    /// An item of a list, counted from 0.
    Item(usize),
}

/// One direction of a connection, seen from the end whose rules are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) connection: &'a Connection,
    pub(crate) direction: Direction,
}

impl<'a> Flow<'a> {
    /// The end that the rule's peers are compared with.
    pub(crate) const fn peer(&self) -> &'a Party {
        match self.direction {
            Direction::Ingress => &self.connection.source,
            Direction::Egress => &self.connection.destination,
        }
    }

    /// AM-22: why a peer without a known address does not match for certain, where `test` says what is known of it.
    pub(crate) fn unaddressed(&self, test: impl FnOnce(&Whereabouts) -> Match) -> Option<Why> {
        let own = match self.direction {
            Direction::Ingress => &self.connection.destination,
            Direction::Egress => &self.connection.source,
        };
        let peer = self.peer();
        match test(&Whereabouts::of(self.cluster, own, peer)) {
            Match::Yes => None,
            Match::Unknown => Some(Why::AddressUnknown(peer.clone())),
            Match::No => Some(Why::NoSuchAddress(peer.clone())),
        }
    }
}

/// The rule of a NetworkPolicy that `rule` names, with the policy; `None` if the cluster has no such rule.
#[must_use]
pub fn policy_rule<'a>(
    cluster: &'a Cluster,
    rule: &RuleRef,
) -> Option<(&'a NetworkPolicy, &'a PolicyRule)> {
    let policy = cluster.network_policies.get(&rule.policy.name)?;
    Some((policy, policy.rules(rule.direction).get(rule.index)?))
}

/// The rule of a cluster-scoped policy that `rule` names; `None` if the cluster has no such rule.
#[must_use]
pub fn cluster_rule<'a>(cluster: &'a Cluster, rule: &ClusterRuleRef) -> Option<&'a ClusterRule> {
    let policy = cluster.cluster_policies.get(&rule.policy)?;
    policy.rules(rule.direction).get(rule.index)
}

/// How the rule of a NetworkPolicy fares against `connection` (rules NP-10 to NP-44).
#[must_use]
pub fn of_rule(cluster: &Cluster, connection: &Connection, rule: &RuleRef) -> Option<RuleMatching> {
    let (policy, found) = policy_rule(cluster, rule)?;
    let flow = Flow {
        cluster,
        connection,
        direction: rule.direction,
    };
    let peers = found.peers.iter().enumerate();
    let ports = found.ports.iter().enumerate();
    Some(RuleMatching {
        peers: peers
            .map(|(index, item)| peer::part(flow, policy, item, index))
            .collect(),
        ports: ports
            .map(|(index, item)| port::part(flow, item, index))
            .collect(),
    })
}

/// How the rule of a cluster-scoped policy fares against `connection` (rules CN-30 to CN-37).
#[must_use]
pub fn of_cluster_rule(
    cluster: &Cluster,
    connection: &Connection,
    rule: &ClusterRuleRef,
) -> Option<RuleMatching> {
    let found = cluster_rule(cluster, rule)?;
    let flow = Flow {
        cluster,
        connection,
        direction: rule.direction,
    };
    let dialect = cluster_rule::Dialect::of(rule.policy.kind);
    let peers = found.peers.iter().enumerate();
    let ports = found.ports.iter().enumerate();
    Some(RuleMatching {
        peers: peers
            .map(|(index, item)| cluster_rule::peer(flow, item, index))
            .collect(),
        ports: ports
            .map(|(index, item)| cluster_rule::port(flow, dialect, item, index))
            .collect(),
    })
}

impl RuleMatching {
    /// Whether the peer matches (rule NP-10).
    #[must_use]
    pub fn peer(&self) -> Match {
        of_list(&self.peers)
    }

    /// Whether the port matches (rule NP-10).
    #[must_use]
    pub fn port(&self) -> Match {
        of_list(&self.ports)
    }

    /// For sorting, nearest first: rules of which only the port is wrong, then those of which only the peer is, then
    /// those of which both are; among them those of which the fewest fields are wrong.
    #[must_use]
    pub fn distance(&self) -> (Reverse<Match>, Reverse<Match>, usize) {
        let fields = nearest(&self.peers) + nearest(&self.ports);
        let both = self.peer().and(self.port());
        match (self.peer(), self.port()) {
            (Match::No, Match::No) => (Reverse(both), Reverse(Match::No), fields),
            (peer, _) => (Reverse(Match::Yes), Reverse(peer), fields),
        }
    }
}

fn of_list(parts: &[Part]) -> Match {
    if parts.is_empty() {
        return Match::Yes;
    }
    Match::any(parts.iter().map(|part| part.matches))
}

/// How much is wrong with the part that comes nearest.
fn nearest(parts: &[Part]) -> usize {
    let weight = |part: &Part| part.misses.iter().map(|miss| miss.why.weight()).sum();
    parts.iter().map(weight).min().unwrap_or_default()
}

impl Part {
    fn new(place: Vec<Step>, misses: Vec<Miss>) -> Self {
        let matches = misses.iter().map(|miss| miss.why.leaves()).min();
        Self {
            place,
            matches: matches.unwrap_or(Match::Yes),
            misses,
        }
    }
}

/// The steps as the API server writes them: `from[0].podSelector.matchLabels.app`.
#[must_use]
pub fn path(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => text = format!("{text}.{name}"),
            Step::Item(index) => text = format!("{text}[{index}]"),
        }
    }
    text
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", path(&self.place), self.why)
    }
}

/// `steps` and what follows them.
fn below(steps: &[Step], more: impl IntoIterator<Item = Step>) -> Vec<Step> {
    steps.iter().cloned().chain(more).collect()
}

fn field(name: &str) -> Step {
    Step::Field(name.to_owned())
}

/// The list of a rule's peers.
fn peers_field(direction: Direction) -> Step {
    field(match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    })
}
