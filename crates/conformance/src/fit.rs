//! From any cluster of the testkit to one that stands on the wires.
//!
//! A pod lives on the node that its address belongs to, and both nodes exist with the addresses that they have. A pod
//! without an address is one that waits for it: a pod of a manifest that no cluster has seen (rule OB-12) is on no wires.
//! A rule about peers of unknown kind, which closes a pod even to its own node (rule CN-38), says nothing of ingress
//! here: no table keeps a node from its pods. A Service that lists another's address leads nowhere, and lists it no more.
//! All deciders see the cluster after this, so that nobody is asked about a world that the others cannot see.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterPeer, ClusterRule, Labels, Node, Phase, Pod, Service, ServiceEndpoint,
};

use crate::plan::{NodeId, slot};

/// The cluster as it can be wired up. Fitting twice changes nothing more.
#[must_use]
pub fn fit(cluster: &Cluster) -> Cluster {
    let mut fitted = cluster.clone();
    for node in NodeId::ALL {
        let known = fitted.nodes.entry(node.name().to_owned());
        fit_node(node, known.or_insert_with(|| empty(node)));
    }
    for pod in fitted.pods.values_mut() {
        be_seen(pod);
        fit_pod(pod);
    }
    for policy in fitted.cluster_policies.values_mut() {
        let is_known = |rule: &ClusterRule| !rule.peers.contains(&ClusterPeer::Unrecognized);
        policy.ingress.retain(is_known);
    }
    let services = fitted.services.values();
    let own = services.flat_map(Service::cluster_addresses);
    let own: BTreeSet<IpAddr> = own.copied().collect();
    for service in fitted.services.values_mut() {
        let leads_on = |endpoint: &ServiceEndpoint| own.contains(&endpoint.address);
        service.endpoints.retain(|endpoint| !leads_on(endpoint));
    }
    fitted
}

fn empty(node: NodeId) -> Node {
    Node {
        name: node.name().to_owned(),
        labels: Labels::new(),
        addresses: Vec::new(),
        pod_cidrs: node.pod_blocks().to_vec(),
        kubelet_port: None,
        source: None,
    }
}

/// Its own addresses first; a cluster may know an external one as well.
fn fit_node(id: NodeId, node: &mut Node) {
    let external = node.addresses.contains(&id.external());
    node.addresses = id.addresses().to_vec();
    node.addresses.extend(external.then(|| id.external()));
}

/// A cluster says of every pod in which phase it is.
fn be_seen(pod: &mut Pod) {
    if pod.addresses.is_empty() && pod.phase == Phase::Unknown {
        pod.phase = Phase::Pending;
    }
}

fn fit_pod(pod: &mut Pod) {
    let by_name = pod.node.as_deref().and_then(NodeId::named);
    let by_address = slot(pod).map(|slot| slot.node);
    let Some(node) = by_address.or(by_name) else {
        return;
    };
    let own: Vec<IpAddr> = node.addresses().to_vec();
    pod.node = Some(node.name().to_owned());
    pod.host_addresses.clone_from(&own);
    if pod.host_network {
        pod.addresses = own;
    }
}

#[cfg(test)]
mod tests {
    use ringfence_testkit::generate::{Shape, cluster};

    use super::*;
    use crate::plan::wired;

    #[test]
    fn every_live_pod_gets_wires_where_it_says() {
        let mut pods = 0;
        for seed in 0..300 {
            let fitted = fit(&cluster(seed, Shape::WIRED));
            let on_network = fitted.pods.values().filter(|pod| pod.is_on_pod_network());
            assert_eq!(wired(&fitted).count(), on_network.count(), "seed {seed}");
            for (pod, slot) in wired(&fitted) {
                assert_eq!(pod.node.as_deref(), Some(slot.node.name()), "seed {seed}");
                let mut addresses = pod.addresses.iter();
                assert!(addresses.all(|address| slot.addresses().contains(address)));
                pods += 1;
            }
            assert_eq!(fit(&fitted), fitted, "seed {seed}");
        }
        assert!(pods > 800, "{pods}");
    }

    #[test]
    fn a_pod_without_an_address_is_one_that_a_cluster_has_seen() {
        let mut waiting = 0;
        for seed in 0..300 {
            let fitted = fit(&cluster(seed, Shape::FULL));
            for pod in fitted.pods.values().filter(|pod| pod.addresses.is_empty()) {
                assert_ne!(pod.phase, Phase::Unknown, "seed {seed}");
                waiting += 1;
            }
        }
        assert!(waiting > 50, "{waiting}");
    }

    #[test]
    fn fitting_moves_only_pods_without_a_node() {
        for seed in 0..300 {
            let before = cluster(seed, Shape::WIRED);
            let after = fit(&before);
            assert_eq!(before.nodes, after.nodes, "seed {seed}");
            assert_eq!(before.network_policies, after.network_policies);
            let placed = before.pods.values().filter(|pod| pod.node.is_some());
            placed.for_each(|pod| assert_eq!(after.pods[&pod.name], *pod, "seed {seed}"));
        }
    }
}
