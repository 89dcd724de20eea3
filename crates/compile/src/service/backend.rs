//! What stands behind a Service.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{
    Cluster, ContainerPort, ObjectName, Pod, Service, ServiceEndpoint, ServicePort, Standing,
    TargetPort,
};
use ringfence_net::Family;

use crate::comment;
use crate::emit::first_of_family;
use crate::peer::{Peer, Peers, canonical};

/// What stands behind a Service.
pub(super) enum Backends<'a> {
    /// The pods that its selector chooses, sorted by name: those that are live and ready, host pods included (rule OB-12).
    Selected(Vec<Chosen<'a>>),
    /// Without selector: what EndpointSlices list for the Service (rule OB-12), and the node that the table is for.
    Listed(&'a Service, &'a str),
}

/// A pod behind a Service.
pub(super) struct Chosen<'a> {
    pod: &'a Pod,
    addresses: Vec<IpAddr>,
    standing: Standing,
    /// Whether it is on the node that the table is for.
    is_here: bool,
}

/// Which backends a connection can get (rule OB-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Cluster,
    /// Those on the node that the table is for.
    Node,
}

/// Where a connection to a Service goes.
pub(super) struct Target {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// What an operator reads of it.
    pub(super) comment: String,
}

impl<'a> Backends<'a> {
    pub(super) fn of(
        service: &'a Service,
        cluster: &'a Cluster,
        peers: &Peers,
        node: &'a str,
    ) -> Self {
        if service.selector.is_empty() {
            return Self::Listed(service, node);
        }
        let namespace = service.name.namespace.as_str();
        let pods = cluster.pods.range(ObjectName::new(namespace, "")..);
        let own = pods.take_while(|(name, _)| name.namespace == namespace);
        let pods = own.map(|(_, pod)| pod);
        let behind = pods.filter(|pod| {
            pod.is_live()
                && (pod.ready || service.publish_not_ready_addresses)
                && may_select(service, pod)
        });
        Self::Selected(
            behind
                .map(|pod| choose(pod, cluster, peers, node))
                .collect(),
        )
    }

    /// Where `port` leads, in an order that only what stands behind the Service decides: to backends that are ready, or
    /// where none is, to those that are about to end (rule OB-17).
    pub(super) fn targets(&self, port: &ServicePort, family: Family, scope: Scope) -> Vec<Target> {
        let of_standing = |standing| match self {
            Self::Selected(pods) => selected(pods, port, family, scope, standing),
            Self::Listed(service, node) => {
                let here = (scope == Scope::Node).then_some(*node);
                listed(service, port, family, here, standing)
            }
        };
        let ready = of_standing(Standing::Ready);
        if ready.is_empty() {
            of_standing(Standing::Ending)
        } else {
            ready
        }
    }
}

fn choose<'a>(pod: &'a Pod, cluster: &Cluster, peers: &Peers, node: &str) -> Chosen<'a> {
    let wired = peers.by_name(&pod.name).map(|(_, peer)| peer);
    let is_wired = wired.is_some_and(Peer::is_local);
    Chosen {
        pod,
        addresses: addresses(pod, cluster, peers),
        standing: if pod.terminating {
            Standing::Ending
        } else {
            Standing::Ready
        },
        is_here: is_wired || pod.node.as_deref() == Some(node),
    }
}

fn selected(
    pods: &[Chosen<'_>],
    port: &ServicePort,
    family: Family,
    scope: Scope,
    standing: Standing,
) -> Vec<Target> {
    let counts =
        |pod: &&Chosen<'_>| pod.standing == standing && (pod.is_here || scope == Scope::Cluster);
    let targets = pods.iter().filter(counts).filter_map(|chosen| {
        Some(Target {
            address: first_of_family(&chosen.addresses, family)?,
            port: target_port(port, chosen.pod)?,
            comment: comment::of(&chosen.pod.name),
        })
    });
    targets.collect()
}

/// Each address and port once, sorted, whoever has it (rule Q-3); those of a node alone if one is given.
fn listed(
    service: &Service,
    port: &ServicePort,
    family: Family,
    node: Option<&str>,
    standing: Standing,
) -> Vec<Target> {
    let counts = |endpoint: &&ServiceEndpoint| {
        let is_within = node.is_none() || endpoint.node.as_deref() == node;
        is_within && endpoint.standing() == Some(standing)
    };
    let counting = service.endpoints.iter().filter(counts);
    let ends: BTreeSet<(IpAddr, u16)> = counting
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
