use ringfence_model::{IpBlock, ObjectName};
use ringfence_testkit::generate::{self, Shape};

use super::*;

/// Everything that rules for pods of a namespace and cluster-scoped rules look at, asked of each pod and node one by one.
struct Plainly<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    selectors: Vec<PeerSelector>,
    nodes: Vec<LabelSelector>,
    blocks: Vec<IpNet>,
    names: bool,
}

impl<'a> Plainly<'a> {
    fn of(cluster: &'a Cluster, namespace: &'a str) -> Self {
        let domain_addresses = cluster.domain_addresses.values().flatten();
        let mut all = Self {
            cluster,
            namespace,
            selectors: Vec::new(),
            nodes: Vec::new(),
            blocks: domain_addresses.map(|one| IpNet::from(*one)).collect(),
            names: false,
        };
        let policies = cluster.network_policies.values();
        for policy in policies.filter(|policy| policy.name.namespace == namespace) {
            for rule in policy.ingress.iter().chain(&policy.egress) {
                let mut ports = rule.ports.iter();
                all.names |= ports.any(|port| matches!(port.port, PortMatch::Name(_)));
                for peer in &rule.peers {
                    match peer {
                        PolicyPeer::Pods(selector) => all.selectors.push(selector.clone()),
                        PolicyPeer::IpBlock(IpBlock { cidr, except }) => {
                            all.blocks.push(*cidr);
                            all.blocks.extend(except);
                        }
                    }
                }
            }
        }
        for policy in cluster.cluster_policies.values() {
            all.selectors.push(as_peer(&policy.subject));
            for rule in policy.ingress.iter().chain(&policy.egress) {
                let mut ports = rule.ports.iter();
                all.names |= ports.any(|port| matches!(port, ClusterPort::Name(_)));
                for peer in &rule.peers {
                    match peer {
                        ClusterPeer::Pods(scope) => all.selectors.push(as_peer(scope)),
                        ClusterPeer::Networks(networks) => all.blocks.extend(networks),
                        ClusterPeer::Nodes(selector) => all.nodes.push(selector.clone()),
                        ClusterPeer::DomainNames(_) | ClusterPeer::Unrecognized => {}
                    }
                }
            }
        }
        all
    }

    fn held(&self, addresses: &[IpAddr]) -> Vec<(Family, Vec<bool>)> {
        let held = |address: &IpAddr| {
            let blocks = self.blocks.iter();
            let held = blocks.map(|block| block.contains(address));
            (Family::of(*address), held.collect())
        };
        addresses.iter().map(held).collect()
    }

    fn selects(&self, selector: &PeerSelector, pod: &Pod) -> bool {
        pod.is_on_pod_network() && self.cluster.peer_matches(selector, self.namespace, pod)
    }

    /// The namespace's own pods, and of others each that is not like one before it.
    fn pods(&self) -> BTreeSet<ObjectName> {
        let mut known = BTreeSet::new();
        let pods = self.cluster.pods.values().filter(|pod| {
            let selected = self.selectors.iter();
            let selected = selected.map(|selector| self.selects(selector, pod));
            let kind = (
                selected.collect::<Vec<bool>>(),
                self.held(&pod.addresses),
                self.names.then(|| pod.ports.clone()),
            );
            pod.name.namespace == self.namespace || known.insert(kind)
        });
        pods.map(|pod| pod.name.clone()).collect()
    }

    fn nodes(&self) -> BTreeSet<String> {
        let mut known = BTreeSet::new();
        let nodes = self.cluster.nodes.values().filter(|node| {
            let matches = |selector: &LabelSelector| selector.matches(&node.labels);
            let selected: Vec<bool> = self.nodes.iter().map(matches).collect();
            known.insert((selected, self.held(&node.addresses)))
        });
        nodes.map(|node| node.name.clone()).collect()
    }
}

/// A quotient keeps what one keeps that compares everything with everything.
#[test]
fn one_of_each_kind_is_kept_and_no_more() {
    let (mut kept, mut all) = (0, 0);
    let shapes = [Shape::FULL, Shape::TIERED].into_iter().cycle();
    for (seed, shape) in (0..150).zip(shapes) {
        let cluster = generate::cluster(seed, shape);
        let quotient = Quotient::of(cluster.clone());
        let namespaces = cluster.namespaces.keys().map(String::as_str);
        for namespace in namespaces.chain([""]) {
            let seen = quotient.seen_from(namespace);
            let plainly = Plainly::of(&cluster, namespace);
            let pods: BTreeSet<ObjectName> = seen.pods.keys().cloned().collect();
            assert_eq!(pods, plainly.pods(), "seed {seed}, from {namespace}");
            let nodes: BTreeSet<String> = seen.nodes.keys().cloned().collect();
            assert_eq!(nodes, plainly.nodes(), "seed {seed}, from {namespace}");
            kept += pods.len();
            all += cluster.pods.len();
        }
    }
    assert!(kept < all, "{kept} of {all}");
}
