//! Cluster-scoped policies as manifests of their own kind (rules AN-5, AN-6).

#![expect(
    clippy::indexing_slicing,
    reason = "assigning to a key of a JSON object adds it"
)]

use ringfence_model::{
    ClusterAction, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPort, ClusterRule,
    Direction, PodScope,
};
use ringfence_net::{PortRange, Protocol};
use serde_json::{Value, json};

use super::manifest::selector;

/// The policy as the kind that it was written as.
pub(super) fn cluster_policy(policy: &ClusterPolicy) -> Value {
    let kind = policy.name.kind;
    let mut spec = json!({
        "subject": scope(&policy.subject, kind),
        "ingress": rules(policy, Direction::Ingress),
        "egress": rules(policy, Direction::Egress),
    });
    if let Some(priority) = policy.priority {
        spec["priority"] = json!(priority);
    }
    if kind == ClusterPolicyKind::ClusterNetworkPolicy {
        spec["tier"] = json!(policy.tier.to_string());
    }
    json!({
        "apiVersion": api_version(kind),
        "kind": kind.name(),
        "metadata": { "name": policy.name.name },
        "spec": spec,
    })
}

const fn api_version(kind: ClusterPolicyKind) -> &'static str {
    match kind {
        ClusterPolicyKind::ClusterNetworkPolicy => "policy.networking.k8s.io/v1alpha2",
        ClusterPolicyKind::AdminNetworkPolicy | ClusterPolicyKind::BaselineAdminNetworkPolicy => {
            "policy.networking.k8s.io/v1alpha1"
        }
    }
}

fn rules(policy: &ClusterPolicy, direction: Direction) -> Vec<Value> {
    let rules = match direction {
        Direction::Ingress => &policy.ingress,
        Direction::Egress => &policy.egress,
    };
    let rendered = rules
        .iter()
        .map(|item| rule(item, policy.name.kind, direction));
    rendered.collect()
}

fn rule(rule: &ClusterRule, kind: ClusterPolicyKind, direction: Direction) -> Value {
    let peers: Vec<Value> = rule.peers.iter().map(|item| peer(item, kind)).collect();
    let mut value = json!({ "action": action(rule.action, kind) });
    if let Some(name) = &rule.name {
        value["name"] = json!(name);
    }
    match direction {
        Direction::Ingress => value["from"] = json!(peers),
        Direction::Egress => value["to"] = json!(peers),
    }
    if rule.ports.is_empty() {
        return value;
    }
    match kind {
        ClusterPolicyKind::ClusterNetworkPolicy => {
            value["protocols"] = rule.ports.iter().map(protocol_item).collect();
        }
        ClusterPolicyKind::AdminNetworkPolicy | ClusterPolicyKind::BaselineAdminNetworkPolicy => {
            value["ports"] = rule.ports.iter().map(port_item).collect();
        }
    }
    value
}

fn action(action: ClusterAction, kind: ClusterPolicyKind) -> String {
    match (action, kind) {
        (
            ClusterAction::Accept,
            ClusterPolicyKind::AdminNetworkPolicy | ClusterPolicyKind::BaselineAdminNetworkPolicy,
        ) => "Allow".to_owned(),
        (ClusterAction::Accept | ClusterAction::Deny | ClusterAction::Pass, _) => {
            action.to_string()
        }
    }
}

/// A peer of unknown kind is its stand-in of the corpus: no manifest can have one (rule CN-51).
fn peer(peer: &ClusterPeer, kind: ClusterPolicyKind) -> Value {
    match peer {
        ClusterPeer::Pods(pods) => scope(pods, kind),
        ClusterPeer::Networks(networks) => {
            let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
            json!({ "networks": networks })
        }
        ClusterPeer::Nodes(labels) => json!({ "nodes": selector(labels) }),
        ClusterPeer::DomainNames(names) => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            json!({ "domainNames": names })
        }
        ClusterPeer::Unrecognized => {
            json!({ "namespaces": { "matchLabels": { "peer-kind": "unknown" } } })
        }
    }
}

/// Of version 1alpha1 `pods` needs both selectors (rule AN-3).
fn scope(scope: &PodScope, kind: ClusterPolicyKind) -> Value {
    let everything = json!({});
    let Some(pods) = &scope.pods else {
        let namespaces = scope.namespaces.as_ref().map_or(everything, selector);
        return json!({ "namespaces": namespaces });
    };
    let mut value = json!({ "podSelector": selector(pods) });
    match (&scope.namespaces, kind) {
        (Some(namespaces), _) => value["namespaceSelector"] = selector(namespaces),
        (None, ClusterPolicyKind::ClusterNetworkPolicy) => {}
        (
            None,
            ClusterPolicyKind::AdminNetworkPolicy | ClusterPolicyKind::BaselineAdminNetworkPolicy,
        ) => value["namespaceSelector"] = everything,
    }
    json!({ "pods": value })
}

/// An item of `protocols` (rules CN-32, CN-33).
fn protocol_item(port: &ClusterPort) -> Value {
    match port {
        ClusterPort::Name(name) => json!({ "destinationNamedPort": name }),
        ClusterPort::Range(protocol, range) => {
            let mut value = json!({});
            let numbers = numbers(*range, "number", "range");
            value[protocol.name().to_lowercase()] = json!({ "destinationPort": numbers });
            value
        }
    }
}

/// An item of `ports` (rule AN-4).
fn port_item(port: &ClusterPort) -> Value {
    match port {
        ClusterPort::Name(name) => json!({ "namedPort": name }),
        ClusterPort::Range(protocol, range) => numbered(*protocol, *range),
    }
}

fn numbered(protocol: Protocol, range: PortRange) -> Value {
    let (protocol, first, last) = (protocol.name(), range.first(), range.last());
    if first == last {
        json!({ "portNumber": { "protocol": protocol, "port": first } })
    } else {
        json!({ "portRange": { "protocol": protocol, "start": first, "end": last } })
    }
}

/// A range of one port is a number: a range must have two ends (rule CN-32).
fn numbers(range: PortRange, number: &str, many: &str) -> Value {
    let mut value = json!({});
    if range.first() == range.last() {
        value[number] = json!(range.first());
    } else {
        value[many] = json!({ "start": range.first(), "end": range.last() });
    }
    value
}
