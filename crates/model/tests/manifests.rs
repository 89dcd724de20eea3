//! Whole manifests load without a word.

use std::collections::BTreeSet;

use ringfence_model::{
    Input, KindRole, LoadOptions, Loaded, Object, ObjectKind, ObjectName, assemble, kind_config,
    load,
};

const FILES: [(&str, &str); 5] = [
    (
        "demo-app.yaml",
        include_str!("../../../examples/netpol-demo/demo-app.yaml"),
    ),
    (
        "db-policy.yaml",
        include_str!("../../../examples/netpol-demo/db-policy.yaml"),
    ),
    (
        "default-deny-ingress.yaml",
        include_str!("../../../examples/netpol-demo/default-deny-ingress.yaml"),
    ),
    (
        "web-allow-frontend.yaml",
        include_str!("../../../examples/netpol-demo/web-allow-frontend.yaml"),
    ),
    (
        KIND,
        include_str!("../../../examples/netpol-demo/multi-node-kind.yaml"),
    ),
];

const KIND: &str = "multi-node-kind.yaml";

fn inputs() -> Vec<Input> {
    FILES
        .iter()
        .map(|(name, text)| Input {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        })
        .collect()
}

fn loaded() -> Loaded {
    load(&inputs(), &LoadOptions::default())
}

#[test]
fn loads_without_a_diagnostic() {
    let loaded = loaded();
    assert_eq!(loaded.diagnostics, []);
    let keys: Vec<String> = loaded
        .objects
        .iter()
        .map(|object| object.key().to_string())
        .collect();
    assert_eq!(
        keys,
        [
            "Namespace netpol-demo",
            "Deployment netpol-demo/web-app",
            "Service netpol-demo/web-app",
            "Secret netpol-demo/postgres-secrets",
            "Deployment netpol-demo/database",
            "Service netpol-demo/postgres",
            "NetworkPolicy netpol-demo/db-policy",
            "NetworkPolicy netpol-demo/default-deny-ingress",
            "NetworkPolicy netpol-demo/web-allow-frontend",
            "Cluster multi-node",
        ]
    );
}

#[test]
fn assembles_the_cluster() {
    let (cluster, diagnostics) = assemble(&loaded().objects);
    assert_eq!(diagnostics, []);
    let pods: Vec<String> = cluster.pods.keys().map(ToString::to_string).collect();
    assert_eq!(
        pods,
        [
            "netpol-demo/database-0",
            "netpol-demo/web-app-0",
            "netpol-demo/web-app-1"
        ]
    );
    let policy = &cluster.network_policies[&ObjectName::new("netpol-demo", "db-policy")];
    assert!(policy.isolates_ingress && !policy.isolates_egress);
    let source = policy.ingress[0].source.as_ref().unwrap();
    assert_eq!(source.to_string(), "db-policy.yaml:13:5");
}

#[test]
fn reads_the_kind_configuration() {
    let input = inputs()
        .into_iter()
        .find(|input| input.name == KIND)
        .unwrap();
    let cluster = kind_config(&input).unwrap();
    let nodes: Vec<(&str, KindRole)> = cluster
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.role))
        .collect();
    assert_eq!(
        nodes,
        [
            ("multi-node-control-plane", KindRole::ControlPlane),
            ("multi-node-worker", KindRole::Worker),
            ("multi-node-worker2", KindRole::Worker),
        ]
    );
    assert!(cluster.disable_default_cni);
    assert_eq!(cluster.pod_subnets, ["10.244.0.0/16".parse().unwrap()]);
    assert_eq!(cluster.service_subnets, ["10.96.0.0/16".parse().unwrap()]);
}

fn every_kind() -> Loaded {
    let input = Input {
        name: "every-kind.yaml".to_owned(),
        text: include_str!("../../../corpus/manifests/every-kind.yaml").to_owned(),
    };
    load(&[input], &LoadOptions::default())
}

#[test]
fn every_kind_loads_with_all_its_fields() {
    let loaded = every_kind();
    assert_eq!(loaded.diagnostics, []);
    let kinds: BTreeSet<ObjectKind> = loaded
        .objects
        .iter()
        .map(|object| object.key().kind)
        .collect();
    assert_eq!(kinds.len(), 20, "all but the kind cluster");
    let (cluster, diagnostics) = assemble(&loaded.objects);
    let rules: Vec<_> = diagnostics.iter().map(|found| found.rule).collect();
    assert_eq!(
        rules,
        [Some("OB-12"), Some("AM-20")],
        "a pod of Endpoints that is not there, and both APIs, as all kinds are"
    );
    assert_eq!(cluster.pods.len(), 11);
    assert_eq!(cluster.cluster_policies.len(), 3);
    let ledger = &cluster.services[&ObjectName::new("shop", "ledger")];
    assert_eq!(ledger.endpoints.len(), 1, "the slice's alone");
}

#[test]
fn objects_survive_json() {
    let mut objects = loaded().objects;
    objects.extend(every_kind().objects);
    let text = serde_json::to_string(&objects).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Object>>(&text).unwrap(), objects);
}
