//! What the table must do, as far as it does not depend on the table: the cluster as this node sees it.

mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, ClusterPort, NetworkPolicy, Node, Pod, PolicyRule};
use ringfence_net::{Family, PortRange};
use ringfence_policy::{ClassId, Engine};

use crate::wiring::{WiredPod, Wiring};

pub(crate) use services::{Port, Services};

/// The cluster and the node, ready to be asked.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) wiring: &'a Wiring,
    /// The pods that are wired here and that policy knows, sorted.
    pub(crate) pods: Vec<WiredPod>,
    /// The place of each of their addresses in that list.
    owners: BTreeMap<IpAddr, usize>,
    /// By family, because two ends that have both speak one of them (rule Q-7), and packets have either.
    engines: [Engines; 2],
    /// Addresses of the objects of nodes: who may feed a tunnel.
    pub(crate) nodes: BTreeSet<IpAddr>,
    /// Those, and the addresses that pods report of their nodes.
    pub(crate) hosts: BTreeSet<IpAddr>,
    /// Addresses of the object of this node; those from outside reach ports of Services there.
    pub(crate) own: BTreeSet<IpAddr>,
    /// Where each port of each Service leads; nowhere if it has no backend.
    pub(crate) services: Services,
    /// Addresses that several pods claim, none of which is wired here.
    pub(crate) contested: BTreeSet<IpAddr>,
}

/// What is taken to become of that which policies in audit mode would deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audits {
    /// It passes, as it does.
    Pass,
    /// It is denied, too.
    Deny,
}

/// The policies for the packets of one family.
#[derive(Debug)]
pub(crate) struct Engines {
    pub(crate) policies: Engine,
    /// The same for a pod that reaches itself through a Service: NetworkPolicy allows it (rule AM-4).
    pub(crate) selves: Engine,
    /// What must be let pass besides, where it is asked what policies in audit mode would deny (rule AU-4).
    pub(crate) strict: Option<Engine>,
}

impl Engines {
    fn new(cluster: Cluster, audits: Audits) -> Self {
        Self {
            selves: Engine::new(loosened(cluster.clone())),
            strict: match audits {
                Audits::Pass => None,
                Audits::Deny => Some(Engine::new(cluster.all_enforced())),
            },
            policies: Engine::new(cluster),
        }
    }

    /// The class of an address, and that if no policy were in audit mode.
    pub(crate) fn classes_of(&self, address: IpAddr) -> (ClassId, Option<ClassId>) {
        let strict = self.strict.as_ref();
        (
            self.policies.class_of_address(address),
            strict.map(|strict| strict.class_of_address(address)),
        )
    }
}

impl<'a> Facts<'a> {
    pub(crate) fn new(cluster: &Cluster, wiring: &'a Wiring, audits: Audits) -> Self {
        let pods = known_pods(cluster, wiring);
        let mut seen = cluster.clone();
        if !wiring.enforced {
            seen.network_policies.clear();
            seen.cluster_policies.clear();
            seen.host_firewalls.clear();
        }
        wire(&mut seen, &wiring.node, &pods);
        let contested = share(&mut seen);
        let nodes = addresses(seen.nodes.values().flat_map(|node| &node.addresses));
        let own = seen.nodes.get(&wiring.node).into_iter();
        let own = addresses(own.flat_map(|node| &node.addresses));
        let reported = seen.pods.values().flat_map(|pod| &pod.host_addresses);
        let mut hosts = addresses(reported);
        hosts.extend(&nodes);
        let services = services::services(&Engine::new(seen.clone()), wiring);
        let reported = seen.pods.values_mut();
        reported.for_each(|pod| pod.host_addresses.clear());
        split_nodes(&mut seen);
        let engines = Family::ALL.map(|family| Engines::new(of_family(&seen, family), audits));
        Self {
            services,
            own,
            wiring,
            owners: owners(&pods),
            pods,
            engines,
            nodes,
            hosts,
            contested,
        }
    }

    /// The policies for packets of one family.
    pub(crate) const fn engines(&self, family: Family) -> &Engines {
        let [first, second] = &self.engines;
        match family {
            Family::V4 => first,
            Family::V6 => second,
        }
    }

    /// Whether host firewalls close the node (rule HF-2).
    pub(crate) fn is_closed(&self) -> bool {
        let cluster = self.engines(Family::V4).policies.cluster();
        cluster
            .host_firewalls_of(&self.wiring.node)
            .next()
            .is_some()
    }

    /// The ports that host firewalls speak of.
    pub(crate) fn host_ports(&self) -> Vec<PortRange> {
        let cluster = self.engines(Family::V4).policies.cluster();
        let rules = cluster.host_firewalls_of(&self.wiring.node);
        let ports = rules.flat_map(|(_, rules)| rules.ingress.iter().flat_map(|it| &it.ports));
        let listed = ports.filter_map(|port| match port {
            ClusterPort::Range(_, range) => Some(*range),
            ClusterPort::Name(_) => None,
        });
        let failsafes = cluster.failsafes(&self.wiring.node);
        let failsafes = failsafes.map(|(_, port)| PortRange::single(port));
        listed.chain(failsafes).collect()
    }

    /// The pod wired here that has `address`.
    pub(crate) fn local(&self, address: IpAddr) -> Option<usize> {
        self.owners.get(&address).copied()
    }

    pub(crate) fn is_pod_interface(&self, name: &str) -> bool {
        name.starts_with(&self.wiring.interface_prefix)
    }

    pub(crate) fn in_pod_blocks(&self, address: IpAddr) -> bool {
        let mut blocks = self.wiring.pod_blocks.iter();
        blocks.any(|block| block.contains(&address))
    }

    /// Whether traffic to `address` stays in the cluster: pods, Services and nodes.
    pub(crate) fn in_cluster(&self, address: IpAddr) -> bool {
        let mut services = self.wiring.service_blocks.iter();
        self.in_pod_blocks(address)
            || self.hosts.contains(&address)
            || services.any(|block| block.contains(&address))
    }

    /// The local pods' addresses of one family, with their places.
    pub(crate) fn local_addresses(&self, family: Family) -> impl Iterator<Item = (usize, IpAddr)> {
        let pods = self.pods.iter().enumerate();
        let all = pods.flat_map(|(at, pod)| pod.addresses.iter().map(move |ip| (at, *ip)));
        all.filter(move |(_, address)| Family::of(*address) == family)
    }
}

fn addresses<'i>(all: impl Iterator<Item = &'i IpAddr>) -> BTreeSet<IpAddr> {
    all.map(IpAddr::to_canonical).collect()
}

/// The wired pods that are live pods of the pod network; others stay closed (rules NP-65, DP-25).
fn known_pods(cluster: &Cluster, wiring: &Wiring) -> Vec<WiredPod> {
    let is_known = |wired: &&WiredPod| {
        let pod = cluster.pods.get(&wired.pod);
        pod.is_some_and(Pod::is_on_pod_network)
    };
    let known = wiring.endpoints.iter().filter(is_known);
    let mut pods: Vec<WiredPod> = known
        .map(|wired| WiredPod {
            addresses: wired.addresses.iter().map(IpAddr::to_canonical).collect(),
            ..wired.clone()
        })
        .collect();
    pods.sort_unstable();
    pods
}

/// Whose each address is.
fn owners(pods: &[WiredPod]) -> BTreeMap<IpAddr, usize> {
    let pods = pods.iter().enumerate();
    let all = pods.flat_map(|(at, pod)| pod.addresses.iter().map(move |ip| (*ip, at)));
    all.collect()
}

/// Wired pods are here and have the addresses that they are wired with, and nobody else has them.
fn wire(cluster: &mut Cluster, node: &str, pods: &[WiredPod]) {
    let taken: BTreeSet<IpAddr> = pods.iter().flat_map(|pod| pod.addresses.clone()).collect();
    let wired: BTreeMap<_, _> = pods.iter().map(|pod| (&pod.pod, pod)).collect();
    for pod in cluster.pods.values_mut() {
        if pod.host_network {
            continue;
        }
        pod.addresses
            .retain(|address| !taken.contains(&address.to_canonical()));
        if let Some(wired) = wired.get(&pod.name) {
            pod.addresses.clone_from(&wired.addresses);
            pod.node = Some(node.to_owned());
        }
    }
}

/// Leaves an address that several pods claim to the first of them, and tells of it.
fn share(cluster: &mut Cluster) -> BTreeSet<IpAddr> {
    let mut owned = BTreeSet::new();
    let mut contested = BTreeSet::new();
    let pods = cluster.pods.values_mut();
    for pod in pods.filter(|pod| pod.is_on_pod_network()) {
        pod.addresses.retain(|address| {
            let address = address.to_canonical();
            let is_first = owned.insert(address);
            if !is_first {
                contested.insert(address);
            }
            is_first
        });
    }
    contested
}

/// The engine judges a node by its first address of a family. Packets have the others too, so these become nodes of
/// their own with the same labels. What pods report beside the object is an address like any other (rule CN-35).
fn split_nodes(cluster: &mut Cluster) {
    let mut others: Vec<Node> = Vec::new();
    for node in cluster.nodes.values_mut() {
        let mut families = BTreeSet::new();
        let all = std::mem::take(&mut node.addresses);
        let (first, rest): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|address| families.insert(Family::of(address.to_canonical())));
        node.addresses = first;
        others.extend(rest.into_iter().map(|address| Node {
            name: format!("{} ({address})", node.name),
            addresses: vec![address],
            ..node.clone()
        }));
    }
    let named = others.into_iter().map(|node| (node.name.clone(), node));
    cluster.nodes.extend(named);
}

/// The cluster without addresses of another family.
fn of_family(cluster: &Cluster, family: Family) -> Cluster {
    let mut cluster = cluster.clone();
    let own = |address: &IpAddr| Family::of(address.to_canonical()) == family;
    for pod in cluster.pods.values_mut() {
        pod.addresses.retain(own);
    }
    for node in cluster.nodes.values_mut() {
        node.addresses.retain(own);
    }
    cluster
}

/// The same pods isolated by the same policies, which allow everything.
fn loosened(mut cluster: Cluster) -> Cluster {
    let everything = || {
        vec![PolicyRule {
            peers: Vec::new(),
            ports: Vec::new(),
            source: None,
        }]
    };
    let loosen = |policy: &mut NetworkPolicy| {
        policy.ingress = everything();
        policy.egress = everything();
    };
    cluster.network_policies.values_mut().for_each(loosen);
    cluster
}
