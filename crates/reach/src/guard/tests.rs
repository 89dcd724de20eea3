use std::collections::BTreeSet;

use ringfence_model::{
    Cluster, Input, LabelSelector, LoadOptions, ObjectName, Requirement, SelectorOperator,
    assemble, load,
};
use ringfence_net::Protocol;
use ringfence_policy::Engine;

use super::*;

const PODS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {kubernetes.io/metadata.name: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: tools, labels: {kubernetes.io/metadata.name: tools}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: scaler, namespace: tools, labels: {app: scaler, tier: sys}}
spec: {containers: [{name: c, image: i}]}
status: {podIPs: [{ip: 10.0.0.2}, {ip: 'fd00::2'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: tools, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
status: {podIP: 10.0.0.3}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: tools, labels: {app: scaler}}
spec: {hostNetwork: true, containers: [{name: c, image: i}]}
status: {podIP: 192.168.0.1, hostIP: 192.168.0.1}
---
";

fn cluster(text: &str) -> Cluster {
    let input = Input {
        name: "all.yaml".to_owned(),
        text: text.to_owned(),
    };
    let loaded = load(&[input], &LoadOptions::default());
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    assemble(&loaded.objects).0
}

fn grant(namespace: &str, requirements: &[(&str, SelectorOperator, &[&str])]) -> Grant {
    let requirement = |(key, operator, values): &(&str, SelectorOperator, &[&str])| Requirement {
        key: (*key).to_owned(),
        operator: *operator,
        values: values.iter().map(ToString::to_string).collect(),
    };
    Grant {
        namespace: namespace.to_owned(),
        pods: LabelSelector {
            match_expressions: requirements.iter().map(requirement).collect(),
            ..LabelSelector::default()
        },
    }
}

fn guard(grants: Vec<Grant>) -> Guard {
    let priority = 0;
    Guard { grants, priority }
}

fn proof(guard: &Guard, others: &str) -> Proof {
    let text = format!("{PODS}{others}---\n{}", guard.yaml());
    prove(&Engine::new(cluster(&text)), guard)
}

fn name(namespace: &str, name: &str) -> ObjectName {
    ObjectName::new(namespace, name)
}

#[test]
fn every_pod_is_kept_away() {
    let proof = proof(&guard(Vec::new()), "");
    assert_eq!(proof.guarded, 3);
    assert!(proof.open.is_empty() && proof.granted.is_empty() && proof.unused.is_empty());
    assert_eq!(proof.host_network, [name("tools", "agent")]);
}

#[test]
fn a_grant_is_for_pods_in_the_network_of_their_node_too() {
    let scaler = grant("tools", &[("app", SelectorOperator::In, &["scaler"])]);
    let proof = proof(&guard(vec![scaler]), "");
    assert_eq!(proof.host_granted, [name("tools", "agent")]);
    assert!(proof.host_network.is_empty() && proof.unused.is_empty());
}

#[test]
fn without_the_policies_everything_is_open() {
    let proof = prove(&Engine::new(cluster(PODS)), &guard(Vec::new()));
    assert_eq!(proof.guarded, 0);
    let pods: BTreeSet<&ObjectName> = proof.open.iter().map(|open| &open.pod).collect();
    assert_eq!(pods.len(), 4);
    let v4 = ADDRESSES.iter().filter(|one| one.address.is_ipv4()).count();
    // A pod in the network of its node has whatever addresses that has.
    assert_eq!(proof.open.len(), 3 * ADDRESSES.len() + v4);
}

#[test]
fn a_grant_is_for_its_pods_alone() {
    let scaler = grant(
        "tools",
        &[
            ("app", SelectorOperator::In, &["scaler"]),
            ("tier", SelectorOperator::Exists, &[]),
        ],
    );
    let nobody = grant("shop", &[("app", SelectorOperator::NotIn, &["web"])]);
    let proof = proof(&guard(vec![scaler, nobody]), "");
    assert_eq!(proof.granted, [(name("tools", "scaler"), true)]);
    assert_eq!((proof.guarded, proof.unused), (2, vec![1]));
    assert!(proof.open.is_empty());
}

#[test]
fn a_grant_opens_nothing_that_network_policy_closes() {
    let closed = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: tools}
spec: {podSelector: {}, policyTypes: [Egress]}
";
    let proof = proof(&guard(vec![grant("tools", &[])]), closed);
    let expected = [
        (name("tools", "scaler"), false),
        (name("tools", "web"), false),
    ];
    assert_eq!(proof.granted, expected);
}

#[test]
fn who_is_asked_before_the_guard_may_open_it_and_is_found() {
    let first = "\
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: first}
spec:
  tier: Admin
  priority: 3
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}}
  egress: [{action: Accept, to: [{networks: [169.254.0.0/16]}]}]
";
    let mut late = guard(Vec::new());
    assert!(proof(&late, first).open.is_empty());
    late.priority = 4;
    let open = proof(&late, first).open;
    let link_local = ADDRESSES.iter().map(|one| one.address);
    let link_local = link_local.filter(|address| address.to_string().starts_with("169.254."));
    let expected: Vec<Open> = link_local
        .map(|address| Open {
            pod: name("shop", "web"),
            address,
        })
        .collect();
    assert_eq!(open, expected);
}

#[test]
fn names_are_still_found() {
    let guard = guard(Vec::new());
    let engine = Engine::new(cluster(&format!("{PODS}{}", guard.yaml())));
    let outcome = |address: &str, protocol: Protocol, port| {
        let query = ringfence_model::Query {
            source: ringfence_model::Endpoint::Pod(name("shop", "web")),
            destination: ringfence_model::Endpoint::Address(address.parse().unwrap()),
            protocol: protocol.into(),
            port: Some(port),
        };
        engine.answer(&query).unwrap().outcome
    };
    let (allow, deny) = (
        ringfence_model::Outcome::Allow,
        ringfence_model::Outcome::Deny,
    );
    assert_eq!(outcome("169.254.169.254", Protocol::Udp, 53), allow);
    assert_eq!(outcome("168.63.129.16", Protocol::Tcp, 53), allow);
    assert_eq!(outcome("168.63.129.16", Protocol::Tcp, 32_526), deny);
    assert_eq!(outcome("169.254.169.254", Protocol::Udp, 80), deny);
    assert_eq!(outcome("100.100.100.200", Protocol::Udp, 53), deny);
    // NodeLocal DNSCache, the name and time servers of AWS.
    for address in ["169.254.20.10", "169.254.169.253", "169.254.169.123"] {
        assert_eq!(outcome(address, Protocol::Udp, 53), allow);
    }
}

#[test]
fn grants_come_before_the_policy_that_denies_and_are_told_as_they_were_written() {
    let selected = [
        ("app", SelectorOperator::In, &["web"][..]),
        ("tier", SelectorOperator::NotIn, &["x"][..]),
        ("a", SelectorOperator::Exists, &[][..]),
        ("b", SelectorOperator::DoesNotExist, &[][..]),
    ];
    let guard = Guard {
        grants: vec![grant("shop", &selected), grant("tools", &[])],
        priority: 5,
    };
    let written: Vec<String> = guard.grants.iter().map(ToString::to_string).collect();
    assert_eq!(written, ["shop/[app=web,tier!=x,a,!b]", "tools"]);
    let policies = cluster(&guard.yaml()).cluster_policies;
    let priorities = policies
        .values()
        .map(|one| (one.name.name.as_str(), one.priority));
    let expected = [
        ("guard-metadata", Some(7)),
        ("guard-metadata-grant-1", Some(5)),
        ("guard-metadata-grant-2", Some(6)),
    ];
    assert_eq!(priorities.collect::<Vec<_>>(), expected);
}

#[test]
fn no_address_is_named_twice() {
    let addresses: BTreeSet<_> = ADDRESSES.iter().map(|one| one.address).collect();
    assert_eq!(addresses.len(), ADDRESSES.len());
}

#[test]
fn of_equal_priorities_either_may_be_asked_first() {
    let tied = |name: &str, priority: u16| {
        let other = format!(
            "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: {name}}}
spec:
  tier: Admin
  priority: {priority}
  subject: {{namespaces: {{matchLabels: {{kubernetes.io/metadata.name: shop}}}}}}
  egress: [{{action: Accept, to: [{{networks: [169.254.0.0/16]}}]}}]
"
        );
        let proof = proof(&guard(Vec::new()), &other);
        let names: Vec<String> = proof.ties.iter().map(ToString::to_string).collect();
        (proof.open.is_empty(), names)
    };
    for name in ["a", "x"] {
        let told = vec![format!("ClusterNetworkPolicy/{name}")];
        assert_eq!(tied(name, 0), (false, told));
    }
    assert_eq!(tied("x", 1), (true, Vec::new()));
}
