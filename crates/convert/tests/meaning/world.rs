//! A small cluster, the connections worth trying in it, and the reference's verdicts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use ringfence_convert::Conversion;
use ringfence_model::{
    Cluster, Endpoint, Input, LoadOptions, ObjectName, Outcome, Query, assemble, load,
};
use ringfence_net::IpProtocol;
use ringfence_reference::answer;

pub(crate) type Labels = BTreeMap<&'static str, &'static str>;

/// One end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) address: IpAddr,
    pub(crate) pod: Option<PodEnd>,
}

#[derive(Clone, Debug)]
pub(crate) struct PodEnd {
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    pub(crate) labels: Labels,
    pub(crate) namespace_labels: Labels,
    /// The TCP port called `http`.
    pub(crate) http: u16,
}

/// A connection to be opened; `protocol` is the number in the IP header.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) protocol: u8,
    pub(crate) port: Option<u16>,
}

type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    u16,
);

pub(crate) const NAMESPACES: [(&str, &[(&str, &str)]); 3] = [
    ("red", &[("team", "a"), ("env", "prod")]),
    ("blue", &[("team", "b")]),
    ("green", &[("team", "a")]),
];

const PODS: [Row; 5] = [
    (
        "red",
        "web",
        "10.0.0.1",
        &[("app", "web"), ("tier", "front")],
        8080,
    ),
    ("red", "db", "10.0.0.2", &[("app", "db")], 80),
    ("blue", "web", "10.0.1.1", &[("app", "web")], 80),
    ("blue", "job", "10.0.1.2", &[], 8080),
    (
        "green",
        "db",
        "10.0.2.1",
        &[("app", "db"), ("tier", "back")],
        8080,
    ),
];

/// The node that every pod is on, another one, and two hosts outside of the cluster.
pub(crate) const OWN_NODE: &str = "192.168.0.1";
pub(crate) const NODES: &str = "192.168.0.0/30";
pub(crate) const PODS_BLOCK: &str = "10.0.0.0/16";
const OTHERS: [&str; 4] = [OWN_NODE, "192.168.0.2", "203.0.113.5", "198.51.100.7"];

/// A NetworkPolicy of Kubernetes, which every dialect's plugin enforces, too.
pub(crate) const KEPT: &str = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: kept, namespace: red}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]
";

pub(crate) const PORTS: [(u8, Option<u16>); 6] = [
    (6, Some(80)),
    (6, Some(8080)),
    (6, Some(443)),
    (17, Some(53)),
    (132, Some(80)),
    (1, None),
];

pub(crate) fn ends() -> Vec<End> {
    let pods = PODS
        .iter()
        .map(|&(namespace, name, address, labels, http)| End {
            address: address.parse().unwrap(),
            pod: Some(PodEnd {
                namespace,
                name,
                labels: labels.iter().copied().collect(),
                namespace_labels: namespace_labels(namespace),
                http,
            }),
        });
    let others = OTHERS.iter().map(|address| End {
        address: address.parse().unwrap(),
        pod: None,
    });
    pods.chain(others).collect()
}

pub(crate) fn namespace_labels(name: &str) -> Labels {
    let of = NAMESPACES.iter().find(|(known, _)| *known == name).unwrap();
    let mut labels: Labels = of.1.iter().copied().collect();
    labels.insert("kubernetes.io/metadata.name", of.0);
    labels
}

/// Every connection between two ends, one of which is a pod.
pub(crate) fn flows() -> Vec<Flow> {
    let ends = ends();
    let mut flows = Vec::new();
    for from in &ends {
        for to in &ends {
            if from.address == to.address || from.pod.is_none() && to.pod.is_none() {
                continue;
            }
            flows.extend(PORTS.iter().map(|&(protocol, port)| Flow {
                from: from.clone(),
                to: to.clone(),
                protocol,
                port,
            }));
        }
    }
    flows
}

/// The namespaces as manifests.
pub(crate) fn namespaces() -> String {
    let mut text = String::new();
    for (name, labels) in NAMESPACES {
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        let labels = labels.join(", ");
        writeln!(
            text,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{labels}}}}}"
        )
        .unwrap();
    }
    text
}

fn pods_and_nodes() -> String {
    let mut text = String::new();
    for (namespace, name, address, labels, http) in PODS {
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        let labels = labels.join(", ");
        writeln!(
            text,
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\n\
             spec: {{nodeName: one, containers: [{{name: c, image: i, ports: [{{name: http, containerPort: {http}}}]}}]}}\n\
             status: {{podIP: {address}, hostIP: {OWN_NODE}}}"
        )
        .unwrap();
    }
    for (name, address) in [("one", OWN_NODE), ("two", "192.168.0.2")] {
        writeln!(
            text,
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\n\
             status: {{addresses: [{{type: InternalIP, address: {address}}}]}}"
        )
        .unwrap();
    }
    text
}

/// The cluster with the converted policies, and with those of Kubernetes that were there.
pub(crate) fn judged(conversion: &Conversion, kept: &str) -> Cluster {
    let mut text = format!("{}{}{kept}", namespaces(), pods_and_nodes());
    for object in &conversion.objects {
        write!(text, "---\n{}", object.yaml()).unwrap();
    }
    let input = Input {
        name: "converted".to_owned(),
        text,
    };
    let loaded = load(std::slice::from_ref(&input), &LoadOptions::default());
    let errors: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|found| found.is_error())
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "{}\n{}", errors.join("\n"), input.text);
    assemble(&loaded.objects).0
}

/// Whether the reference lets `flow` pass.
pub(crate) fn passes(cluster: &Cluster, flow: &Flow) -> bool {
    let query = Query {
        source: endpoint(&flow.from),
        destination: endpoint(&flow.to),
        protocol: IpProtocol(flow.protocol),
        port: flow.port,
    };
    match answer(cluster, &query).unwrap().outcome {
        Outcome::Allow => true,
        Outcome::Deny => false,
        other @ (Outcome::Partial | Outcome::NoEndpoints | Outcome::Unknown { .. }) => {
            panic!("{flow:?}: {other:?}")
        }
    }
}

fn endpoint(end: &End) -> Endpoint {
    match &end.pod {
        Some(pod) => Endpoint::Pod(ObjectName::new(pod.namespace, pod.name)),
        None => Endpoint::Address(end.address),
    }
}

/// How many random inputs are compared: `RINGFENCE_CONVERSIONS` for a long run.
#[expect(
    clippy::disallowed_methods,
    reason = "a long run is asked for by the environment"
)]
pub(crate) fn count() -> u64 {
    let wanted = std::env::var("RINGFENCE_CONVERSIONS");
    wanted.map_or(150, |count| count.parse().unwrap())
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) converted: usize,
    pub(crate) refused: usize,
    pub(crate) cluster_policies: usize,
    pub(crate) allowed: usize,
    pub(crate) denied: usize,
}

/// Compares every connection, and fails with the first that is judged in two ways.
pub(crate) fn compare(
    tally: &mut Tally,
    conversion: &Conversion,
    (text, kept): (&str, &str),
    expected: impl Fn(&Flow) -> bool,
) {
    if !conversion.refusals.is_empty() {
        tally.refused += 1;
        return;
    }
    tally.converted += 1;
    let cluster = judged(conversion, kept);
    tally.cluster_policies += usize::from(!cluster.cluster_policies.is_empty());
    for flow in flows() {
        let (is, should) = (passes(&cluster, &flow), expected(&flow));
        let written: Vec<String> = conversion
            .objects
            .iter()
            .map(|object| object.yaml())
            .collect();
        assert_eq!(
            is,
            should,
            "{flow:?}\n{text}\n# becomes\n{}",
            written.join("---\n")
        );
        *(if should {
            &mut tally.allowed
        } else {
            &mut tally.denied
        }) += 1;
    }
}
