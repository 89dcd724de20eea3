//! The configuration of kind clusters.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ringfence_model::{Input, IpFamily, KindCluster, RenderStyle, SourceMap, kind_config};

const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

fn input(rest: &str) -> Input {
    Input {
        name: "kind.yaml".to_owned(),
        text: format!("{HEAD}{rest}"),
    }
}

fn read(rest: &str) -> KindCluster {
    kind_config(&input(rest)).unwrap()
}

fn refused(rest: &str) -> Vec<String> {
    let diagnostics = kind_config(&input(rest)).unwrap_err();
    diagnostics.into_iter().map(|found| found.message).collect()
}

fn names(cluster: &KindCluster) -> Vec<&str> {
    cluster
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect()
}

#[test]
fn nodes_are_named_as_kind_names_them() {
    let cluster = read(
        "name: demo\nnodes: [{role: worker}, {}, {role: worker}, {role: control-plane}, {role: worker}]\n",
    );
    assert_eq!(
        names(&cluster),
        [
            "demo-worker",
            "demo-control-plane",
            "demo-worker2",
            "demo-control-plane2",
            "demo-worker3"
        ]
    );
    assert_eq!(names(&read("")), ["kind-control-plane"]);
    assert_eq!(
        names(&read("nodes: [{}]\n").renamed("other")),
        ["other-control-plane"]
    );
}

#[test]
fn networks_default_by_family() {
    let subnets = |family: &str| {
        let cluster = read(&format!("networking: {{ipFamily: {family}}}\n"));
        let written: Vec<String> = cluster
            .pod_subnets
            .iter()
            .chain(&cluster.service_subnets)
            .map(ToString::to_string)
            .collect();
        written.join(" ")
    };
    assert_eq!(subnets("ipv4"), "10.244.0.0/16 10.96.0.0/16");
    assert_eq!(subnets("ipv6"), "fd00:10:244::/56 fd00:10:96::/112");
    assert_eq!(
        subnets("dual"),
        "10.244.0.0/16 fd00:10:244::/56 10.96.0.0/16 fd00:10:96::/112"
    );
    assert_eq!(read("").ip_family, IpFamily::Ipv4);
    let own = read(
        "networking: {ipFamily: dual, podSubnet: 'fd00::/56,10.1.0.0/16', serviceSubnet: 10.2.0.0/16}\n",
    );
    assert_eq!((own.pod_subnets.len(), own.service_subnets.len()), (2, 1));
}

#[test]
fn every_known_field_is_read() {
    let cluster = read(
        "\
name: a
featureGates: {X: true}
runtimeConfig: {api/alpha: 'false', api/beta: true}
kubeadmConfigPatches: ['kind: X']
containerdConfigPatches: ['[a]']
networking:
  apiServerAddress: 127.0.0.1
  apiServerPort: 6443
  disableDefaultCNI: true
  kubeProxyMode: none
  dnsSearch: [a]
nodes:
- role: control-plane
  image: kindest/node:v1.32.0
  labels: {tier: front}
  extraMounts: [{hostPath: /a, containerPath: /b, readOnly: true}]
  extraPortMappings: [{containerPort: 80, hostPort: 80, listenAddress: 0.0.0.0, protocol: TCP}]
  kubeadmConfigPatches: ['x']
",
    );
    assert!(cluster.disable_default_cni);
    assert_eq!(cluster.nodes[0].labels["tier"], "front");
}

#[test]
fn faults_are_refused() {
    let cases: [(&str, &[&str]); 9] = [
        (
            "nodes: [{}, {role: master}]\n",
            &["nodes[1].role: \"master\" is not a valid node role"],
        ),
        (
            "nodes: [{role: worker}]\n",
            &["nodes: must have at least one control-plane node"],
        ),
        (
            "nodes: [{rol: worker}]\n",
            &["unknown field `nodes[0].rol`"],
        ),
        (
            "networking: {disableDefaultCni: true}\n",
            &["unknown field `networking.disableDefaultCni`"],
        ),
        (
            "networking: {ipFamily: v4}\n",
            &[
                "networking.ipFamily: Unsupported value: \"v4\": supported values: \"ipv4\", \"ipv6\", \"dual\"",
            ],
        ),
        (
            "networking: {podSubnet: '10.0.0.0/16,10.1.0.0/16'}\n",
            &[
                "networking.podSubnet: Invalid value: \"10.0.0.0/16,10.1.0.0/16\": only one CIDR allowed for single-stack networking",
            ],
        ),
        (
            "networking: {ipFamily: ipv6, podSubnet: 10.0.0.0/16}\n",
            &[
                "networking.podSubnet: Invalid value: \"10.0.0.0/16\": expected IPv6 CIDR for IPv6 family",
            ],
        ),
        (
            "name: Kind\n",
            &["name: Invalid value: \"Kind\": cluster names must match `^[a-z0-9.-]+$`"],
        ),
        (
            "---\na: 1\n",
            &["`kind.yaml` has 2 documents, a kind configuration is one"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
    let other = Input {
        name: "a".to_owned(),
        text: "kind: Pod\napiVersion: v1\n".to_owned(),
    };
    assert_eq!(
        kind_config(&other).unwrap_err()[0].message,
        "not a kind configuration: `kind: Pod` of `v1`"
    );
}

#[test]
fn an_unknown_role_is_shown() {
    let input = input("nodes:\n- role: control-plane\n- role: wroker\n");
    let diagnostics = kind_config(&input).unwrap_err();
    let mut sources = SourceMap::default();
    sources.insert(input.name.as_str(), input.text.as_str());
    let expected = "\
error[kind]: nodes[1].role: \"wroker\" is not a valid node role
 --> kind.yaml:5:9
  |
5 | - role: wroker
  |         ^^^^^^ did you mean `worker`?
  |
  = help: a node is either `control-plane` or `worker`";
    assert_eq!(sources.render(&diagnostics, RenderStyle::Plain), expected);
}
