use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, Node, ObjectName, Pod};

/// Rule Q-5: whose node an address is.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeIndex {
    /// Who says that an address is a node's, and how often.
    claims: BTreeMap<IpAddr, Vec<Claim>>,
    /// The nodes whose object lists an address (rule CN-35).
    objects: BTreeMap<IpAddr, BTreeSet<String>>,
    /// The live pods of each node in order of name, with the addresses of the node that they report.
    pods: BTreeMap<String, Vec<Reporter>>,
}

/// A node with an address; without name if a pod that names no node reports it.
#[derive(Clone, Debug)]
struct Claim {
    node: Option<String>,
    count: usize,
}

/// A pod, and the addresses of its node as it knows them.
#[derive(Clone, Debug)]
struct Reporter {
    pod: ObjectName,
    addresses: Vec<IpAddr>,
}

impl NodeIndex {
    pub(crate) fn add_node(&mut self, node: &Node) {
        for address in node.addresses.iter().map(IpAddr::to_canonical) {
            self.claim(address, Some(&node.name));
            let named = self.objects.entry(address).or_default();
            named.insert(node.name.clone());
        }
    }

    pub(crate) fn remove_node(&mut self, node: &Node) {
        for address in node.addresses.iter().map(IpAddr::to_canonical) {
            self.disclaim(address, Some(&node.name));
            if let Some(named) = self.objects.get_mut(&address) {
                named.remove(&node.name);
                if named.is_empty() {
                    self.objects.remove(&address);
                }
            }
        }
    }

    pub(crate) fn add_pod(&mut self, pod: &Pod) {
        if !pod.is_live() {
            return;
        }
        for address in pod.host_addresses.iter().map(IpAddr::to_canonical) {
            self.claim(address, pod.node.as_deref());
        }
        if let Some(node) = &pod.node {
            let pods = self.pods.entry(node.clone()).or_default();
            if let Err(place) = pods.binary_search_by(|known| known.pod.cmp(&pod.name)) {
                pods.insert(place, Reporter::new(pod));
            }
        }
    }

    pub(crate) fn remove_pod(&mut self, pod: &Pod) {
        if !pod.is_live() {
            return;
        }
        for address in pod.host_addresses.iter().map(IpAddr::to_canonical) {
            self.disclaim(address, pod.node.as_deref());
        }
        let Some(node) = &pod.node else { return };
        if let Some(pods) = self.pods.get_mut(node) {
            pods.retain(|found| found.pod != pod.name);
            if pods.is_empty() {
                self.pods.remove(node);
            }
        }
    }

    fn claim(&mut self, address: IpAddr, node: Option<&str>) {
        let claims = self.claims.entry(address).or_default();
        match claims.iter_mut().find(|claim| claim.is_of(node)) {
            Some(claim) => claim.count += 1,
            None => claims.push(Claim {
                node: node.map(str::to_owned),
                count: 1,
            }),
        }
    }

    fn disclaim(&mut self, address: IpAddr, node: Option<&str>) {
        let Some(claims) = self.claims.get_mut(&address) else {
            return;
        };
        for claim in claims.iter_mut().filter(|claim| claim.is_of(node)) {
            claim.count -= 1;
        }
        claims.retain(|claim| claim.count > 0);
        if claims.is_empty() {
            self.claims.remove(&address);
        }
    }

    /// a node that has an object, or that a live pod names.
    pub(crate) fn exists(&self, cluster: &Cluster, name: &str) -> bool {
        cluster.nodes.contains_key(name) || self.pods.contains_key(name)
    }

    /// Every node that [`Self::exists`], in order of name.
    pub(crate) fn names(&self, cluster: &Cluster) -> BTreeSet<String> {
        cluster
            .nodes
            .keys()
            .chain(self.pods.keys())
            .cloned()
            .collect()
    }

    /// the addresses of the object, then those that live pods on the node report; none twice.
    pub(crate) fn addresses(&self, cluster: &Cluster, name: &str) -> Vec<IpAddr> {
        let object = cluster.nodes.get(name).into_iter();
        let pods = self.pods.get(name).into_iter().flatten();
        let reported = pods.flat_map(|pod| pod.addresses.iter().copied());
        let written = object.flat_map(|node| &node.addresses);
        let mut found = Vec::new();
        for address in written.map(IpAddr::to_canonical).chain(reported) {
            if !found.contains(&address) {
                found.push(address);
            }
        }
        found
    }

    /// the node with `address`, the first by name; `Some(None)` if only pods without node report it.
    pub(crate) fn at(&self, address: IpAddr) -> Option<Option<&str>> {
        let claims = self.claims.get(&address)?;
        Some(
            claims
                .iter()
                .filter_map(|claim| claim.node.as_deref())
                .min(),
        )
    }

    /// The nodes with an address from `first` to `last`; none twice.
    pub(crate) fn within(&self, first: IpAddr, last: IpAddr) -> BTreeSet<&str> {
        let claims = self.claims.range(first..=last).flat_map(|(_, found)| found);
        claims.filter_map(|claim| claim.node.as_deref()).collect()
    }

    /// Q-5, NP-50: whether `address` is one of the node `name`.
    pub(crate) fn has(&self, name: &str, address: IpAddr) -> bool {
        let mut claims = self.claims.get(&address).into_iter().flatten();
        claims.any(|claim| claim.is_of(Some(name)))
    }

    /// The live pods on the node `name`, in order of name.
    pub(crate) fn pods_on(&self, name: &str) -> impl Iterator<Item = &ObjectName> {
        let found = self.pods.get(name).into_iter().flatten();
        found.map(|reporter| &reporter.pod)
    }

    /// CN-35: whether the object of some node lists `address`.
    pub(crate) fn is_of_object(&self, address: IpAddr) -> bool {
        self.objects.contains_key(&address)
    }

    /// CN-35: the nodes whose objects list `address`.
    pub(crate) fn objects_at(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        let found = self.objects.get(&address).into_iter().flatten();
        found.map(String::as_str)
    }
}

impl Reporter {
    fn new(pod: &Pod) -> Self {
        let addresses = pod.host_addresses.iter().map(IpAddr::to_canonical);
        Self {
            pod: pod.name.clone(),
            addresses: addresses.collect(),
        }
    }
}

impl Claim {
    fn is_of(&self, node: Option<&str>) -> bool {
        self.node.as_deref() == node
    }
}
