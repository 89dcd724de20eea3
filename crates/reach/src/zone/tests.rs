use ringfence_model::{Cluster, Input, LoadOptions, TrustZones, assemble, load, trust_zones};
use ringfence_net::{ConnectionSet, PortSet, Protocol};
use ringfence_policy::Engine;

use super::{Intent, UNZONED, deviations, groups, workloads};
use crate::matrix::Matrix;
use crate::workload::Unit;

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
        is_optional: false,
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
    let optional = Intent {
        is_optional: true,
        ..web_on_80()
    };
    let closed = found(cluster(CLOSED), std::slice::from_ref(&optional));
    assert_eq!(closed, Vec::<String>::new());
    let more = Intent {
        connections: ConnectionSet::of(Protocol::Tcp, PortSet::single(443)),
        ..optional
    };
    assert_eq!(found(cluster(CLOSED), &[web_on_80(), more]), expected);
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

const NODES: &str = "\
apiVersion: v1
kind: Node
metadata: {name: control, labels: {role: control}}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: worker}
status: {addresses: [{type: InternalIP, address: 192.168.9.1}]}
---
";

/// The members of `zone` in a cluster with [`NODES`], and the units that stand for it in ways.
fn members(file: &str, zone: &str) -> (Vec<String>, Vec<String>) {
    let zones = trust_zones(&input(&format!(
        "apiVersion: ringfence.dev/v1alpha1\nkind: TrustZones\nzones:\n{file}"
    )));
    let zones = zones.unwrap();
    let engine = Engine::new(cluster(NODES));
    let groups = groups(&engine, &zones, true);
    let members = groups.members(&Unit::Zone(zone.to_owned()));
    let members = members.map(ToString::to_string).collect();
    let ways = workloads(&engine, &zones);
    let units = ways.by_zone.get(zone).into_iter().flatten();
    (members, units.map(ToString::to_string).collect())
}

#[test]
fn nodes_belong_to_the_zone_of_a_block_that_has_their_address() {
    let control = "- {name: control, cidrs: [192.168.0.0/24]}\n";
    let nodes = "- {name: nodes, nodes: {}}\n";
    let (claimed, units) = members(control, "control");
    assert!(claimed.contains(&"node/control".to_owned()), "{claimed:?}");
    assert_eq!(units, ["node/control", "192.168.0.0/24"]);
    let (left, units) = members(control, UNZONED);
    assert!(left.contains(&"node/worker".to_owned()), "{left:?}");
    assert!(units.contains(&"node/worker".to_owned()), "{units:?}");
    // The first that claims a node has it.
    let (others, _) = members(&format!("{control}{nodes}"), "nodes");
    assert_eq!(others, ["node/worker"]);
    let (all, units) = members(&format!("{nodes}{control}"), "nodes");
    assert_eq!(all, ["node/control", "node/worker"]);
    assert_eq!(units, ["nodes"]);
    let (none, _) = members("- {name: six, cidrs: \"::/0\"}\n", "six");
    assert!(!none.iter().any(|member| member.starts_with("node/")));
}

#[test]
fn a_zone_is_not_called_like_what_no_zone_claims() {
    let file = "\
apiVersion: ringfence.dev/v1alpha1
kind: TrustZones
zones: [{name: (no zone), nodes: {}}]
";
    let errors = trust_zones(&input(file)).unwrap_err();
    let [error] = errors.as_slice() else {
        panic!("{errors:?}");
    };
    assert_eq!(error.path.as_deref(), Some("zones[0].name"));
    assert!(error.message.contains("(no zone)"), "{error:?}");
}
