use ringfence_model::{
    Direction, IpBlock, LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort,
    PolicyRule, PortMatch, Requirement, SelectorOperator,
};
use ringfence_net::{PortRange, Protocol};

use super::name;

/// A policy in the making. It selects every pod, and its types follow from its rules (rule NP-3).
#[derive(Clone, Debug)]
pub struct PolicyBuilder {
    policy: NetworkPolicy,
    types: Option<Vec<Direction>>,
}

/// The policy `namespace/name`.
#[must_use]
pub fn policy(text: &str) -> PolicyBuilder {
    PolicyBuilder {
        policy: NetworkPolicy {
            name: name(text),
            pod_selector: LabelSelector::default(),
            isolates_ingress: true,
            isolates_egress: false,
            audit: None,
            ingress: Vec::new(),
            egress: Vec::new(),
            source: None,
        },
        types: None,
    }
}

impl PolicyBuilder {
    /// Sets `podSelector`.
    #[must_use]
    pub fn select(mut self, selector: LabelSelector) -> Self {
        self.policy.pod_selector = selector;
        self
    }

    /// Sets `policyTypes`; without it rule NP-3 applies.
    #[must_use]
    pub fn types(mut self, types: &[Direction]) -> Self {
        self.types = Some(types.to_vec());
        self
    }

    /// Adds an ingress rule.
    #[must_use]
    pub fn ingress(mut self, rule: RuleBuilder) -> Self {
        self.policy.ingress.push(rule.rule);
        self
    }

    /// Adds an egress rule.
    #[must_use]
    pub fn egress(mut self, rule: RuleBuilder) -> Self {
        self.policy.egress.push(rule.rule);
        self
    }

    /// The policy, its types settled as the API server would (rule NP-3).
    #[must_use]
    pub fn build(self) -> NetworkPolicy {
        let mut policy = self.policy;
        match self.types.filter(|types| !types.is_empty()) {
            Some(types) => {
                policy.isolates_ingress = types.contains(&Direction::Ingress);
                policy.isolates_egress = types.contains(&Direction::Egress);
            }
            None => {
                policy.isolates_ingress = true;
                policy.isolates_egress = !policy.egress.is_empty();
            }
        }
        policy
    }
}

/// A rule in the making. Without peers it matches every peer, without ports every port (rule NP-10).
#[derive(Clone, Debug)]
pub struct RuleBuilder {
    rule: PolicyRule,
}

/// The rule that matches everything.
#[must_use]
pub fn rule() -> RuleBuilder {
    RuleBuilder {
        rule: PolicyRule {
            peers: Vec::new(),
            ports: Vec::new(),
            source: None,
        },
    }
}

impl RuleBuilder {
    /// Adds an item of `from` or `to`.
    #[must_use]
    pub fn peer(mut self, peer: PolicyPeer) -> Self {
        self.rule.peers.push(peer);
        self
    }

    /// Adds an item of `ports`.
    #[must_use]
    pub fn port(mut self, port: PolicyPort) -> Self {
        self.rule.ports.push(port);
        self
    }

    /// The rule.
    #[must_use]
    pub fn build(self) -> PolicyRule {
        self.rule
    }
}

/// A selector of `matchLabels`.
#[must_use]
pub fn labels(pairs: &[(&str, &str)]) -> LabelSelector {
    LabelSelector {
        match_labels: pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        match_expressions: Vec::new(),
    }
}

/// A selector of one `matchExpressions` item.
#[must_use]
pub fn requirement(key: &str, operator: SelectorOperator, values: &[&str]) -> LabelSelector {
    LabelSelector {
        match_labels: ringfence_model::Labels::new(),
        match_expressions: vec![Requirement {
            key: key.to_owned(),
            operator,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        }],
    }
}

/// Pods of the policy's own namespace (rule NP-12).
#[must_use]
pub fn pods(selector: LabelSelector) -> PolicyPeer {
    PolicyPeer::Pods(PeerSelector {
        namespaces: None,
        pods: Some(selector),
    })
}

/// All pods of some namespaces (rule NP-13).
#[must_use]
pub fn namespaces(selector: LabelSelector) -> PolicyPeer {
    PolicyPeer::Pods(PeerSelector {
        namespaces: Some(selector),
        pods: None,
    })
}

/// Some pods of some namespaces (rule NP-14).
#[must_use]
pub fn pods_in(namespaces: LabelSelector, pods: LabelSelector) -> PolicyPeer {
    PolicyPeer::Pods(PeerSelector {
        namespaces: Some(namespaces),
        pods: Some(pods),
    })
}

/// An `ipBlock` with the holes `except`.
#[must_use]
pub fn block(cidr: &str, except: &[&str]) -> PolicyPeer {
    PolicyPeer::IpBlock(IpBlock {
        cidr: cidr.parse().expect("a CIDR"),
        except: except
            .iter()
            .map(|hole| hole.parse().expect("a CIDR"))
            .collect(),
    })
}

/// One TCP port.
#[must_use]
pub fn tcp(port: u16) -> PolicyPort {
    ports(Protocol::Tcp, port, port)
}

/// One UDP port.
#[must_use]
pub fn udp(port: u16) -> PolicyPort {
    ports(Protocol::Udp, port, port)
}

/// One SCTP port.
#[must_use]
pub fn sctp(port: u16) -> PolicyPort {
    ports(Protocol::Sctp, port, port)
}

/// The ports `first` to `last` (rule NP-32).
#[must_use]
pub fn ports(protocol: Protocol, first: u16, last: u16) -> PolicyPort {
    let range = PortRange::new(first, last).expect("first <= last");
    PolicyPort {
        protocol,
        port: PortMatch::Range(range),
    }
}

/// Every port of `protocol` (rule NP-31).
#[must_use]
pub fn any_port(protocol: Protocol) -> PolicyPort {
    PolicyPort {
        protocol,
        port: PortMatch::Any,
    }
}

/// A container port's name (rule NP-34).
#[must_use]
pub fn port_named(protocol: Protocol, name: &str) -> PolicyPort {
    PolicyPort {
        protocol,
        port: PortMatch::Name(name.to_owned()),
    }
}
