use ringfence_model::{Cluster, Input, LoadOptions, TrustZones, assemble, load, trust_zones};
use ringfence_net::{ConnectionSet, PortSet, Protocol};
use ringfence_policy::Engine;

use super::{Intent, UNZONED, deviations, groups};
use crate::matrix::Matrix;

fn input(text: &str) -> Input {
    Input {
        name: "shop.yaml".to_owned(),
        text: text.to_owned(),
    }
}

fn cluster(policies: &str) -> Cluster {
    let pod = |name: &str, address: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\nspec: {{containers: [{{name: c, image: i}}]}}\nstatus: {{podIP: {address}}}\n---\n"
        )
    };
    let pods: String = [
        ("front", "10.0.0.1"),
        ("web", "10.0.0.2"),
        ("db", "10.0.0.3"),
    ]
    .map(|(name, address)| pod(name, address))
    .concat();
    let loaded = load(
        &[input(&format!("{pods}{policies}"))],
        &LoadOptions::default(),
    );
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    assemble(&loaded.objects).0
}

const ZONES: &str = "\
apiVersion: ringfence.dev/v1alpha1
kind: TrustZones
zones:
- {name: front, pods: {podSelector: {matchLabels: {app: front}}}}
- {name: web, pods: {podSelector: {matchLabels: {app: web}}}}
- {name: data, pods: [{podSelector: {matchLabels: {app: db}}}]}
- {name: metadata, cidrs: 169.254.169.254/32}
- {name: outside, cidrs: [0.0.0.0/0]}
intended:
- {from: front, to: web, ports: tcp/80}
";

const CLOSED: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";

fn zones() -> TrustZones {
    trust_zones(&input(ZONES)).unwrap()
}

/// `from -> to: kind connections`.
fn found(cluster: Cluster, intents: &[Intent]) -> Vec<String> {
    let engine = Engine::new(cluster);
    let groups = groups(&engine, &zones(), true);
    let units: Vec<_> = groups.units().cloned().collect();
    let matrix = Matrix::of(&engine, &groups, units.clone(), units);
    let found = deviations(&engine, &groups, &matrix, &zones(), intents);
    for deviation in &found {
        assert!(!deviation.evidence.is_empty(), "{deviation:?}");
    }
    found
        .iter()
        .map(|found| {
            let (from, to, kind) = (&found.from, &found.to, found.kind);
            format!("{from} -> {to}: {kind:?} {}", found.connections)
        })
        .collect()
}

fn web_on_80() -> Intent {
    Intent {
        from: "front".to_owned(),
        to: "web".to_owned(),
        connections: ConnectionSet::of(Protocol::Tcp, PortSet::single(80)),
    }
}

#[test]
fn a_flat_network_is_nowhere_as_intended() {
    let found = found(cluster(""), &[web_on_80()]);
    assert!(
        found.contains(&"web -> data: Unintended all".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"front -> web: Unintended tcp/1-79,81-65535 udp/* sctp/* other".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"front -> metadata: Unintended all".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"outside -> data: Unintended all".to_owned()),
        "{found:?}"
    );
    assert!(
        found.iter().all(|line| !line.contains(UNZONED)),
        "{found:?}"
    );
}

#[test]
fn default_deny_leaves_nothing_but_what_is_missing() {
    let expected = ["front -> web: Missing tcp/80"];
    assert_eq!(found(cluster(CLOSED), &[web_on_80()]), expected);
    assert_eq!(found(cluster(CLOSED), &[]), Vec::<String>::new());
    let allow = "\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {}
  ingress: [{from: [{podSelector: {matchLabels: {app: front}}}], ports: [{port: 80}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}]
";
    let both = format!("{CLOSED}{allow}");
    assert_eq!(found(cluster(&both), &[web_on_80()]), Vec::<String>::new());
    assert_eq!(
        found(cluster(&both), &[]),
        ["front -> web: Unintended tcp/80"]
    );
}
