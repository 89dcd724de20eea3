//! Parts of policies as YAML.

use ringfence_model::{
    ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPort, ClusterRule, Direction,
    NetworkPolicy, PodScope, PolicyPeer, PolicyPort, PolicyRule, PortMatch,
};
use ringfence_net::{PortRange, Protocol};

use super::edit::peers_field;
use crate::yaml::{Yaml, ip_block, selector};

pub(super) fn policy(policy: &NetworkPolicy) -> Yaml {
    let mut spec = vec![("podSelector".to_owned(), selector(&policy.pod_selector))];
    let types = [
        (policy.isolates_ingress, "Ingress"),
        (policy.isolates_egress, "Egress"),
    ];
    let types = types.into_iter().filter(|(isolates, _)| *isolates);
    let types = types.map(|(_, name)| Yaml::text(name)).collect();
    spec.push(("policyTypes".to_owned(), Yaml::List(types)));
    for direction in [Direction::Ingress, Direction::Egress] {
        let rules = policy.rules(direction);
        if !rules.is_empty() {
            let rules = rules.iter().map(|found| rule(found, direction)).collect();
            spec.push((direction.to_string(), Yaml::List(rules)));
        }
    }
    let metadata = [
        ("name", Yaml::text(&policy.name.name)),
        ("namespace", Yaml::text(&policy.name.namespace)),
    ];
    object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        Yaml::map(metadata),
        Yaml::Map(spec),
    )
}

fn object(version: &str, kind: &str, metadata: Yaml, spec: Yaml) -> Yaml {
    Yaml::map([
        ("apiVersion", Yaml::text(version)),
        ("kind", Yaml::text(kind)),
        ("metadata", metadata),
        ("spec", spec),
    ])
}

/// A namespace with one label.
pub(super) fn namespace(name: &str, (key, value): &(String, String)) -> Yaml {
    let labels = Yaml::Map(vec![(key.clone(), Yaml::text(value))]);
    Yaml::map([
        ("apiVersion", Yaml::text("v1")),
        ("kind", Yaml::text("Namespace")),
        (
            "metadata",
            Yaml::map([("name", Yaml::text(name)), ("labels", labels)]),
        ),
    ])
}

pub(super) fn rule(rule: &PolicyRule, direction: Direction) -> Yaml {
    let peers = rule.peers.iter().map(peer).collect();
    let mut fields = vec![(peers_field(direction).to_owned(), Yaml::List(peers))];
    if !rule.ports.is_empty() {
        let ports = rule.ports.iter().map(port).collect();
        fields.push(("ports".to_owned(), Yaml::List(ports)));
    }
    Yaml::Map(fields)
}

pub(super) fn peer(peer: &PolicyPeer) -> Yaml {
    match peer {
        PolicyPeer::IpBlock(found) => Yaml::map([("ipBlock", ip_block(found))]),
        PolicyPeer::Pods(found) => {
            let namespaces = found.namespaces.as_ref();
            let namespaces = namespaces.map(|chosen| ("namespaceSelector", selector(chosen)));
            let pods = found
                .pods
                .as_ref()
                .map(|chosen| ("podSelector", selector(chosen)));
            named(namespaces.into_iter().chain(pods))
        }
    }
}

fn named<'a>(fields: impl Iterator<Item = (&'a str, Yaml)>) -> Yaml {
    Yaml::Map(fields.map(|(key, value)| (key.to_owned(), value)).collect())
}

pub(super) fn port(port: &PolicyPort) -> Yaml {
    let protocol = ("protocol", Yaml::text(port.protocol));
    match &port.port {
        PortMatch::Any => Yaml::map([protocol]),
        PortMatch::Name(name) => Yaml::map([protocol, ("port", Yaml::text(name))]),
        PortMatch::Range(range) if range.first() == range.last() => {
            Yaml::map([protocol, ("port", Yaml::Number(range.first()))])
        }
        PortMatch::Range(range) => Yaml::map([
            protocol,
            ("port", Yaml::Number(range.first())),
            ("endPort", Yaml::Number(range.last())),
        ]),
    }
}

pub(super) fn cluster_policy(policy: &ClusterPolicy) -> Yaml {
    let kind = policy.name.kind;
    let mut spec = Vec::new();
    let version = match kind {
        ClusterPolicyKind::ClusterNetworkPolicy => {
            spec.push(("tier".to_owned(), Yaml::text(policy.tier)));
            "policy.networking.k8s.io/v1alpha2"
        }
        ClusterPolicyKind::AdminNetworkPolicy | ClusterPolicyKind::BaselineAdminNetworkPolicy => {
            "policy.networking.k8s.io/v1alpha1"
        }
    };
    spec.extend(
        policy
            .priority
            .map(|found| ("priority".to_owned(), Yaml::Number(found))),
    );
    spec.push(("subject".to_owned(), scope(&policy.subject)));
    for direction in [Direction::Ingress, Direction::Egress] {
        let rules = policy.rules(direction);
        if !rules.is_empty() {
            let rules = rules
                .iter()
                .map(|found| cluster_rule(found, kind, direction))
                .collect();
            spec.push((direction.to_string(), Yaml::List(rules)));
        }
    }
    let metadata = Yaml::map([("name", Yaml::text(&policy.name.name))]);
    object(version, kind.name(), metadata, Yaml::Map(spec))
}

pub(super) fn cluster_rule(
    rule: &ClusterRule,
    kind: ClusterPolicyKind,
    direction: Direction,
) -> Yaml {
    let is_cluster = kind == ClusterPolicyKind::ClusterNetworkPolicy;
    let action = rule.action.written_in(kind).to_owned();
    let mut fields = vec![("action".to_owned(), Yaml::text(action))];
    let peers = rule.peers.iter().map(cluster_peer).collect();
    fields.push((peers_field(direction).to_owned(), Yaml::List(peers)));
    if !rule.ports.is_empty() {
        let (name, item): (_, fn(&ClusterPort) -> Yaml) = if is_cluster {
            ("protocols", protocol_item)
        } else {
            ("ports", port_item)
        };
        fields.push((
            name.to_owned(),
            Yaml::List(rule.ports.iter().map(item).collect()),
        ));
    }
    Yaml::Map(fields)
}

fn cluster_peer(peer: &ClusterPeer) -> Yaml {
    match peer {
        ClusterPeer::Pods(pods) => scope(pods),
        ClusterPeer::Networks(blocks) => Yaml::map([(
            "networks",
            Yaml::List(blocks.iter().map(Yaml::text).collect()),
        )]),
        ClusterPeer::Nodes(chosen) => Yaml::map([("nodes", selector(chosen))]),
        ClusterPeer::DomainNames(names) => Yaml::map([(
            "domainNames",
            Yaml::List(names.iter().map(Yaml::text).collect()),
        )]),
        ClusterPeer::Unrecognized => Yaml::Map(Vec::new()),
    }
}

fn scope(scope: &PodScope) -> Yaml {
    let namespaces = scope.namespaces.as_ref().map(selector);
    let Some(pods) = &scope.pods else {
        let everything = Yaml::Map(Vec::new());
        return Yaml::map([("namespaces", namespaces.unwrap_or(everything))]);
    };
    let namespaces = namespaces.map(|chosen| ("namespaceSelector", chosen));
    let pods = [("podSelector", selector(pods))];
    Yaml::map([("pods", named(namespaces.into_iter().chain(pods)))])
}

fn protocol_item(port: &ClusterPort) -> Yaml {
    match port {
        ClusterPort::Name(name) => Yaml::map([("destinationNamedPort", Yaml::text(name))]),
        ClusterPort::Range(protocol, range) => {
            let name = lower(*protocol);
            let port = if range.first() == range.last() {
                Yaml::map([("number", Yaml::Number(range.first()))])
            } else {
                Yaml::map([("range", bounds(*range))])
            };
            Yaml::map([(name.as_str(), Yaml::map([("destinationPort", port)]))])
        }
    }
}

fn port_item(port: &ClusterPort) -> Yaml {
    match port {
        ClusterPort::Name(name) => Yaml::map([("namedPort", Yaml::text(name))]),
        ClusterPort::Range(protocol, range) if range.first() == range.last() => {
            let port = [
                ("protocol", Yaml::text(*protocol)),
                ("port", Yaml::Number(range.first())),
            ];
            Yaml::map([("portNumber", Yaml::map(port))])
        }
        ClusterPort::Range(protocol, range) => {
            let range = [
                ("protocol", Yaml::text(*protocol)),
                ("start", Yaml::Number(range.first())),
                ("end", Yaml::Number(range.last())),
            ];
            Yaml::map([("portRange", Yaml::map(range))])
        }
    }
}

fn bounds(range: PortRange) -> Yaml {
    Yaml::map([
        ("start", Yaml::Number(range.first())),
        ("end", Yaml::Number(range.last())),
    ])
}

fn lower(protocol: Protocol) -> String {
    protocol.name().to_ascii_lowercase()
}
