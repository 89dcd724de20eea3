//! The pods that policy knows, with the addresses that count, and an index to find them by label.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{
    Cluster, LabelSelector, METADATA_NAME_LABEL, ObjectName, PeerSelector, Pod, PodScope,
    SelectorOperator,
};

use crate::{CompileError, LocalEndpoint, NodeView, layout::INTERFACE_PREFIX};

/// A live pod of the pod network (rules NP-16, NP-53).
#[derive(Clone, Debug)]
pub(crate) struct Peer<'a> {
    pub(crate) pod: &'a Pod,
    /// The wired addresses of a local pod, else those of its status.
    pub(crate) addresses: Vec<IpAddr>,
    /// How the pod is wired on this node, if it is.
    pub(crate) endpoint: Option<&'a LocalEndpoint>,
}

/// All peers, sorted by name.
#[derive(Debug)]
pub(crate) struct Peers<'a> {
    cluster: &'a Cluster,
    all: Vec<Peer<'a>>,
    by_namespace: BTreeMap<&'a str, Vec<usize>>,
    by_label: BTreeMap<(&'a str, &'a str, &'a str), Vec<usize>>,
    /// Wired pods that are no peers.
    pub(crate) unknown: Vec<ObjectName>,
}

impl<'a> Peers<'a> {
    pub(crate) fn new(cluster: &'a Cluster, node: &NodeView<'a>) -> Result<Self, CompileError> {
        let endpoints = endpoints_by_pod(node.endpoints)?;
        let live = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
        let all: Vec<Peer<'a>> = live
            .map(|pod| {
                let endpoint = endpoints.get(&pod.name).copied();
                let addresses = endpoint.map_or(&pod.addresses, |found| &found.addresses);
                Peer {
                    pod,
                    addresses: canonical(addresses),
                    endpoint,
                }
            })
            .collect();
        let unknown = endpoints
            .into_keys()
            .filter(|name| !cluster.pods.get(*name).is_some_and(Pod::is_on_pod_network))
            .cloned()
            .collect();
        let mut peers = Self {
            cluster,
            all,
            by_namespace: BTreeMap::new(),
            by_label: BTreeMap::new(),
            unknown,
        };
        peers.index();
        Ok(peers)
    }

    fn index(&mut self) {
        for (index, peer) in self.all.iter().enumerate() {
            let namespace = peer.pod.name.namespace.as_str();
            self.by_namespace.entry(namespace).or_default().push(index);
            for (key, value) in &peer.pod.labels {
                let pair = (namespace, key.as_str(), value.as_str());
                self.by_label.entry(pair).or_default().push(index);
            }
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Peer<'a>> {
        self.all.get(index)
    }

    pub(crate) const fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Peer<'a>> {
        self.all.iter()
    }

    /// The peers wired on this node.
    pub(crate) fn local(&self) -> impl Iterator<Item = (&Peer<'a>, &'a LocalEndpoint)> {
        self.all
            .iter()
            .filter_map(|peer| Some((peer, peer.endpoint?)))
    }

    /// The first pod by name that has each address.
    pub(crate) fn names(&self) -> BTreeMap<IpAddr, &'a ObjectName> {
        let mut names = BTreeMap::new();
        for peer in &self.all {
            for address in &peer.addresses {
                names.entry(*address).or_insert(&peer.pod.name);
            }
        }
        names.extend(self.local().flat_map(|(peer, _)| {
            let addresses = peer.addresses.iter();
            addresses.map(|address| (*address, &peer.pod.name))
        }));
        names
    }

    /// The wired addresses of some local pods.
    pub(crate) fn addresses_of(&self, pods: &[&Pod]) -> Vec<IpAddr> {
        let wanted: BTreeSet<&ObjectName> = pods.iter().map(|pod| &pod.name).collect();
        wanted
            .into_iter()
            .filter_map(|name| self.named(name))
            .filter(|peer| peer.endpoint.is_some())
            .flat_map(|peer| peer.addresses.iter().copied())
            .collect()
    }

    fn named(&self, name: &ObjectName) -> Option<&Peer<'a>> {
        let place = self.all.binary_search_by(|peer| peer.pod.name.cmp(name));
        self.all.get(place.ok()?)
    }

    /// Indices of the peers that a selector in a policy of `namespace` matches (rules NP-12 to NP-17).
    pub(crate) fn matching(&self, selector: &PeerSelector, namespace: &str) -> Vec<usize> {
        let mut found: Vec<usize> = self
            .namespaces(selector, namespace)
            .into_iter()
            .flat_map(|namespace| self.in_namespace(namespace, selector.pods.as_ref()))
            .collect();
        found.sort_unstable();
        found
    }

    /// Indices of the peers in `scope` (rules CN-2 to CN-4).
    pub(crate) fn in_scope(&self, scope: &PodScope) -> Vec<usize> {
        let names = self.by_namespace.keys().copied();
        let matches = |name: &&str| {
            let selector = scope.namespaces.as_ref();
            selector.is_none_or(|selector| self.namespace_matches(selector, name))
        };
        let namespaces = names.filter(matches);
        let mut found: Vec<usize> = namespaces
            .flat_map(|namespace| self.in_namespace(namespace, scope.pods.as_ref()))
            .collect();
        found.sort_unstable();
        found
    }

    fn namespaces(&self, selector: &PeerSelector, own: &str) -> Vec<&'a str> {
        let names = self.by_namespace.keys().copied();
        match &selector.namespaces {
            None => names.filter(|name| *name == own).collect(),
            Some(namespaces) => names
                .filter(|name| self.namespace_matches(namespaces, name))
                .collect(),
        }
    }

    /// Whether `selector` matches the labels of a namespace; one without object has only its name (rule NP-18).
    fn namespace_matches(&self, selector: &LabelSelector, name: &str) -> bool {
        match self.cluster.namespaces.get(name) {
            Some(namespace) => selector.matches(&namespace.labels),
            None => selector.matches(&BTreeMap::from([(
                METADATA_NAME_LABEL.to_owned(),
                name.to_owned(),
            )])),
        }
    }

    fn in_namespace(&self, namespace: &'a str, selector: Option<&LabelSelector>) -> Vec<usize> {
        let everyone = || {
            self.by_namespace
                .get(namespace)
                .cloned()
                .unwrap_or_default()
        };
        let Some(selector) = selector else {
            return everyone();
        };
        let candidates = self
            .candidates(namespace, selector)
            .unwrap_or_else(everyone);
        let matches = |index: &usize| {
            let peer = self.all.get(*index);
            peer.is_some_and(|peer| selector.matches(&peer.pod.labels))
        };
        candidates.into_iter().filter(matches).collect()
    }

    fn labelled<'s>(&'s self, namespace: &'s str, key: &'s str, value: &'s str) -> &'s [usize] {
        let found = self.by_label.get(&(namespace, key, value));
        found.map_or(&[], Vec::as_slice)
    }

    /// The peers that carry one of the labels that `selector` insists on; `None` if it insists on none.
    fn candidates(&self, namespace: &str, selector: &LabelSelector) -> Option<Vec<usize>> {
        if let Some((key, value)) = selector.match_labels.first_key_value() {
            return Some(self.labelled(namespace, key, value).to_vec());
        }
        let requirement = selector
            .match_expressions
            .iter()
            .find(|requirement| requirement.operator == SelectorOperator::In)?;
        let mut found: Vec<usize> = requirement
            .values
            .iter()
            .flat_map(|value| self.labelled(namespace, &requirement.key, value))
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

/// Endpoints by pod, checked. Of two for one pod the later interface name counts.
fn endpoints_by_pod(
    endpoints: &[LocalEndpoint],
) -> Result<BTreeMap<&ObjectName, &LocalEndpoint>, CompileError> {
    let mut sorted: Vec<&LocalEndpoint> = endpoints.iter().collect();
    sorted.sort_unstable();
    let by_pod: BTreeMap<&ObjectName, &LocalEndpoint> = sorted
        .into_iter()
        .map(|endpoint| (&endpoint.pod, endpoint))
        .collect();
    let mut owners: BTreeMap<IpAddr, &ObjectName> = BTreeMap::new();
    let mut interfaces: BTreeMap<&str, &ObjectName> = BTreeMap::new();
    for (pod, endpoint) in &by_pod {
        check_interface(endpoint)?;
        if let Some(first) = interfaces.insert(&endpoint.host_interface, pod) {
            return Err(CompileError::SharedInterface {
                interface: endpoint.host_interface.clone(),
                pods: Box::new((first.clone(), (*pod).clone())),
            });
        }
        for address in canonical(&endpoint.addresses) {
            if let Some(first) = owners.insert(address, pod)
                && first != *pod
            {
                return Err(CompileError::SharedAddress {
                    address,
                    first: first.clone(),
                    second: (*pod).clone(),
                });
            }
        }
    }
    Ok(by_pod)
}

fn check_interface(endpoint: &LocalEndpoint) -> Result<(), CompileError> {
    let name = &endpoint.host_interface;
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric());
    if name.starts_with(INTERFACE_PREFIX) && name.len() <= 15 && is_plain {
        return Ok(());
    }
    Err(CompileError::Interface {
        pod: endpoint.pod.clone(),
        interface: name.clone(),
    })
}

/// Addresses as they are compared: IPv4 addresses never in IPv6 clothes (rule Q-6).
pub(crate) fn canonical(addresses: &[IpAddr]) -> Vec<IpAddr> {
    addresses.iter().map(IpAddr::to_canonical).collect()
}
