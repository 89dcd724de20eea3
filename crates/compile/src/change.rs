//! Changes of a cluster, and what was before them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyName, HostFirewall, Namespace, NetworkPolicy, Node,
    ObjectName, Pod, Service,
};

/// An object of a cluster as it looks now; `None` if it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A namespace.
    Namespace(String, Option<Namespace>),
    /// A node.
    Node(String, Option<Node>),
    /// A pod.
    Pod(ObjectName, Option<Pod>),
    /// A Service.
    Service(ObjectName, Option<Service>),
    /// A NetworkPolicy.
    NetworkPolicy(ObjectName, Option<NetworkPolicy>),
    /// A policy of the cluster.
    ClusterPolicy(ClusterPolicyName, Option<ClusterPolicy>),
    /// Rules for nodes.
    HostFirewall(String, Option<HostFirewall>),
    /// What is known of a name outside of the cluster (rule AM-19).
    DomainAddresses(String, Option<Vec<IpAddr>>),
}

/// How the objects that changed looked before; `None` if they were not there.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    pub(crate) namespaces: BTreeMap<String, Option<Namespace>>,
    pub(crate) nodes: BTreeMap<String, Option<Node>>,
    pub(crate) pods: BTreeMap<ObjectName, Option<Pod>>,
    pub(crate) services: BTreeMap<ObjectName, Option<Service>>,
    pub(crate) network_policies: BTreeMap<ObjectName, Option<NetworkPolicy>>,
    pub(crate) cluster_policies: BTreeMap<ClusterPolicyName, Option<ClusterPolicy>>,
    pub(crate) host_firewalls: BTreeMap<String, Option<HostFirewall>>,
    pub(crate) domain_addresses: BTreeMap<String, Option<Vec<IpAddr>>>,
}

impl Changed {
    /// Applies a change; `false` if the object looked just so.
    pub(crate) fn apply(&mut self, change: Change, cluster: &mut Cluster) -> bool {
        match change {
            Change::Namespace(name, new) => {
                put(&mut cluster.namespaces, &mut self.namespaces, name, new)
            }
            Change::Node(name, new) => put(&mut cluster.nodes, &mut self.nodes, name, new),
            Change::Pod(name, new) => put(&mut cluster.pods, &mut self.pods, name, new),
            Change::Service(name, new) => put(&mut cluster.services, &mut self.services, name, new),
            Change::NetworkPolicy(name, new) => {
                let policies = &mut cluster.network_policies;
                put(policies, &mut self.network_policies, name, new)
            }
            Change::ClusterPolicy(name, new) => {
                let policies = &mut cluster.cluster_policies;
                put(policies, &mut self.cluster_policies, name, new)
            }
            Change::HostFirewall(name, new) => {
                let firewalls = &mut cluster.host_firewalls;
                put(firewalls, &mut self.host_firewalls, name, new)
            }
            Change::DomainAddresses(name, new) => {
                let known = &mut cluster.domain_addresses;
                put(known, &mut self.domain_addresses, name, new)
            }
        }
    }

    /// Puts another cluster in the place of `cluster`; `false` if it is the same.
    pub(crate) fn replace(&mut self, new: Cluster, cluster: &mut Cluster) -> bool {
        let changed = [
            exchange(
                &mut cluster.namespaces,
                &mut self.namespaces,
                new.namespaces,
            ),
            exchange(&mut cluster.nodes, &mut self.nodes, new.nodes),
            exchange(&mut cluster.pods, &mut self.pods, new.pods),
            exchange(&mut cluster.services, &mut self.services, new.services),
            exchange(
                &mut cluster.network_policies,
                &mut self.network_policies,
                new.network_policies,
            ),
            exchange(
                &mut cluster.cluster_policies,
                &mut self.cluster_policies,
                new.cluster_policies,
            ),
            exchange(
                &mut cluster.host_firewalls,
                &mut self.host_firewalls,
                new.host_firewalls,
            ),
            exchange(
                &mut cluster.domain_addresses,
                &mut self.domain_addresses,
                new.domain_addresses,
            ),
        ];
        changed.contains(&true)
    }

    /// Every object of `cluster`, as if none had been there before.
    pub(crate) fn everything(cluster: &Cluster) -> Self {
        Self {
            namespaces: absent(&cluster.namespaces),
            nodes: absent(&cluster.nodes),
            pods: absent(&cluster.pods),
            services: absent(&cluster.services),
            network_policies: absent(&cluster.network_policies),
            cluster_policies: absent(&cluster.cluster_policies),
            host_firewalls: absent(&cluster.host_firewalls),
            domain_addresses: absent(&cluster.domain_addresses),
        }
    }
}

fn put<K: Ord + Clone, V: PartialEq>(
    objects: &mut BTreeMap<K, V>,
    before: &mut BTreeMap<K, Option<V>>,
    name: K,
    new: Option<V>,
) -> bool {
    if objects.get(&name) == new.as_ref() {
        return false;
    }
    let old = match new {
        Some(new) => objects.insert(name.clone(), new),
        None => objects.remove(&name),
    };
    before.entry(name).or_insert(old);
    true
}

fn exchange<K: Ord + Clone, V: PartialEq>(
    objects: &mut BTreeMap<K, V>,
    before: &mut BTreeMap<K, Option<V>>,
    new: BTreeMap<K, V>,
) -> bool {
    if objects.is_empty() {
        return fill(objects, before, new);
    }
    let gone: Vec<K> = objects
        .keys()
        .filter(|name| !new.contains_key(*name))
        .cloned()
        .collect();
    let gone = gone.into_iter().map(|name| (name, None));
    let come = new.into_iter().map(|(name, new)| (name, Some(new)));
    let mut changed = false;
    for (name, new) in gone.chain(come) {
        changed |= put(objects, before, name, new);
    }
    changed
}

/// Built at once, a map is packed; one that grows in order is half empty.
fn fill<K: Ord + Clone, V>(
    objects: &mut BTreeMap<K, V>,
    before: &mut BTreeMap<K, Option<V>>,
    new: BTreeMap<K, V>,
) -> bool {
    for name in new.keys() {
        before.entry(name.clone()).or_insert(None);
    }
    *objects = new.into_iter().collect();
    !objects.is_empty()
}

fn absent<K: Ord + Clone, V>(objects: &BTreeMap<K, V>) -> BTreeMap<K, Option<V>> {
    objects.keys().map(|name| (name.clone(), None)).collect()
}
