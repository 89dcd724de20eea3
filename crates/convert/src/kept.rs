//! NetworkPolicies of Kubernetes among the input: they stay what they are, and their rules count.

use ringfence_model::{NetworkPolicy, PolicyPeer, PolicyRule};

use crate::ladder::{Action, Peer, Peers, Policy, Rule};
use crate::term::{Scope, named, requirements};

/// A NetworkPolicy in the language of the ladder.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) policy: Policy,
    pub(crate) ingress: Vec<Rule>,
    pub(crate) egress: Vec<Rule>,
}

pub(crate) fn keep(policy: &NetworkPolicy) -> Kept {
    let namespace = &policy.name.namespace;
    let rules = |isolates: bool, rules: &[PolicyRule]| -> Vec<Rule> {
        let rules = rules.iter().filter(|_| isolates);
        rules.map(|rule| allow(namespace, rule)).collect()
    };
    Kept {
        policy: Policy {
            object: None,
            name: policy.name.to_string(),
            namespace: Some(namespace.clone()),
            subject: vec![Scope {
                namespaces: vec![named(namespace)],
                pods: requirements(&policy.pod_selector),
            }],
            isolates_ingress: policy.isolates_ingress,
            isolates_egress: policy.isolates_egress,
        },
        ingress: rules(policy.isolates_ingress, &policy.ingress),
        egress: rules(policy.isolates_egress, &policy.egress),
    }
}

fn allow(namespace: &str, rule: &PolicyRule) -> Rule {
    let peers = rule.peers.iter().map(|peer| match peer {
        PolicyPeer::IpBlock(block) => Peer::Block(block.clone()),
        PolicyPeer::Pods(selector) => Peer::Pods(Scope {
            namespaces: selector
                .namespaces
                .as_ref()
                .map_or_else(|| vec![named(namespace)], requirements),
            pods: selector.pods.as_ref().map_or_else(Vec::new, requirements),
        }),
    });
    let peers = if rule.peers.is_empty() {
        Peers::Any
    } else {
        Peers::Of(peers.collect())
    };
    Rule {
        action: Action::Allow,
        peers,
        ports: rule.ports.clone(),
        outside: false,
        path: String::new(),
    }
}
