//! Which node an address of a load balancer leads to. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, Service, TrafficPolicy};
use ringfence_net::Family;

use super::system;

/// A node's name and its addresses.
pub type NodeAddresses = (String, Vec<IpAddr>);

/// The address of a node for each address of a load balancer: of the first that has a backend, or else of the last one, unless
/// the Service keeps connections to nodes that have one (rule OB-19). Of two Services with one address the first has it.
#[must_use]
pub fn gateways(cluster: &Cluster, nodes: &[NodeAddresses]) -> BTreeMap<IpAddr, IpAddr> {
    let mut found = BTreeMap::new();
    for service in cluster.services.values() {
        for address in service.traffic.balanced.iter().map(IpAddr::to_canonical) {
            if let Some(gateway) = gateway(cluster, nodes, service, Family::of(address)) {
                found.entry(address).or_insert(gateway);
            }
        }
    }
    found
}

fn gateway(
    cluster: &Cluster,
    nodes: &[NodeAddresses],
    service: &Service,
    family: Family,
) -> Option<IpAddr> {
    let serving = system::selected(cluster, service).filter(|pod| pod.ready);
    let serving: BTreeSet<&str> = serving.filter_map(|pod| pod.node.as_deref()).collect();
    let with_backend = nodes
        .iter()
        .find(|(name, _)| serving.contains(name.as_str()));
    let (_, addresses) = match service.traffic.external {
        TrafficPolicy::Local => with_backend,
        TrafficPolicy::Cluster => with_backend.or_else(|| nodes.last()),
    }?;
    let mut addresses = addresses.iter().copied();
    addresses.find(|address| Family::of(*address) == family)
}

#[cfg(test)]
mod tests {
    use ringfence_model::{Object, Phase};

    use super::*;
    use crate::cluster::sample::load;

    const OBJECTS: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 198.51.100.1}, {ip: '2001:db8:100::1'}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: default, labels: {app: web}}
spec: {nodeName: n2, containers: [{name: c, image: i}]}
";

    fn found(policy: TrafficPolicy, is_ready: bool) -> Vec<(String, String)> {
        let mut cluster = Cluster::default();
        for object in load(OBJECTS) {
            if let Object::Service(mut service) = object {
                service.traffic.external = policy;
                cluster.services.insert(service.name.clone(), service);
            } else if let Object::Pod(manifest) = object {
                let mut pod = manifest.pod;
                pod.phase = Phase::Running;
                pod.ready = is_ready;
                pod.addresses = vec!["10.0.0.1".parse().unwrap()];
                cluster.pods.insert(pod.name.clone(), pod);
            }
        }
        let nodes = [1, 2, 3].map(|number| {
            let addresses = [
                format!("172.18.0.{number}"),
                format!("fd00:172:18::{number}"),
            ];
            let addresses = addresses.iter().map(|text| text.parse().unwrap());
            (format!("n{number}"), addresses.collect())
        });
        let gateways = gateways(&cluster, &nodes).into_iter();
        gateways
            .map(|(address, node)| (address.to_string(), node.to_string()))
            .collect()
    }

    #[test]
    fn an_address_leads_to_a_node_that_has_a_backend() {
        let both = |v4: &str, v6: &str| {
            [("198.51.100.1", v4), ("2001:db8:100::1", v6)]
                .map(|(address, node)| (address.to_owned(), node.to_owned()))
        };
        for policy in [TrafficPolicy::Cluster, TrafficPolicy::Local] {
            assert_eq!(found(policy, true), both("172.18.0.2", "fd00:172:18::2"));
        }
        let last = both("172.18.0.3", "fd00:172:18::3");
        assert_eq!(found(TrafficPolicy::Cluster, false), last);
        assert_eq!(found(TrafficPolicy::Local, false), []);
    }
}
