//! `healthCheckNodePort` (rule OB-23): where load balancers ask whether this node has a backend.
//!
//! What is asked for is decided here; [`server`] answers.

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_compile::LocalEndpoint;
use ringfence_model::{Cluster, ObjectName, Pod, Service, Standing};

pub(crate) use server::Servers;

/// What is said at a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HealthCheck {
    /// The Service.
    pub(crate) service: ObjectName,
    /// How many backends it has on this node that are ready.
    pub(crate) endpoints: usize,
}

/// What each port says; of two Services with one port the first by name has it.
pub(crate) fn health_checks<'a>(
    cluster: &Cluster,
    node: &str,
    wired: impl Iterator<Item = &'a LocalEndpoint>,
) -> BTreeMap<u16, HealthCheck> {
    let asking = cluster.services.values();
    let asking = asking.filter(|service| service.traffic.health_port.is_some());
    let asking: Vec<&Service> = asking.collect();
    let mut checks = BTreeMap::new();
    if asking.is_empty() {
        return checks;
    }
    let wired: BTreeSet<&ObjectName> = wired.map(|endpoint| &endpoint.pod).collect();
    for service in asking {
        let Some(port) = service.traffic.health_port else {
            continue;
        };
        checks.entry(port).or_insert_with(|| HealthCheck {
            service: service.name.clone(),
            endpoints: backends(cluster, node, &wired, service),
        });
    }
    checks
}

fn backends(
    cluster: &Cluster,
    node: &str,
    wired: &BTreeSet<&ObjectName>,
    service: &Service,
) -> usize {
    if service.selector.is_empty() {
        let ready = service.endpoints.iter().filter(|endpoint| {
            endpoint.node.as_deref() == Some(node) && endpoint.standing() == Some(Standing::Ready)
        });
        let addresses: BTreeSet<IpAddr> = ready.map(|endpoint| endpoint.address).collect();
        return addresses.len();
    }
    let namespace = service.name.namespace.as_str();
    let pods = cluster.pods.range(ObjectName::new(namespace, "")..);
    let own = pods.take_while(|(name, _)| name.namespace == namespace);
    let is_here = |pod: &&Pod| wired.contains(&pod.name) || pod.node.as_deref() == Some(node);
    let ready = own.map(|(_, pod)| pod).filter(is_here).filter(|pod| {
        pod.is_live()
            && !pod.terminating
            && (pod.ready || service.publish_not_ready_addresses)
            && service.selects(pod)
    });
    ready.count()
}

#[cfg(test)]
mod tests;
