//! Policies as manifests.

mod yaml;

use ringfence_model::{
    ClusterPeer, ClusterPolicy, ClusterPort, ClusterRule, Direction, LabelSelector, NetworkPolicy,
    PeerSelector, PodScope, PolicyPeer, PolicyPort, PolicyRule, PortMatch, SelectorOperator,
};
use serde_json::{Map, Value, json};

pub(crate) use yaml::yaml;

/// A NetworkPolicy as JSON.
pub(crate) fn network_policy(policy: &NetworkPolicy) -> Value {
    let mut types = Vec::new();
    let mut spec = Map::new();
    spec.insert("podSelector".to_owned(), selector(&policy.pod_selector));
    spec.insert("policyTypes".to_owned(), Value::Null);
    for direction in [Direction::Ingress, Direction::Egress] {
        if !policy.isolates(direction) {
            continue;
        }
        let (kind, key, _) = words(direction);
        types.push(kind);
        let rules = policy.rules(direction).iter();
        let rules: Vec<Value> = rules.map(|rule| network_rule(rule, direction)).collect();
        if !rules.is_empty() {
            spec.insert(key.to_owned(), Value::Array(rules));
        }
    }
    spec.insert("policyTypes".to_owned(), json!(types));
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": policy.name.name, "namespace": policy.name.namespace},
        "spec": spec,
    })
}

/// The type, the field of rules and the field of peers.
const fn words(direction: Direction) -> (&'static str, &'static str, &'static str) {
    match direction {
        Direction::Ingress => ("Ingress", "ingress", "from"),
        Direction::Egress => ("Egress", "egress", "to"),
    }
}

fn network_rule(rule: &PolicyRule, direction: Direction) -> Value {
    let (_, _, peers) = words(direction);
    let mut fields = Map::new();
    put(&mut fields, peers, rule.peers.iter().map(network_peer));
    put(&mut fields, "ports", rule.ports.iter().map(network_port));
    Value::Object(fields)
}

fn put(fields: &mut Map<String, Value>, key: &str, items: impl Iterator<Item = Value>) {
    let items: Vec<Value> = items.collect();
    if !items.is_empty() {
        fields.insert(key.to_owned(), Value::Array(items));
    }
}

fn network_peer(peer: &PolicyPeer) -> Value {
    match peer {
        PolicyPeer::IpBlock(block) => {
            let mut fields = Map::new();
            fields.insert("cidr".to_owned(), json!(block.cidr));
            put(
                &mut fields,
                "except",
                block.except.iter().map(|hole| json!(hole)),
            );
            json!({"ipBlock": fields})
        }
        PolicyPeer::Pods(PeerSelector { namespaces, pods }) => {
            scope(namespaces.as_ref(), pods.as_ref())
        }
    }
}

fn scope(namespaces: Option<&LabelSelector>, pods: Option<&LabelSelector>) -> Value {
    let mut fields = Map::new();
    if let Some(namespaces) = namespaces {
        fields.insert("namespaceSelector".to_owned(), selector(namespaces));
    }
    if let Some(pods) = pods {
        fields.insert("podSelector".to_owned(), selector(pods));
    }
    Value::Object(fields)
}

fn network_port(port: &PolicyPort) -> Value {
    let mut fields = Map::new();
    fields.insert("protocol".to_owned(), json!(port.protocol.name()));
    match &port.port {
        PortMatch::Any => {}
        PortMatch::Range(range) => {
            fields.insert("port".to_owned(), json!(range.first()));
            if range.first() != range.last() {
                fields.insert("endPort".to_owned(), json!(range.last()));
            }
        }
        PortMatch::Name(name) => {
            fields.insert("port".to_owned(), json!(name));
        }
    }
    Value::Object(fields)
}

/// A ClusterNetworkPolicy as JSON.
pub(crate) fn cluster_policy(policy: &ClusterPolicy) -> Value {
    let mut spec = Map::new();
    spec.insert("tier".to_owned(), json!(policy.tier.to_string()));
    spec.insert("priority".to_owned(), json!(policy.priority));
    spec.insert("subject".to_owned(), pods(&policy.subject));
    for direction in [Direction::Ingress, Direction::Egress] {
        let (_, key, _) = words(direction);
        let rules = policy.rules(direction).iter();
        put(
            &mut spec,
            key,
            rules.map(|rule| cluster_rule(rule, direction)),
        );
    }
    json!({
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": policy.name.name},
        "spec": spec,
    })
}

/// A subject, or a peer.
fn pods(wanted: &PodScope) -> Value {
    match &wanted.pods {
        None => {
            let everywhere = LabelSelector::default();
            json!({"namespaces": selector(wanted.namespaces.as_ref().unwrap_or(&everywhere))})
        }
        Some(pods) => json!({"pods": scope(wanted.namespaces.as_ref(), Some(pods))}),
    }
}

fn cluster_rule(rule: &ClusterRule, direction: Direction) -> Value {
    let (_, _, peers) = words(direction);
    let mut fields = Map::new();
    fields.insert("action".to_owned(), json!(rule.action.to_string()));
    put(
        &mut fields,
        peers,
        rule.peers.iter().filter_map(cluster_peer),
    );
    put(
        &mut fields,
        "protocols",
        rule.ports.iter().map(cluster_port),
    );
    Value::Object(fields)
}

/// Conversions make no other peers than pods and networks.
fn cluster_peer(peer: &ClusterPeer) -> Option<Value> {
    match peer {
        ClusterPeer::Pods(wanted) => Some(pods(wanted)),
        ClusterPeer::Networks(networks) => Some(json!({"networks": networks})),
        ClusterPeer::Nodes(_) | ClusterPeer::DomainNames(_) | ClusterPeer::Unrecognized => None,
    }
}

fn cluster_port(port: &ClusterPort) -> Value {
    match port {
        ClusterPort::Name(name) => json!({"destinationNamedPort": name}),
        ClusterPort::Range(protocol, range) => {
            let port = if range.first() == range.last() {
                json!({"number": range.first()})
            } else {
                json!({"range": {"start": range.first(), "end": range.last()}})
            };
            json!({protocol.name().to_lowercase(): {"destinationPort": port}})
        }
    }
}

fn selector(selector: &LabelSelector) -> Value {
    let mut fields = Map::new();
    if !selector.match_labels.is_empty() {
        fields.insert("matchLabels".to_owned(), json!(selector.match_labels));
    }
    let items = selector.match_expressions.iter().map(|requirement| {
        let operator = match requirement.operator {
            SelectorOperator::In => "In",
            SelectorOperator::NotIn => "NotIn",
            SelectorOperator::Exists => "Exists",
            SelectorOperator::DoesNotExist => "DoesNotExist",
        };
        let mut fields = Map::new();
        fields.insert("key".to_owned(), json!(requirement.key));
        fields.insert("operator".to_owned(), json!(operator));
        put(
            &mut fields,
            "values",
            requirement.values.iter().map(|value| json!(value)),
        );
        Value::Object(fields)
    });
    put(&mut fields, "matchExpressions", items);
    Value::Object(fields)
}
