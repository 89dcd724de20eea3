//! Who lives in the cluster: workloads with their pods, and the namespaces that policies are suggested for.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use ringfence_model::{Cluster, Labels, Pod, Service};

use super::Options;
use crate::workload::{Member, Unit, by_workload};

/// The cluster's own namespaces, which break when somebody closes them.
const SYSTEM: [&str; 3] = ["kube-node-lease", "kube-public", "kube-system"];

/// The live pods of a cluster by workload and by namespace.
#[derive(Clone, Debug)]
pub(super) struct Inhabitants<'a> {
    pub(super) cluster: &'a Cluster,
    units: BTreeMap<Unit, Vec<&'a Pod>>,
    namespaces: BTreeMap<&'a str, Vec<&'a Pod>>,
    managed: BTreeSet<&'a str>,
}

impl<'a> Inhabitants<'a> {
    pub(super) fn of(cluster: &'a Cluster, options: &Options) -> Self {
        let mut units: BTreeMap<Unit, Vec<&Pod>> = BTreeMap::new();
        let mut namespaces: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        for pod in cluster.pods.values().filter(|pod| pod.is_live()) {
            let namespace = pod.name.namespace.as_str();
            units.entry(unit_of(pod)).or_default().push(pod);
            namespaces.entry(namespace).or_default().push(pod);
        }
        let meant = |name: &&str| match options.only.is_empty() {
            true => !SYSTEM.contains(name),
            false => options.only.contains(*name),
        };
        let on_network = |pods: &[&Pod]| pods.iter().any(|pod| pod.is_on_pod_network());
        let with_pods = namespaces.iter().filter(|(_, pods)| on_network(pods));
        let managed = with_pods.map(|(name, _)| *name).filter(meant).collect();
        Self {
            cluster,
            units,
            namespaces,
            managed,
        }
    }

    /// Every workload with live pods, in order.
    pub(super) fn units(&self) -> impl Iterator<Item = (&Unit, &[&'a Pod])> {
        self.units
            .iter()
            .map(|(unit, pods)| (unit, pods.as_slice()))
    }

    /// The live pods of `unit`.
    pub(super) fn pods_of(&self, unit: &Unit) -> &[&'a Pod] {
        self.units.get(unit).map_or(&[], Vec::as_slice)
    }

    /// The live pods of `namespace` that policy can select.
    pub(super) fn pods_in(&self, namespace: &str) -> impl Iterator<Item = &'a Pod> {
        let pods = self
            .namespaces
            .get(namespace)
            .into_iter()
            .flatten()
            .copied();
        pods.filter(|pod| pod.is_on_pod_network())
    }

    /// Whether some pods of `unit` are none that policy can select.
    pub(super) fn is_on_host(&self, unit: &Unit) -> bool {
        self.pods_of(unit).iter().any(|pod| pod.host_network)
    }

    /// The namespaces that policies are suggested for, in order.
    pub(super) fn managed(&self) -> impl Iterator<Item = &'a str> {
        self.managed.iter().copied()
    }

    /// Whether policies are suggested for `namespace`, in the place of its own.
    pub(super) fn is_managed(&self, namespace: &str) -> bool {
        self.managed.contains(namespace)
    }

    /// Whether policies are suggested for the namespace of `unit`.
    pub(super) fn manages(&self, unit: &Unit) -> bool {
        unit.namespace().is_some_and(|name| self.is_managed(name))
    }

    /// The live pods that `service` selects (rule OB-12), those on the host network too.
    pub(super) fn backends(&self, service: &Service) -> Vec<&'a Pod> {
        let selected = |labels: &Labels| {
            let mut pairs = service.selector.iter();
            pairs.all(|(key, value)| labels.get(key) == Some(value))
        };
        if service.selector.is_empty() {
            return Vec::new();
        }
        let pods = self.namespaces.get(service.name.namespace.as_str());
        let pods = pods.into_iter().flatten().copied();
        pods.filter(|pod| selected(&pod.labels)).collect()
    }
}

/// The ranges that pods have their addresses from, as far as somebody tells.
pub(super) fn pod_ranges(cluster: &Cluster) -> Vec<IpNet> {
    let of_nodes = cluster.nodes.values().flat_map(|node| &node.pod_cidrs);
    let all: Vec<IpNet> = of_nodes.chain(&cluster.pod_blocks).copied().collect();
    IpNet::aggregate(&all)
}

/// The workload of `pod`, or the pod by itself.
pub(super) fn unit_of(pod: &Pod) -> Unit {
    by_workload(&Member::Pod(pod))
}
