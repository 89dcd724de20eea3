//! What stands behind a Service.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Cluster, ContainerPort, ObjectName, Pod, Service, ServicePort, TargetPort};
use ringfence_net::Family;

use crate::comment;
use crate::emit::first_of_family;
use crate::peer::{Peers, canonical};

/// What stands behind a Service.
pub(super) enum Backends<'a> {
    /// The pods that its selector chooses, sorted by name: those with an address that are live and not about to end, host
    /// pods included (rule OB-12).
    Selected(Vec<(&'a Pod, Vec<IpAddr>)>),
    /// Without selector: what EndpointSlices list, and the Service (rule OB-12).
    Listed(&'a Service),
}

/// Where a connection to a Service goes.
pub(super) struct Target {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// What an operator reads of it.
    pub(super) comment: String,
}

impl<'a> Backends<'a> {
    pub(super) fn of(service: &'a Service, cluster: &'a Cluster, peers: &Peers) -> Self {
        if service.selector.is_empty() {
            return Self::Listed(service);
        }
        let namespace = service.name.namespace.as_str();
        let pods = cluster.pods.range(ObjectName::new(namespace, "")..);
        let own = pods.take_while(|(name, _)| name.namespace == namespace);
        let pods = own.map(|(_, pod)| pod);
        let behind = pods.filter(|pod| {
            pod.is_live()
                && !pod.terminating
                && (pod.ready || service.publish_not_ready_addresses)
                && may_select(service, pod)
        });
        Self::Selected(
            behind
                .map(|pod| (pod, addresses(pod, cluster, peers)))
                .collect(),
        )
    }

    /// Where `port` leads, in an order that only what stands behind the Service decides.
    pub(super) fn targets(&self, port: &ServicePort, family: Family) -> Vec<Target> {
        match self {
            Self::Selected(pods) => selected(pods, port, family),
            Self::Listed(service) => listed(service, port, family),
        }
    }
}

fn selected(pods: &[(&Pod, Vec<IpAddr>)], port: &ServicePort, family: Family) -> Vec<Target> {
    let targets = pods.iter().filter_map(|(pod, addresses)| {
        Some(Target {
            address: first_of_family(addresses, family)?,
            port: target_port(port, pod)?,
            comment: comment::of(&pod.name),
        })
    });
    targets.collect()
}

/// Each address and port once, sorted, whoever has it (rule Q-3).
fn listed(service: &Service, port: &ServicePort, family: Family) -> Vec<Target> {
    let ready = service.endpoints.iter().filter(|endpoint| endpoint.ready);
    let ends: BTreeSet<(IpAddr, u16)> = ready
        .filter_map(|endpoint| Some((endpoint.address.to_canonical(), endpoint.port_for(port)?)))
        .filter(|(address, _)| Family::of(*address) == family)
        .collect();
    let targets = ends.into_iter().map(|(address, port)| Target {
        address,
        port,
        comment: comment::endpoint(&service.name),
    });
    targets.collect()
}

/// Whether the Service's selector matches the pod.
pub(super) fn may_select(service: &Service, pod: &Pod) -> bool {
    let mut wanted = service.selector.iter();
    !service.selector.is_empty()
        && service.external_name.is_none()
        && wanted.all(|(key, value)| pod.labels.get(key) == Some(value))
}

fn addresses(pod: &Pod, cluster: &Cluster, peers: &Peers) -> Vec<IpAddr> {
    let wired = peers.by_name(&pod.name).map(|(_, peer)| peer);
    match wired.filter(|peer| peer.is_local()) {
        Some(peer) => peer.addresses.clone(),
        None => own_addresses(cluster, pod),
    }
}

/// The pod's addresses; a host pod has its node's (rule NP-53).
fn own_addresses(cluster: &Cluster, pod: &Pod) -> Vec<IpAddr> {
    let of_node = pod.node.as_ref().and_then(|node| cluster.nodes.get(node));
    let sources = match pod.host_network {
        false => [Some(&pod.addresses), None, None],
        true => [
            Some(&pod.addresses),
            Some(&pod.host_addresses),
            of_node.map(|node| &node.addresses),
        ],
    };
    let known = sources.into_iter().flatten();
    known.flat_map(|addresses| canonical(addresses)).collect()
}

/// The port of a backend; a pod without the named port is none (rule OB-11).
fn target_port(port: &ServicePort, pod: &Pod) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let is_target = |own: &&ContainerPort| {
                own.name.as_ref() == Some(name) && own.protocol == port.protocol
            };
            pod.ports.iter().find(is_target).map(|own| own.port)
        }
    }
}
