//! The selectors that name an end of a connection, and as little else as can be.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterPeer, IpBlock, LabelSelector, Labels, METADATA_NAME_LABEL, ObjectName, Party,
    PeerSelector, Pod, PodScope, PolicyPeer, UNKNOWN_LABEL_VALUE,
};

/// Labels that controllers set on single pods and revisions, which are gone with the next one (rule OB-10).
const VOLATILE: [&str; 8] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "controller-revision-hash",
    "controller-uid",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// Labels that say what a pod is, by convention.
const IDENTITY: [&str; 10] = [
    "app",
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "component",
    "k8s-app",
    "name",
    "role",
    "run",
    "tier",
];

/// The labels that say what `pod` is, if they choose no other pods than all of its lasting labels do; else all of these.
pub(super) fn selector(cluster: &Cluster, pod: &Pod) -> LabelSelector {
    let lasting = labels(pod, |key| !VOLATILE.contains(&key));
    let identity = labels(pod, |key| IDENTITY.contains(&key));
    let namespace = &pod.name.namespace;
    let same = chosen(cluster, namespace, &identity) == chosen(cluster, namespace, &lasting);
    if same && !identity.match_labels.is_empty() {
        identity
    } else {
        lasting
    }
}

fn labels(pod: &Pod, keep: impl Fn(&str) -> bool) -> LabelSelector {
    let kept = pod.labels.iter();
    let kept = kept.filter(|(key, value)| keep(key) && *value != UNKNOWN_LABEL_VALUE);
    LabelSelector {
        match_labels: kept
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        match_expressions: Vec::new(),
    }
}

fn chosen<'a>(
    cluster: &'a Cluster,
    namespace: &str,
    selector: &LabelSelector,
) -> BTreeSet<&'a ObjectName> {
    let pods = cluster.pods.values().filter(|pod| {
        pod.is_on_pod_network() && pod.name.namespace == namespace && selector.matches(&pod.labels)
    });
    pods.map(|pod| &pod.name).collect()
}

/// The pod that a party is, on the pod network.
pub(super) fn pod<'a>(cluster: &'a Cluster, party: &Party) -> Option<&'a Pod> {
    match party {
        Party::Pod { name, .. } => cluster.pods.get(name),
        Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => None,
    }
}

/// `party` as a peer of a policy in `namespace`; `None` if it has neither labels nor an address.
pub(super) fn peer(
    cluster: &Cluster,
    party: &Party,
    namespace: &str,
    outside: &[IpBlock],
) -> Option<PolicyPeer> {
    if let Some(pod) = pod(cluster, party) {
        let own = pod.name.namespace == namespace;
        return Some(PolicyPeer::Pods(PeerSelector {
            namespaces: (!own).then(|| by_name(&pod.name.namespace)),
            pods: Some(selector(cluster, pod)),
        }));
    }
    let address = party.address()?;
    let example = outside.iter().find(|block| holds(block, address));
    Some(PolicyPeer::IpBlock(
        example.cloned().unwrap_or_else(|| single(address)),
    ))
}

/// `party` as peers of a cluster-scoped policy's egress. An address that stands for `outside` is all of it, of both
/// families.
pub(super) fn cluster_peers(
    cluster: &Cluster,
    party: &Party,
    outside: &[IpBlock],
) -> Option<Vec<ClusterPeer>> {
    if let Some(pod) = pod(cluster, party) {
        return Some(vec![ClusterPeer::Pods(scope(cluster, pod))]);
    }
    let address = party.address()?;
    if !outside.iter().any(|block| holds(block, address)) {
        return Some(vec![ClusterPeer::Networks(vec![single(address).cidr])]);
    }
    let networks: Vec<IpNet> = outside.iter().flat_map(networks).collect();
    let peers = networks.chunks(MOST_NETWORKS);
    Some(
        peers
            .map(|some| ClusterPeer::Networks(some.to_vec()))
            .collect(),
    )
}

/// How many networks a peer may name (rule AN-2).
const MOST_NETWORKS: usize = 25;

/// A block without its exceptions: these peers know none.
fn networks(block: &IpBlock) -> Vec<IpNet> {
    without(block.cidr, &block.except)
}

fn without(network: IpNet, holes: &[IpNet]) -> Vec<IpNet> {
    if holes.iter().any(|hole| hole.contains(&network)) {
        return Vec::new();
    }
    let within = holes.iter().filter(|hole| network.contains(*hole));
    let within: Vec<IpNet> = within.copied().collect();
    let halves = network.subnets(network.prefix_len().saturating_add(1));
    match halves {
        Ok(halves) if !within.is_empty() => {
            halves.flat_map(|half| without(half, &within)).collect()
        }
        Ok(_) | Err(_) => vec![network],
    }
}

/// The pods like `pod`, for cluster-scoped policies.
pub(super) fn scope(cluster: &Cluster, pod: &Pod) -> PodScope {
    PodScope {
        namespaces: Some(by_name(&pod.name.namespace)),
        pods: Some(selector(cluster, pod)),
    }
}

/// NP-18: the namespace that has this name.
fn by_name(namespace: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Labels::from([(METADATA_NAME_LABEL.to_owned(), namespace.to_owned())]),
        match_expressions: Vec::new(),
    }
}

pub(super) fn single(address: IpAddr) -> IpBlock {
    IpBlock {
        cidr: IpNet::from(address.to_canonical()),
        except: Vec::new(),
    }
}

pub(super) fn holds(block: &IpBlock, address: IpAddr) -> bool {
    block.cidr.contains(&address) && !block.except.iter().any(|hole| hole.contains(&address))
}

/// A name for a new object: letters, digits and `-` of what it is about (rule OB-15).
pub(super) fn name(words: &[&str]) -> String {
    let text = words.join("-").to_ascii_lowercase();
    let mut name = String::new();
    for letter in text.chars() {
        let kept = letter.is_ascii_alphanumeric();
        if kept {
            name.push(letter);
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
    }
    let short: String = name.chars().take(MOST_LETTERS).collect();
    short.trim_matches('-').to_owned()
}

const MOST_LETTERS: usize = 60;

/// What a party is called in names; the example of a place as the place.
pub(super) fn called(cluster: &Cluster, party: &Party, outside: &[IpBlock]) -> String {
    let is_example = |address| outside.iter().any(|block| holds(block, address));
    if pod(cluster, party).is_none() && party.address().is_some_and(is_example) {
        return "outside".to_owned();
    }
    match (pod(cluster, party), party) {
        (Some(pod), _) => match &pod.workload {
            Some(owner) => owner.name.clone(),
            None => pod.name.name.clone(),
        },
        (
            None,
            Party::Node {
                name: Some(name), ..
            },
        ) => name.clone(),
        (None, _) => party
            .address()
            .map_or_else(String::new, |address| address.to_string()),
    }
}
