//! What leaves an answer unknown where pods have no address, and what manifests say about theirs (rules AM-22, OB-16).
//!
//! No verdict rests on it: where pods get their addresses from is what somebody says, and this finds what to say.

use std::collections::BTreeSet;

use ipnet::IpNet;
use ringfence_model::{Cluster, ClusterPeer, ConfigMap, Object, Pod, PolicyPeer};

/// Blocks that pods get their addresses from, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// At least one; host bits are zero.
    pub blocks: Vec<IpNet>,
    /// The object and its field, in words.
    pub by: String,
}

/// What the configuration of a cluster among `objects` says, or else the Nodes.
#[must_use]
pub fn said(cluster: &Cluster, objects: &[Object]) -> Option<Said> {
    let configured = objects.iter().find_map(of_configuration);
    configured.or_else(|| {
        let nodes = cluster.nodes.values().flat_map(|node| &node.pod_cidrs);
        said_by(nodes.copied(), "`spec.podCIDRs` of the Nodes")
    })
}

/// Workloads and single pods of the pod network of which no pod has an address, in order of name; none where no policy
/// compares an address with anything.
#[must_use]
pub fn without_address(cluster: &Cluster) -> Vec<String> {
    if !compares_addresses(cluster) {
        return Vec::new();
    }
    let pods = cluster.pods.values();
    let pods = pods.filter(|pod| pod.is_on_pod_network() && pod.addresses.is_empty());
    let names: BTreeSet<(&str, &str)> = pods.map(name_of).collect();
    let names = names.into_iter();
    names
        .map(|(namespace, name)| format!("{namespace}/{name}"))
        .collect()
}

/// That of the workload, if one makes the pod.
fn name_of(pod: &Pod) -> (&str, &str) {
    let own = &pod.name.name;
    let name = pod.workload.as_ref().map_or(own, |owner| &owner.name);
    (&pod.name.namespace, name)
}

fn compares_addresses(cluster: &Cluster) -> bool {
    let policies = cluster.network_policies.values();
    let rules = policies.flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
    let mut peers = rules.flat_map(|rule| &rule.peers);
    let tiers = cluster.cluster_policies.values();
    let rules = tiers.flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
    let mut of_tiers = rules.flat_map(|rule| &rule.peers);
    peers.any(|peer| matches!(peer, PolicyPeer::IpBlock(_)))
        || of_tiers.any(|peer| match peer {
            ClusterPeer::Networks(_) | ClusterPeer::Nodes(_) | ClusterPeer::DomainNames(_) => true,
            ClusterPeer::Pods(_) | ClusterPeer::Unrecognized => false,
        })
}

fn of_configuration(object: &Object) -> Option<Said> {
    match object {
        Object::KindCluster(kind) => said_by(
            kind.pod_subnets.iter().copied(),
            "`networking.podSubnet` of the kind cluster",
        ),
        Object::ConfigMap(map) => of_config_map(map),
        Object::Namespace(_)
        | Object::Node(_)
        | Object::Pod(_)
        | Object::Workload(_)
        | Object::Service(_)
        | Object::NetworkPolicy(_)
        | Object::ClusterPolicy(_)
        | Object::HostFirewall(_)
        | Object::Endpoints(_)
        | Object::Secret(_)
        | Object::ServiceAccount(_) => None,
    }
}

/// Where kubeadm keeps its configuration, and that of kube-proxy.
const CONFIGURATIONS: [(&str, &str, &str); 2] = [
    ("kubeadm-config", "ClusterConfiguration", "podSubnet"),
    ("kube-proxy", "config.conf", "clusterCIDR"),
];

fn of_config_map(map: &ConfigMap) -> Option<Said> {
    if map.name.namespace != "kube-system" {
        return None;
    }
    let mut known = CONFIGURATIONS.into_iter();
    let (_, key, field) = known.find(|(name, ..)| map.name.name == *name)?;
    let text = std::str::from_utf8(map.data.get(key)?).ok()?;
    let value = text.lines().find_map(|line| {
        let (name, value) = line.trim().split_once(':')?;
        (name == field).then_some(value)
    })?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let value = value.trim_matches(['"', '\'']);
    let blocks: Result<Vec<IpNet>, _> = value
        .split(',')
        .map(|part| part.trim().parse::<IpNet>())
        .collect();
    said_by(
        blocks.ok()?,
        &format!("`{field}` in configmap/{}", map.name),
    )
}

fn said_by(blocks: impl IntoIterator<Item = IpNet>, by: &str) -> Option<Said> {
    let blocks: Vec<IpNet> = blocks.into_iter().collect();
    let blocks = IpNet::aggregate(&blocks);
    (!blocks.is_empty()).then(|| Said {
        blocks,
        by: by.to_owned(),
    })
}
