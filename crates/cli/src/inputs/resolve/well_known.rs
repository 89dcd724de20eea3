//! The ends that have a name in every cluster.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::ensure;
use ringfence_model::{Cluster, Endpoint, Labels, ObjectName, Pod};

use super::{Side, internet, new_pod};
use crate::inputs::endpoint::WellKnown;

/// Where cloud providers serve what their machines may know about themselves.
const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];
/// What nodes that run the API server are labelled with.
const CONTROL_PLANE: [&str; 2] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
];
/// Names of the cluster's DNS Service in `kube-system`, by distribution.
const DNS: [&str; 4] = [
    "kube-dns",
    "coredns",
    "rke2-coredns-rke2-coredns",
    "dns-default",
];
/// The namespace that the cluster's DNS is in.
const SYSTEM: &str = "kube-system";
/// The label that pods of the cluster's DNS have everywhere.
const DNS_PODS: (&str, &str) = ("k8s-app", "kube-dns");

pub(super) fn resolve(
    cluster: &mut Cluster,
    known: WellKnown,
    side: Side,
) -> anyhow::Result<Vec<Endpoint>> {
    let found = match (known, side) {
        (WellKnown::Internet, _) => internet::addresses(cluster),
        (WellKnown::Metadata, _) => internet::of_families(cluster, METADATA)
            .map(Endpoint::Address)
            .collect(),
        (WellKnown::ApiServer, Side::Source) => control_plane(cluster),
        (WellKnown::ApiServer, Side::Destination) => {
            service(cluster, &[ObjectName::new("default", "kubernetes")])
                .filter(|_| has_api_servers(cluster))
                .unwrap_or_else(|| control_plane(cluster))
        }
        (WellKnown::Dns, Side::Source) => dns_pods(cluster),
        (WellKnown::Dns, Side::Destination) => {
            let names = DNS.map(|name| ObjectName::new(SYSTEM, name));
            service(cluster, &names).unwrap_or_else(|| dns_pods(cluster))
        }
    };
    ensure!(
        !found.is_empty(),
        "`{}` is in none of the manifests, neither as Service default/kubernetes with its EndpointSlice nor as a node with \
         the label {}: name its address",
        known.word(),
        CONTROL_PLANE[0]
    );
    Ok(found)
}

fn service(cluster: &Cluster, names: &[ObjectName]) -> Option<Vec<Endpoint>> {
    let found = names
        .iter()
        .find(|name| cluster.services.contains_key(name))?;
    Some(vec![Endpoint::Service(found.clone())])
}

/// Whether it is told whom the Service leads to: it selects no pods, and a list of objects without EndpointSlices does not
/// say that nobody answers.
fn has_api_servers(cluster: &Cluster) -> bool {
    let service = cluster
        .services
        .get(&ObjectName::new("default", "kubernetes"));
    service.is_some_and(|found| !found.selector.is_empty() || !found.endpoints.is_empty())
}

fn control_plane(cluster: &Cluster) -> Vec<Endpoint> {
    let nodes = cluster.nodes.values();
    let runs_it = nodes.filter(|node| {
        CONTROL_PLANE
            .iter()
            .any(|key| node.labels.contains_key(*key))
    });
    runs_it
        .map(|node| Endpoint::Node(node.name.clone()))
        .collect()
}

/// Every cluster has such pods, although manifests rarely hold them.
fn dns_pods(cluster: &mut Cluster) -> Vec<Endpoint> {
    let (key, value) = DNS_PODS;
    let serves = |pod: &&Pod| {
        let labelled = pod.labels.get(key).is_some_and(|found| found == value);
        labelled && pod.name.namespace == SYSTEM && pod.is_live()
    };
    let pods = cluster.pods.values().filter(serves);
    let found: Vec<Endpoint> = pods.map(|pod| Endpoint::Pod(pod.name.clone())).collect();
    if found.is_empty() {
        let labels = Labels::from([(key.to_owned(), value.to_owned())]);
        return vec![new_pod(cluster, SYSTEM, &labels)];
    }
    found
}
