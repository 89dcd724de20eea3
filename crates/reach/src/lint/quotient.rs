//! The cluster as the pods of one namespace see it: of others that no rule for these pods tells apart, one is enough.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterPeer, ClusterPort, ContainerPort, Direction, LabelSelector, Node, PeerSelector,
    Pod, PolicyPeer, PortMatch,
};
use ringfence_net::Family;

use super::cluster_site::as_peer;

/// `cluster` with the NetworkPolicies of `namespace`, its pods, and one of each kind of others. Without a namespace of that
/// name, one of each kind that cluster-scoped policies tell apart.
pub(super) fn seen_from(cluster: &Cluster, namespace: &str) -> Cluster {
    let sight = Sight::of(cluster, namespace);
    let (own, others): (Vec<&Pod>, Vec<&Pod>) = cluster
        .pods
        .values()
        .partition(|pod| pod.name.namespace == namespace);
    let mut kinds = BTreeMap::new();
    let mut selectors = Applicable::default();
    for pod in others {
        let applicable = selectors.of(&sight, cluster, &pod.name.namespace);
        kinds.entry(sight.of_pod(applicable, pod)).or_insert(pod);
    }
    let mut nodes = BTreeMap::new();
    for node in cluster.nodes.values() {
        nodes.entry(sight.of_node(node)).or_insert(node);
    }
    let pods: Vec<&Pod> = own.into_iter().chain(kinds.into_values()).collect();
    let namespaces = pods.iter().map(|pod| pod.name.namespace.as_str());
    let namespaces: BTreeSet<&str> = namespaces.chain([namespace]).collect();
    let namespaces = namespaces
        .into_iter()
        .filter_map(|name| cluster.namespaces.get(name));
    let policies = cluster.network_policies.iter();
    let policies = policies.filter(|(name, _)| name.namespace == namespace);
    Cluster {
        namespaces: namespaces
            .map(|found| (found.name.clone(), found.clone()))
            .collect(),
        pods: pods
            .into_iter()
            .map(|pod| (pod.name.clone(), pod.clone()))
            .collect(),
        nodes: nodes
            .into_values()
            .map(|node| (node.name.clone(), node.clone()))
            .collect(),
        network_policies: policies
            .map(|(name, policy)| (name.clone(), policy.clone()))
            .collect(),
        cluster_policies: cluster.cluster_policies.clone(),
        domain_addresses: cluster.domain_addresses.clone(),
        ..Cluster::default()
    }
}

/// Everything that the rules for pods of a namespace look at in others.
struct Sight<'a> {
    namespace: &'a str,
    selectors: Vec<PeerSelector>,
    node_selectors: Vec<&'a LabelSelector>,
    blocks: Vec<IpNet>,
    /// Whether ports are looked up by name.
    names: bool,
}

/// The places of the selectors that may match pods of a namespace: few of them speak of other namespaces than their own.
#[derive(Default)]
struct Applicable<'p> {
    of_namespace: BTreeMap<&'p str, Vec<usize>>,
}

impl<'p> Applicable<'p> {
    fn of(&mut self, sight: &Sight<'_>, cluster: &Cluster, namespace: &'p str) -> &[usize] {
        self.of_namespace.entry(namespace).or_insert_with(|| {
            let labels = cluster.namespace_labels(namespace);
            let selectors = sight.selectors.iter().enumerate();
            let applicable = selectors.filter(|(_, selector)| match &selector.namespaces {
                None => namespace == sight.namespace,
                Some(selector) => selector.matches(&labels),
            });
            applicable.map(|(place, _)| place).collect()
        })
    }
}

/// What of a pod is looked at: the selectors that match it, the blocks that hold its addresses, its ports.
type PodKind<'p> = (Vec<usize>, Vec<(Family, Vec<usize>)>, &'p [ContainerPort]);

/// What of a node is looked at.
type NodeKind = (Vec<bool>, Vec<(Family, Vec<usize>)>);

impl<'a> Sight<'a> {
    fn of(cluster: &'a Cluster, namespace: &'a str) -> Self {
        let mut sight = Self {
            namespace,
            selectors: Vec::new(),
            node_selectors: Vec::new(),
            blocks: Vec::new(),
            names: false,
        };
        for direction in Direction::ALL {
            sight.add_policies(cluster, direction);
            sight.add_cluster_policies(cluster, direction);
        }
        let subjects = cluster.cluster_policies.values();
        sight
            .selectors
            .extend(subjects.map(|policy| as_peer(&policy.subject)));
        sight.blocks.extend(
            cluster
                .domain_addresses
                .values()
                .flatten()
                .map(|one| IpNet::from(*one)),
        );
        sight
    }

    fn add_policies(&mut self, cluster: &Cluster, direction: Direction) {
        let policies = cluster.network_policies.values();
        let policies = policies.filter(|policy| policy.name.namespace == self.namespace);
        for rule in policies.flat_map(|policy| policy.rules(direction)) {
            self.names |= rule
                .ports
                .iter()
                .any(|port| matches!(port.port, PortMatch::Name(_)));
            for peer in &rule.peers {
                match peer {
                    PolicyPeer::Pods(selector) => self.selectors.push(selector.clone()),
                    PolicyPeer::IpBlock(block) => {
                        self.blocks.push(block.cidr);
                        self.blocks.extend(&block.except);
                    }
                }
            }
        }
    }

    fn add_cluster_policies(&mut self, cluster: &'a Cluster, direction: Direction) {
        let policies = cluster.cluster_policies.values();
        for rule in policies.flat_map(|policy| policy.rules(direction)) {
            self.names |= rule
                .ports
                .iter()
                .any(|port| matches!(port, ClusterPort::Name(_)));
            for peer in &rule.peers {
                match peer {
                    ClusterPeer::Pods(scope) => self.selectors.push(as_peer(scope)),
                    ClusterPeer::Networks(networks) => self.blocks.extend(networks),
                    ClusterPeer::Nodes(selector) => self.node_selectors.push(selector),
                    ClusterPeer::DomainNames(_) | ClusterPeer::Unrecognized => {}
                }
            }
        }
    }

    /// `applicable` are the selectors that may match pods of its namespace.
    fn of_pod<'p>(&self, applicable: &[usize], pod: &'p Pod) -> PodKind<'p> {
        let matches = |place: &&usize| {
            let selector = self.selectors.get(**place);
            let labels = selector.and_then(|selector| selector.pods.as_ref());
            labels.is_none_or(|labels| labels.matches(&pod.labels))
        };
        let matching = if pod.is_on_pod_network() {
            applicable.iter().filter(matches).copied().collect()
        } else {
            Vec::new()
        };
        let ports = if self.names {
            pod.ports.as_slice()
        } else {
            &[]
        };
        (matching, self.of_addresses(&pod.addresses), ports)
    }

    fn of_node(&self, node: &Node) -> NodeKind {
        let matches = |selector: &&LabelSelector| selector.matches(&node.labels);
        let bits = self.node_selectors.iter().map(matches).collect();
        (bits, self.of_addresses(&node.addresses))
    }

    fn of_addresses(&self, addresses: &[IpAddr]) -> Vec<(Family, Vec<usize>)> {
        let holding = |address: &IpAddr| {
            let blocks = self.blocks.iter().enumerate();
            let holding = blocks.filter(|(_, block)| block.contains(address));
            let places = holding.map(|(place, _)| place).collect();
            (Family::of(*address), places)
        };
        addresses.iter().map(holding).collect()
    }
}
