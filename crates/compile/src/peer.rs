//! The pods that policy knows, with the addresses that count, and an index to find them by label.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ringfence_model::{
    Cluster, ContainerPort, LabelSelector, Labels, METADATA_NAME_LABEL, ObjectName, PeerSelector,
    Pod, PodScope, SelectorOperator,
};
use ringfence_net::Protocol;

use crate::shared::Shared;
use crate::{CompileError, LocalEndpoint, layout::INTERFACE_PREFIX};

/// Position of a peer in [`Peers`]. It says nothing about order.
pub(crate) type PeerId = usize;

/// A live pod of the pod network (rules NP-16, NP-53).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: ObjectName,
    pub(crate) labels: Arc<Labels>,
    pub(crate) ports: Arc<[ContainerPort]>,
    /// The wired addresses of a local pod, else those of its status.
    pub(crate) addresses: Vec<IpAddr>,
    /// The node's end of its veth pair, if it is wired on this node.
    pub(crate) interface: Option<String>,
}

/// A peer that came, went or changed.
#[derive(Debug)]
pub(crate) struct PeerChange {
    pub(crate) id: PeerId,
    pub(crate) old: Option<Peer>,
}

/// All peers.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    slots: Vec<Option<Peer>>,
    /// Labels and ports of peers: the replicas of a workload have the same.
    labels: Shared<Labels>,
    ports: Shared<[ContainerPort]>,
    /// Slots that are free; given out again only after the update that emptied them.
    free: Vec<PeerId>,
    ids: BTreeMap<ObjectName, PeerId>,
    namespaces: BTreeMap<String, Members>,
    by_address: BTreeMap<IpAddr, BTreeSet<PeerId>>,
    by_port_name: BTreeMap<String, BTreeMap<Protocol, BTreeSet<PeerId>>>,
    local: BTreeSet<PeerId>,
}

/// The peers of a namespace.
#[derive(Debug, Default)]
struct Members {
    all: BTreeSet<PeerId>,
    by_label: BTreeMap<String, BTreeMap<String, BTreeSet<PeerId>>>,
}

impl Peer {
    pub(crate) const fn is_local(&self) -> bool {
        self.interface.is_some()
    }
}

impl Peers {
    /// `pod` as a peer, if it is one.
    pub(crate) fn peer(&mut self, pod: &Pod, endpoint: Option<&LocalEndpoint>) -> Option<Peer> {
        if !pod.is_on_pod_network() {
            return None;
        }
        let addresses = endpoint.map_or(&pod.addresses, |found| &found.addresses);
        Some(Peer {
            name: pod.name.clone(),
            labels: self.labels.of(&pod.labels),
            ports: self.ports.of(&pod.ports),
            addresses: canonical(addresses),
            interface: endpoint.map(|endpoint| endpoint.host_interface.clone()),
        })
    }

    /// Puts the peer `name` in, changes it or takes it out; `None` if it was just so.
    pub(crate) fn set(&mut self, name: &ObjectName, new: Option<Peer>) -> Option<PeerChange> {
        let id = match (self.ids.get(name), &new) {
            (Some(id), _) => *id,
            (None, Some(_)) => self.slot(),
            (None, None) => return None,
        };
        if self.get(id) == new.as_ref() {
            return None;
        }
        let old = self.slots.get_mut(id)?.take();
        if let Some(old) = &old {
            self.leave(id, old);
        }
        match new {
            Some(new) => self.enter(id, new),
            None => {
                self.ids.remove(name);
            }
        }
        Some(PeerChange { id, old })
    }

    /// Lets the slots of peers that went be used again, and what they alone had.
    pub(crate) fn settle(&mut self, changes: Vec<PeerChange>) {
        for PeerChange { id, old } in changes {
            if self.get(id).is_none() {
                self.free.push(id);
            }
            if let Some(old) = old {
                self.labels.let_go(old.labels);
                self.ports.let_go(old.ports);
            }
        }
    }

    fn slot(&mut self) -> PeerId {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len().saturating_sub(1)
        })
    }

    fn enter(&mut self, id: PeerId, peer: Peer) {
        let members = self.namespaces.entry(peer.name.namespace.clone());
        let members = members.or_default();
        members.all.insert(id);
        for (key, value) in &*peer.labels {
            let values = members.by_label.entry(key.clone()).or_default();
            values.entry(value.clone()).or_default().insert(id);
        }
        for address in &peer.addresses {
            self.by_address.entry(*address).or_default().insert(id);
        }
        for port in &*peer.ports {
            if let Some(name) = &port.name {
                let protocols = self.by_port_name.entry(name.clone()).or_default();
                protocols.entry(port.protocol).or_default().insert(id);
            }
        }
        if peer.is_local() {
            self.local.insert(id);
        }
        self.ids.insert(peer.name.clone(), id);
        if let Some(slot) = self.slots.get_mut(id) {
            *slot = Some(peer);
        }
    }

    fn leave(&mut self, id: PeerId, peer: &Peer) {
        self.local.remove(&id);
        if let Some(members) = self.namespaces.get_mut(&peer.name.namespace) {
            members.all.remove(&id);
            for (key, value) in &*peer.labels {
                take(&mut members.by_label, key, value, id);
            }
            if members.all.is_empty() {
                self.namespaces.remove(&peer.name.namespace);
            }
        }
        for address in &peer.addresses {
            if let Some(claimants) = self.by_address.get_mut(address) {
                claimants.remove(&id);
                if claimants.is_empty() {
                    self.by_address.remove(address);
                }
            }
        }
        for port in &*peer.ports {
            if let Some(name) = &port.name {
                take(&mut self.by_port_name, name, &port.protocol, id);
            }
        }
    }

    pub(crate) fn get(&self, id: PeerId) -> Option<&Peer> {
        self.slots.get(id)?.as_ref()
    }

    pub(crate) fn by_name(&self, name: &ObjectName) -> Option<(PeerId, &Peer)> {
        let id = *self.ids.get(name)?;
        Some((id, self.get(id)?))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PeerId, &Peer)> {
        self.ids
            .values()
            .filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// The peers wired on this node.
    pub(crate) fn local(&self) -> impl Iterator<Item = (PeerId, &Peer)> {
        let local = self.local.iter();
        local.filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// The peers wired on this node that live in `namespace`.
    pub(crate) fn local_in(&self, namespace: &str) -> Vec<PeerId> {
        let members = self.namespaces.get(namespace);
        let members = members.map(|members| members.all.intersection(&self.local).copied());
        members.into_iter().flatten().collect()
    }

    /// The peers of `namespace`.
    pub(crate) fn of_namespace(&self, namespace: &str) -> Vec<PeerId> {
        let members = self.namespaces.get(namespace).into_iter();
        members.flat_map(|members| &members.all).copied().collect()
    }

    /// The peers that have `address`.
    pub(crate) fn claimants(&self, address: IpAddr) -> impl Iterator<Item = (PeerId, &Peer)> {
        let claimants = self.by_address.get(&address).into_iter().flatten();
        claimants.filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// The addresses of peers from `first` to `last`.
    pub(crate) fn addresses_between(
        &self,
        first: IpAddr,
        last: IpAddr,
    ) -> impl Iterator<Item = IpAddr> {
        self.by_address
            .range(first..=last)
            .map(|(address, _)| *address)
    }

    /// The peers with a port of this name and protocol.
    pub(crate) fn with_port(&self, name: &str, protocol: Protocol) -> Vec<PeerId> {
        let protocols = self.by_port_name.get(name);
        let found = protocols.and_then(|protocols| protocols.get(&protocol));
        found.into_iter().flatten().copied().collect()
    }

    /// The pod that an address is named after: the one that is wired here, else the first by name.
    pub(crate) fn name(&self, address: IpAddr) -> Option<&ObjectName> {
        let claimants = self.claimants(address);
        let first = claimants.min_by_key(|(_, peer)| (!peer.is_local(), &peer.name));
        first.map(|(_, peer)| &peer.name)
    }

    /// The peers that a selector in a policy of `namespace` matches (rules NP-12 to NP-17).
    pub(crate) fn matching(
        &self,
        selector: &PeerSelector,
        namespace: &str,
        cluster: &Cluster,
    ) -> Vec<PeerId> {
        match &selector.namespaces {
            None => self.in_namespace(namespace, selector.pods.as_ref()),
            Some(namespaces) => {
                self.in_namespaces(Some(namespaces), selector.pods.as_ref(), cluster)
            }
        }
    }

    /// The peers in `scope` (rules CN-2 to CN-4).
    pub(crate) fn in_scope(&self, scope: &PodScope, cluster: &Cluster) -> Vec<PeerId> {
        self.in_namespaces(scope.namespaces.as_ref(), scope.pods.as_ref(), cluster)
    }

    fn in_namespaces(
        &self,
        namespaces: Option<&LabelSelector>,
        pods: Option<&LabelSelector>,
        cluster: &Cluster,
    ) -> Vec<PeerId> {
        let names = self.namespaces.keys();
        let matches = |name: &&String| {
            namespaces.is_none_or(|selector| namespace_matches(selector, name, cluster))
        };
        names
            .filter(matches)
            .flat_map(|namespace| self.in_namespace(namespace, pods))
            .collect()
    }

    fn in_namespace(&self, namespace: &str, selector: Option<&LabelSelector>) -> Vec<PeerId> {
        let Some(members) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let Some(selector) = selector else {
            return members.all.iter().copied().collect();
        };
        let matches = |id: &PeerId| {
            let peer = self.get(*id);
            peer.is_some_and(|peer| selector.matches(&peer.labels))
        };
        match anchors(selector) {
            None => members.all.iter().copied().filter(matches).collect(),
            Some(anchors) => {
                let found = anchors.iter().flat_map(|(key, value)| {
                    let values = members.by_label.get(*key);
                    values.and_then(|values| values.get(*value))
                });
                found.flatten().copied().filter(matches).collect()
            }
        }
    }
}

fn take<K: Ord>(
    index: &mut BTreeMap<String, BTreeMap<K, BTreeSet<PeerId>>>,
    key: &str,
    value: &K,
    id: PeerId,
) {
    let Some(values) = index.get_mut(key) else {
        return;
    };
    if let Some(ids) = values.get_mut(value) {
        ids.remove(&id);
        if ids.is_empty() {
            values.remove(value);
        }
    }
    if values.is_empty() {
        index.remove(key);
    }
}

/// Labels of which one is on everything that `selector` matches; `None` if it insists on none.
pub(crate) fn anchors(selector: &LabelSelector) -> Option<BTreeSet<(&str, &str)>> {
    if let Some((key, value)) = selector.match_labels.first_key_value() {
        return Some(BTreeSet::from([(key.as_str(), value.as_str())]));
    }
    let mut requirements = selector.match_expressions.iter();
    let requirement =
        requirements.find(|requirement| requirement.operator == SelectorOperator::In)?;
    let values = requirement.values.iter();
    Some(
        values
            .map(|value| (requirement.key.as_str(), value.as_str()))
            .collect(),
    )
}

/// Whether `selector` matches the labels of a namespace; one without object has only its name (rule NP-18).
pub(crate) fn namespace_matches(selector: &LabelSelector, name: &str, cluster: &Cluster) -> bool {
    match cluster.namespaces.get(name) {
        Some(namespace) => selector.matches(&namespace.labels),
        None => selector.matches(&BTreeMap::from([(
            METADATA_NAME_LABEL.to_owned(),
            name.to_owned(),
        )])),
    }
}

/// Whether a peer is in `scope` (rules CN-2 to CN-4).
pub(crate) fn in_scope(scope: &PodScope, peer: &Peer, cluster: &Cluster) -> bool {
    let of_namespace = scope.namespaces.as_ref();
    let of_pods = scope.pods.as_ref();
    of_pods.is_none_or(|pods| pods.matches(&peer.labels))
        && of_namespace
            .is_none_or(|selector| namespace_matches(selector, &peer.name.namespace, cluster))
}

/// Endpoints by pod, checked. Of two for one pod the later interface name counts.
pub(crate) fn endpoints_by_pod(
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
