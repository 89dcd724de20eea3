//! What a random question is about, so that a run can count that it has asked about everything often enough.

use ringfence_model::{
    Answer, Because, Cluster, Connection, DirectionDecision, NetworkPolicy, Outcome, Party,
    PolicyPeer, PolicyRule, PortMatch, Query, QueryError,
};

/// A question and what came of it.
pub(crate) struct Asked<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) flow: &'a Query,
    pub(crate) answer: &'a Result<Answer, QueryError>,
}

/// A feature, and whether a question is about it.
pub(crate) type Feature = (&'static str, fn(&Asked<'_>) -> bool);

pub(crate) const FEATURES: [Feature; 19] = [
    ("a Service", |asked| {
        asked.answered(|answer| answer.service.is_some())
    }),
    ("a node or a host pod", |asked| {
        asked.party(|party| matches!(party, Party::Node { .. }))
    }),
    ("nobody's address", |asked| {
        asked.party(|party| matches!(party, Party::Other(_)))
    }),
    ("IPv6", |asked| {
        asked.party(|party| party.address().is_some_and(|address| address.is_ipv6()))
    }),
    ("a pod without address", |asked| {
        asked.party(|party| matches!(party, Party::Pod { address: None, .. }))
    }),
    (
        "a pod without address, and where pods get theirs from",
        |asked| {
            let is_told = !asked.cluster.pod_blocks.is_empty();
            is_told && asked.party(|party| matches!(party, Party::Pod { address: None, .. }))
        },
    ),
    ("no port", |asked| asked.flow.port.is_none()),
    ("no policy", |asked| {
        asked.because(|because| matches!(because, Because::NotIsolated))
    }),
    ("rules of NetworkPolicies that match", |asked| {
        asked.because(is_by_rules)
    }),
    ("rules that do not", |asked| asked.because(is_by_isolation)),
    ("blocks", |asked| {
        asked.by_rules(|rule| rule.peers.iter().any(is_block))
    }),
    ("holes", |asked| {
        asked.by_rules(|rule| rule.peers.iter().any(is_block_with_holes))
    }),
    ("ports by name", |asked| {
        asked.by_rules(|rule| {
            rule.ports
                .iter()
                .any(|port| matches!(port.port, PortMatch::Name(_)))
        })
    }),
    ("expressions", |asked| {
        asked.by_rules(|rule| rule.peers.iter().any(has_expressions))
    }),
    ("cluster-scoped policies", |asked| {
        asked.because(|because| matches!(because, Because::ClusterRule(_)))
    }),
    ("allow", |asked| {
        asked.answered(|answer| answer.outcome == Outcome::Allow)
    }),
    ("deny", |asked| {
        asked.answered(|answer| answer.outcome == Outcome::Deny)
    }),
    ("unknown", |asked| {
        asked.answered(|answer| matches!(answer.outcome, Outcome::Unknown { .. }))
    }),
    ("no sense", |asked| asked.answer.is_err()),
];

impl Asked<'_> {
    fn answered(&self, is: impl Fn(&Answer) -> bool) -> bool {
        self.answer.as_ref().is_ok_and(is)
    }

    fn connection(&self, is: impl Fn(&Connection) -> bool) -> bool {
        self.answered(|answer| answer.connections.iter().any(&is))
    }

    fn party(&self, is: impl Fn(&Party) -> bool) -> bool {
        self.connection(|connection| is(&connection.source) || is(&connection.destination))
    }

    fn because(&self, is: impl Fn(&Because) -> bool) -> bool {
        let is = |decision: &DirectionDecision| is(&decision.because);
        self.connection(|connection| is(&connection.egress) || is(&connection.ingress))
    }

    /// Whether it came down to the rules of policies, and the cluster has one like this.
    fn by_rules(&self, is: impl Fn(&PolicyRule) -> bool) -> bool {
        let rules = |policy: &NetworkPolicy| policy.ingress.iter().chain(&policy.egress).any(&is);
        self.because(|because| is_by_rules(because) || is_by_isolation(because))
            && self.cluster.network_policies.values().any(rules)
    }
}

fn is_by_rules(because: &Because) -> bool {
    matches!(because, Because::Rules { .. })
}

fn is_by_isolation(because: &Because) -> bool {
    matches!(because, Because::NoRuleMatched { .. })
}

fn is_block(peer: &PolicyPeer) -> bool {
    matches!(peer, PolicyPeer::IpBlock(_))
}

fn is_block_with_holes(peer: &PolicyPeer) -> bool {
    matches!(peer, PolicyPeer::IpBlock(block) if !block.except.is_empty())
}

fn has_expressions(peer: &PolicyPeer) -> bool {
    let PolicyPeer::Pods(peer) = peer else {
        return false;
    };
    let mut selectors = peer.pods.iter().chain(&peer.namespaces);
    selectors.any(|selector| !selector.match_expressions.is_empty())
}
