//! The cluster as the pods of one namespace see it: of others that no rule for these pods tells apart, one is enough.

mod crowd;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterPeer, ClusterPort, ContainerPort, Direction, LabelSelector, Labels, Node,
    PeerSelector, Pod, PolicyPeer, PortMatch,
};
use ringfence_net::Family;

use super::cluster_site::as_peer;
use crowd::Crowd;

/// A cluster that can be seen from each of its namespaces.
#[derive(Debug)]
pub(super) struct Quotient {
    cluster: Cluster,
    /// The pods, of which cluster-scoped policies tell kinds apart that are the same for every namespace.
    crowd: Crowd,
    /// The number of each node's kind among those; in the order of the nodes.
    nodes: Vec<usize>,
}

impl Quotient {
    pub(super) fn of(cluster: Cluster) -> Self {
        let sight = Sight::of_cluster_policies(&cluster);
        let mut selectors = Applicable::default();
        let pods = cluster.pods.values().map(|pod| {
            let applicable = selectors.of(&sight, &cluster, &pod.name.namespace);
            let kind = sight.of_pod(applicable, &sight.blocks, pod);
            (families(&pod.addresses), kind)
        });
        let pods = numbers(pods);
        let nodes = cluster.nodes.values();
        let nodes = numbers(nodes.map(|node| (families(&node.addresses), sight.of_node(node))));
        Self {
            crowd: Crowd::of(&cluster, &pods),
            cluster,
            nodes,
        }
    }

    /// The cluster with everything that is in it.
    pub(super) const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The cluster with the NetworkPolicies of `namespace`, its pods, and one of each kind of others. Without a namespace of
    /// that name, one of each kind that cluster-scoped policies tell apart.
    pub(super) fn seen_from(&self, namespace: &str) -> Cluster {
        let cluster = &self.cluster;
        let sight = Sight::of_policies(cluster, namespace);
        let pods = self.pods_seen(&sight);
        let namespaces = pods.iter().map(|pod| pod.name.namespace.as_str());
        let namespaces: BTreeSet<&str> = namespaces.chain([namespace]).collect();
        let namespaces = namespaces
            .into_iter()
            .filter_map(|name| cluster.namespaces.get(name));
        let policies = cluster.policies_in(namespace);
        Cluster {
            namespaces: namespaces
                .map(|found| (found.name.clone(), found.clone()))
                .collect(),
            pods: pods
                .into_iter()
                .map(|pod| (pod.name.clone(), pod.clone()))
                .collect(),
            nodes: self
                .nodes_seen(&sight)
                .map(|node| (node.name.clone(), node.clone()))
                .collect(),
            network_policies: policies
                .map(|policy| (policy.name.clone(), policy.clone()))
                .collect(),
            cluster_policies: cluster.cluster_policies.clone(),
            domain_addresses: cluster.domain_addresses.clone(),
            pod_blocks: cluster.pod_blocks.clone(),
            ..Cluster::default()
        }
    }

    /// The pods of the namespace, and the first of each kind of others.
    fn pods_seen(&self, sight: &Sight<'_>) -> Vec<&Pod> {
        let telling = self.crowd.telling(&sight.blocks);
        let mut own = Vec::new();
        let mut kinds = BTreeMap::new();
        for (place, near) in self.crowd.namespaces.iter().enumerate() {
            if near.name == sight.namespace {
                own.extend(self.crowd.at(&near.all).map(|(pod, _)| pod));
                continue;
            }
            let applicable = sight.applicable(&near.name, &near.labels);
            let are_alike = applicable.is_empty() && !telling.is_about(place);
            let asked = match are_alike {
                true => near.kinds(sight.names),
                false => &near.all,
            };
            for (pod, number) in self.crowd.at(asked) {
                let kind = sight.of_pod(&applicable, &telling.blocks, pod);
                kinds.entry((number, kind)).or_insert(pod);
            }
        }
        own.into_iter().chain(kinds.into_values()).collect()
    }

    /// The first node of each kind.
    fn nodes_seen(&self, sight: &Sight<'_>) -> impl Iterator<Item = &Node> {
        let mut kinds = BTreeMap::new();
        for (node, number) in self.cluster.nodes.values().zip(&self.nodes) {
            let kind = (*number, sight.of_node(node));
            kinds.entry(kind).or_insert(node);
        }
        kinds.into_values()
    }
}

fn families(addresses: &[IpAddr]) -> Vec<Family> {
    addresses.iter().copied().map(Family::of).collect()
}

/// A number for each of `kinds`, the same for those that are equal.
fn numbers<K: Ord>(kinds: impl Iterator<Item = K>) -> Vec<usize> {
    let mut known = BTreeMap::new();
    let number = |kind| {
        let next = known.len();
        *known.entry(kind).or_insert(next)
    };
    kinds.map(number).collect()
}

/// What some rules look at in pods and nodes.
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
            sight.applicable(namespace, &labels)
        })
    }
}

/// Which address each block holds: their places. Of most pods no block of a policy holds any.
type Held = Vec<(usize, usize)>;

/// What of a pod is looked at: the selectors that match it, the blocks that hold its addresses, its ports.
type PodKind<'p> = (Vec<usize>, Held, &'p [ContainerPort]);

/// What of a node is looked at.
type NodeKind = (Vec<bool>, Held);

impl<'a> Sight<'a> {
    /// What the NetworkPolicies of `namespace` look at.
    fn of_policies(cluster: &Cluster, namespace: &'a str) -> Self {
        let mut sight = Self::of_nothing(namespace);
        for direction in Direction::ALL {
            sight.add_policies(cluster, direction);
        }
        sight
    }

    /// What cluster-scoped policies look at.
    fn of_cluster_policies(cluster: &'a Cluster) -> Self {
        let mut sight = Self::of_nothing("");
        for direction in Direction::ALL {
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

    const fn of_nothing(namespace: &'a str) -> Self {
        Self {
            namespace,
            selectors: Vec::new(),
            node_selectors: Vec::new(),
            blocks: Vec::new(),
            names: false,
        }
    }

    fn add_policies(&mut self, cluster: &Cluster, direction: Direction) {
        let policies = cluster.policies_in(self.namespace);
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

    /// The places of the selectors that may match pods of `namespace`, which has these labels.
    fn applicable(&self, namespace: &str, labels: &Labels) -> Vec<usize> {
        let selectors = self.selectors.iter().enumerate();
        let applicable = selectors.filter(|(_, selector)| match &selector.namespaces {
            None => namespace == self.namespace,
            Some(selector) => selector.matches(labels),
        });
        applicable.map(|(place, _)| place).collect()
    }

    /// `applicable` are the selectors that may match pods of its namespace, `blocks` those that are looked at.
    fn of_pod<'p>(&self, applicable: &[usize], blocks: &[IpNet], pod: &'p Pod) -> PodKind<'p> {
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
        (matching, held(blocks, &pod.addresses), ports)
    }

    fn of_node(&self, node: &Node) -> NodeKind {
        let matches = |selector: &&LabelSelector| selector.matches(&node.labels);
        let bits = self.node_selectors.iter().map(matches).collect();
        (bits, held(&self.blocks, &node.addresses))
    }
}

fn held(blocks: &[IpNet], addresses: &[IpAddr]) -> Held {
    let addresses = addresses.iter().enumerate();
    let held = addresses.flat_map(|(place, address)| {
        let blocks = blocks.iter().enumerate();
        let holding = blocks.filter(move |(_, block)| block.contains(address));
        holding.map(move |(block, _)| (place, block))
    });
    held.collect()
}

#[cfg(test)]
mod tests;
