//! Maps behind the rules of resolution: who has an address, which Service serves it, which policy comes first.

mod lists;
mod near;
mod nodes;
mod pods;
mod services;

use std::borrow::Cow;
use std::collections::BTreeMap;

use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, ClusterTier, Labels,
    METADATA_NAME_LABEL, ObjectName, Pod,
};

pub(crate) use lists::ListIndex;
pub(crate) use nodes::NodeIndex;
pub(crate) use pods::PodIndex;
pub(crate) use services::ServiceIndex;

/// What of a cluster is looked up instead of searched for. Each object is added and taken back on its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) pods: PodIndex,
    pub(crate) nodes: NodeIndex,
    pub(crate) services: ServiceIndex,
    pub(crate) lists: ListIndex,
    /// The cluster-scoped policies in the order of judgement.
    cluster_policies: Vec<(TierOrder, ClusterPolicyName)>,
}

/// Rules CN-21, CN-22 and AM-20: tier, priority, kind; the name comes last.
pub(crate) type TierOrder = (ClusterTier, u32, ClusterPolicyKind);

pub(crate) fn tier_order(policy: &ClusterPolicy) -> TierOrder {
    let priority = policy.priority.map_or(u32::MAX, u32::from);
    (policy.tier, priority, policy.name.kind)
}

impl Index {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let mut index = Self::default();
        for pod in cluster.pods.values() {
            index.add_pod(pod);
        }
        for node in cluster.nodes.values() {
            index.nodes.add_node(node);
        }
        for service in cluster.services.values() {
            index.services.add(service);
        }
        for policy in cluster.network_policies.values() {
            index.lists.set(policy);
        }
        for policy in cluster.cluster_policies.values() {
            index.add_cluster_policy(policy);
        }
        index
    }

    pub(crate) fn add_pod(&mut self, pod: &Pod) {
        self.pods.add(pod);
        self.nodes.add_pod(pod);
    }

    pub(crate) fn remove_pod(&mut self, pod: &Pod) {
        self.pods.remove(pod);
        self.nodes.remove_pod(pod);
    }

    pub(crate) fn add_cluster_policy(&mut self, policy: &ClusterPolicy) {
        let entry = (tier_order(policy), policy.name.clone());
        if let Err(place) = self.cluster_policies.binary_search(&entry) {
            self.cluster_policies.insert(place, entry);
        }
    }

    pub(crate) fn remove_cluster_policy(&mut self, policy: &ClusterPolicy) {
        let entry = (tier_order(policy), policy.name.clone());
        if let Ok(place) = self.cluster_policies.binary_search(&entry) {
            self.cluster_policies.remove(place);
        }
    }

    /// The policies of `tier` in the order of judgement (rules CN-21, CN-22, AM-20).
    pub(crate) fn tier<'a>(
        &'a self,
        cluster: &'a Cluster,
        tier: ClusterTier,
    ) -> impl Iterator<Item = &'a ClusterPolicy> {
        let of_tier = self
            .cluster_policies
            .iter()
            .filter(move |((found, _, _), _)| *found == tier);
        of_tier.filter_map(|(_, name)| cluster.cluster_policies.get(name))
    }
}

/// The objects of one namespace, in order of name.
pub(crate) fn in_namespace<'a, T>(
    objects: &'a BTreeMap<ObjectName, T>,
    namespace: &'a str,
) -> impl Iterator<Item = &'a T> {
    let from_first = objects.range(ObjectName::new(namespace, "")..);
    from_first
        .take_while(move |(name, _)| name.namespace == namespace)
        .map(|(_, object)| object)
}

/// NP-17, NP-18: the namespace's labels, its name label set whatever the object says; a namespace without object has
/// this label alone (OB-4).
pub(crate) fn namespace_labels<'a>(cluster: &'a Cluster, name: &str) -> Cow<'a, Labels> {
    let known = cluster.namespaces.get(name).map(|found| &found.labels);
    if let Some(labels) = known
        && labels.get(METADATA_NAME_LABEL).map(String::as_str) == Some(name)
    {
        return Cow::Borrowed(labels);
    }
    let mut labels = known.cloned().unwrap_or_default();
    labels.insert(METADATA_NAME_LABEL.to_owned(), name.to_owned());
    Cow::Owned(labels)
}
