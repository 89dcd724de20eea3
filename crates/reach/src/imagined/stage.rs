use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, ClusterAction, ClusterPort, Namespace, Pod, PortMatch};
use ringfence_policy::Engine;

use super::Imagined;
use crate::workload::{Groups, Member, Outside, Unit, by_workload};

/// A cluster with imagined pods in it, and of its own pods those that rules judge which name them.
#[derive(Debug)]
pub struct Stage {
    pub(crate) engine: Engine,
    pub(crate) groups: Groups,
}

impl Stage {
    /// With the pods that rules of the cluster itself name.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        let cluster = engine.cluster();
        Self::with(cluster, &Imagined::of(cluster))
    }

    pub(crate) fn with(cluster: &Cluster, imagined: &Imagined) -> Self {
        let engine = Engine::new(imagined.in_cluster(cluster));
        Self {
            groups: Groups::of(&engine, &Outside::nothing(), by_workload),
            engine,
        }
    }
}

impl Imagined {
    fn in_cluster(&self, cluster: &Cluster) -> Cluster {
        let units: BTreeSet<&Unit> = self.rules.values().flat_map(|found| &found.units).collect();
        let own = cluster.pods.iter();
        let own = own.filter(|(_, pod)| units.contains(&by_workload(&Member::Pod(pod))));
        let own = own.map(|(name, pod)| (name.clone(), pod.clone()));
        let pods = self.pods.iter();
        let pods = pods.map(|(name, labels)| {
            let pod = Pod::new(name.clone(), labels.clone());
            (name.clone(), pod)
        });
        let pods = own.chain(pods).collect();
        let mut staged = Cluster {
            pods,
            ..without_pods(cluster)
        };
        for (name, namespace) in &self.namespaces {
            let known = staged.namespaces.entry(name.clone());
            known.or_insert_with(|| Namespace::clone(namespace));
        }
        staged
    }
}

/// What says what may be opened, without the ends. Nobody knows which ports pods to come have a name for: where egress to a
/// name is allowed, any port is.
fn without_pods(cluster: &Cluster) -> Cluster {
    let mut policies = cluster.network_policies.clone();
    let rules = policies.values_mut().flat_map(|policy| &mut policy.egress);
    for port in rules.flat_map(|rule| &mut rule.ports) {
        if let PortMatch::Name(_) = port.port {
            port.port = PortMatch::Any;
        }
    }
    let mut cluster_policies = cluster.cluster_policies.clone();
    let rules = cluster_policies.values_mut();
    for rule in rules.flat_map(|policy| &mut policy.egress) {
        let is_named = |port: &ClusterPort| matches!(port, ClusterPort::Name(_));
        if rule.action == ClusterAction::Accept && rule.ports.iter().any(is_named) {
            rule.ports.clear();
        }
    }
    Cluster {
        namespaces: cluster.namespaces.clone(),
        pods: BTreeMap::new(),
        nodes: cluster.nodes.clone(),
        services: BTreeMap::new(),
        network_policies: policies,
        cluster_policies,
        host_firewalls: BTreeMap::new(),
        domain_addresses: cluster.domain_addresses.clone(),
        pod_blocks: cluster.pod_blocks.clone(),
    }
}
