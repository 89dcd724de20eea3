//! Who the strangers are, and which addresses they have.

mod addresses;
mod costume;
mod mentioned;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterPeer, Labels, Namespace, Node, Object, ObjectName, Pod, Service,
};
use ringfence_net::Family;

use crate::audit::Subject;
use addresses::Addresses;
use mentioned::is_mentioned;

/// The strangers by what they are for.
pub(super) struct Cast<'a> {
    pods: Vec<Pod>,
    namespace: String,
    nodes: Vec<Node>,
    /// Whether any private address is taken for one that a pod may have.
    pub(super) is_anywhere: bool,
    pub(super) foreign: Vec<ObjectName>,
    pub(super) own: BTreeMap<String, Vec<ObjectName>>,
    /// The same with labels that policies ask for.
    pub(super) labelled: Vec<(ObjectName, Labels)>,
    pub(super) own_labelled: BTreeMap<String, Vec<(ObjectName, Labels)>>,
    pub(super) twins: BTreeMap<&'a Labels, ObjectName>,
}

impl<'a> Cast<'a> {
    pub(super) fn of(
        subject: &Subject<'a>,
        pod_blocks: &[IpNet],
        families: &BTreeSet<Family>,
    ) -> Self {
        let cluster = subject.cluster;
        let mut cast = Self {
            pods: Vec::new(),
            namespace: free("nowhere", |name| is_mentioned(cluster, name)),
            nodes: Vec::new(),
            is_anywhere: false,
            foreign: Vec::new(),
            own: BTreeMap::new(),
            labelled: Vec::new(),
            own_labelled: BTreeMap::new(),
            twins: BTreeMap::new(),
        };
        let blocks = pod_blocks_of(subject, pod_blocks);
        let mut addresses = Addresses::of(cluster, &blocks, families);
        cast.add_foreign(&mut addresses);
        cast.add_neighbours(cluster, &mut addresses);
        cast.add_labelled(cluster, &mut addresses);
        cast.add_labelled_neighbours(cluster, &mut addresses);
        cast.add_twins(cluster, &mut addresses);
        if !knows_nodes(cluster) {
            cast.add_nodes(&mut addresses);
        }
        cast.is_anywhere = blocks.is_empty();
        cast
    }

    fn add_foreign(&mut self, addresses: &mut Addresses) {
        for address in addresses.one_for_each_pod() {
            let number = self.foreign.len();
            let name = ObjectName::new(&self.namespace, numbered("stranger", number));
            self.foreign.push(name.clone());
            self.add(name, &Labels::new(), address);
        }
    }

    /// What comes of a connection to a neighbour depends on its address only where rules of the cluster name blocks:
    /// those of NetworkPolicies that match its address match that of a foreign stranger as well.
    fn add_neighbours(&mut self, cluster: &Cluster, addresses: &mut Addresses) {
        let names_networks = names_networks(cluster);
        for namespace in namespaces(cluster) {
            let is_taken = |name: &str| {
                let name = ObjectName::new(namespace, name);
                cluster.pods.contains_key(&name)
            };
            let stem = free("stranger", is_taken);
            let of_each = if names_networks {
                addresses.one_for_each_pod()
            } else {
                vec![addresses.unnamed()]
            };
            for (number, address) in of_each.into_iter().enumerate() {
                let name = ObjectName::new(namespace, numbered(&stem, number));
                let own = self.own.entry(namespace.to_owned()).or_default();
                own.push(name.clone());
                self.add(name, &Labels::new(), address);
            }
        }
    }

    /// What is open to labels does not depend on an address.
    fn add_labelled(&mut self, cluster: &Cluster, addresses: &mut Addresses) {
        for (number, worn) in costume::of_foreigners(cluster).into_iter().enumerate() {
            let name = ObjectName::new(&self.namespace, numbered("labelled", number));
            self.add(name.clone(), &worn, addresses.unnamed());
            self.labelled.push((name, worn));
        }
    }

    fn add_labelled_neighbours(&mut self, cluster: &Cluster, addresses: &mut Addresses) {
        let mut costumes = costume::of_neighbours(cluster);
        for namespace in namespaces(cluster) {
            let is_taken = |name: &str| {
                let name = ObjectName::new(namespace, name);
                cluster.pods.contains_key(&name)
            };
            let stem = free("labelled", is_taken);
            let worn = costumes.remove(namespace).unwrap_or_default();
            for (number, worn) in worn.into_iter().enumerate() {
                let name = ObjectName::new(namespace, numbered(&stem, number));
                self.add(name.clone(), &worn, addresses.unnamed());
                let own = self.own_labelled.entry(namespace.to_owned());
                own.or_default().push((name, worn));
            }
        }
    }

    /// What a twin may open depends on its address no more than what a foreign stranger may.
    fn add_twins(&mut self, cluster: &'a Cluster, addresses: &mut Addresses) {
        let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
        for pod in pods {
            if self.twins.contains_key(&pod.labels) {
                continue;
            }
            let number = self.twins.len();
            let name = ObjectName::new(&self.namespace, numbered("twin", number));
            self.twins.insert(&pod.labels, name.clone());
            self.add(name, &pod.labels, addresses.unnamed());
        }
    }

    /// Every cluster has nodes: some to stand for them.
    fn add_nodes(&mut self, addresses: &mut Addresses) {
        let of_each = addresses.one_for_each_node().into_iter();
        let nodes = of_each.enumerate().map(|(number, addresses)| Node {
            name: numbered("any", number),
            labels: Labels::new(),
            addresses,
            pod_cidrs: Vec::new(),
            kubelet_port: None,
            source: None,
        });
        self.nodes.extend(nodes);
    }

    /// Whether the nodes are no more than stand-ins.
    pub(super) fn has_nodes(&self) -> bool {
        !self.nodes.is_empty()
    }

    fn add(&mut self, name: ObjectName, labels: &Labels, addresses: Vec<IpAddr>) {
        self.pods.push(Pod {
            addresses,
            ..Pod::new(name, labels.clone())
        });
    }

    /// `cluster` with the strangers in it.
    pub(super) fn on_stage(&self, cluster: &Cluster) -> Cluster {
        let mut cluster = cluster.clone();
        let namespace = Namespace::new(&self.namespace, Labels::new());
        cluster.namespaces.insert(self.namespace.clone(), namespace);
        for pod in &self.pods {
            cluster.pods.insert(pod.name.clone(), pod.clone());
        }
        for node in &self.nodes {
            cluster.nodes.insert(node.name.clone(), node.clone());
        }
        cluster
    }
}

fn numbered(stem: &str, number: usize) -> String {
    match number {
        0 => stem.to_owned(),
        later => format!("{stem}-{}", later + 1),
    }
}

/// `stem`, or the first of its numbered forms that is not taken.
fn free(stem: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let forms = (0..).map(|number| numbered(stem, number));
    let mut free = forms.skip_while(|name| is_taken(name));
    free.next().unwrap_or_else(|| stem.to_owned())
}

/// The namespaces that have pods of the pod network.
fn namespaces(cluster: &Cluster) -> BTreeSet<&str> {
    let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
    pods.map(|pod| pod.name.namespace.as_str()).collect()
}

fn knows_nodes(cluster: &Cluster) -> bool {
    let mut pods = cluster.pods.values().filter(|pod| pod.is_live());
    !cluster.nodes.is_empty() || pods.any(|pod| pod.node.is_some())
}

fn names_networks(cluster: &Cluster) -> bool {
    let policies = cluster.cluster_policies.values();
    let rules = policies.flat_map(|policy| &policy.egress);
    let mut peers = rules.flat_map(|rule| &rule.peers);
    peers.any(|peer| matches!(peer, ClusterPeer::Networks(_) | ClusterPeer::DomainNames(_)))
}

/// Where pods get their addresses from; where nothing says so, beside those that pods have.
fn pod_blocks_of(subject: &Subject<'_>, given: &[IpNet]) -> Vec<IpNet> {
    let nodes = subject.cluster.nodes.values();
    let of_nodes = nodes.flat_map(|node| node.pod_cidrs.iter().copied());
    let of_kind = subject.objects.iter().flat_map(kind_subnets);
    let known: Vec<IpNet> = given
        .iter()
        .copied()
        .chain(of_nodes)
        .chain(of_kind)
        .collect();
    if !known.is_empty() {
        return known;
    }
    let pods = subject.cluster.pods.values();
    let pods = pods.filter(|pod| pod.is_on_pod_network());
    let beside = pods
        .flat_map(|pod| &pod.addresses)
        .map(|address| beside(*address));
    beside.collect::<BTreeSet<_>>().into_iter().collect()
}

fn kind_subnets(object: &Object) -> Vec<IpNet> {
    match object {
        Object::KindCluster(kind) => kind.pod_subnets.clone(),
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
        | Object::ConfigMap(_)
        | Object::ServiceAccount(_) => Vec::new(),
    }
}

/// The block of a node that hands out `address`, by the sizes that are usual.
fn beside(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let length = match address {
        IpAddr::V4(_) => 24,
        IpAddr::V6(_) => 64,
    };
    IpNet::new(address, length).map_or_else(|_| IpNet::from(address), |block| block.trunc())
}

/// The families of pods, nodes and Services. Where no address is known, pods may have one of each that policies speak of,
/// and of IPv4.
pub(super) fn families(subject: &Subject<'_>, given: &[IpNet]) -> BTreeSet<Family> {
    let cluster = subject.cluster;
    let pods = cluster.pods.values().flat_map(|pod| &pod.addresses);
    let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    let services = cluster.services.values();
    let services = services.flat_map(Service::cluster_addresses);
    let known = pods.chain(nodes).chain(services).copied();
    let blocks = pod_blocks_of(subject, given);
    let blocks = blocks.iter().map(IpNet::addr);
    let mut families: BTreeSet<Family> = known
        .chain(blocks)
        .map(|address| Family::of(address.to_canonical()))
        .collect();
    if families.is_empty() {
        families = crate::workload::families(cluster);
        families.insert(Family::V4);
    }
    families
}
