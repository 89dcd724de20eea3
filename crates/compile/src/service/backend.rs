//! What stands behind a Service.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{
    Cluster, ContainerPort, Distribution, Hints, ObjectName, Pod, Service, ServiceEndpoint,
    ServicePort, Standing, TargetPort,
};
use ringfence_net::Family;

use super::topology::{Here, Meant, nearest};
use crate::comment;
use crate::emit::first_of_family;
use crate::peer::{Peer, Peers, canonical};

/// What stands behind a Service, seen from the node that the table is for.
pub(super) struct Backends<'a> {
    here: Here<'a>,
    who: Who<'a>,
}

enum Who<'a> {
    /// The pods that its selector chooses, sorted by name: those that are live and ready, host pods included (rule OB-12).
    Selected(Vec<Chosen<'a>>),
    /// Without selector: what EndpointSlices list for the Service (rule OB-12).
    Listed(&'a Service),
}

/// A pod behind a Service.
pub(super) struct Chosen<'a> {
    pod: &'a Pod,
    addresses: Vec<IpAddr>,
    standing: Standing,
    meant: Meant<'a>,
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
        let here = Here::of(node, cluster);
        if service.selector.is_empty() {
            let who = Who::Listed(service);
            return Self { here, who };
        }
        let distribution = service.traffic.distribution;
        let namespace = service.name.namespace.as_str();
        let pods = cluster.pods.range(ObjectName::new(namespace, "")..);
        let own = pods.take_while(|(name, _)| name.namespace == namespace);
        let pods = own.map(|(_, pod)| pod);
        let behind = pods.filter(|pod| {
            pod.is_live()
                && (pod.ready || service.publish_not_ready_addresses)
                && service.selects(pod)
        });
        let chosen = behind.map(|pod| choose(pod, distribution, cluster, (peers, node)));
        let who = Who::Selected(chosen.collect());
        Self { here, who }
    }

    /// Where `port` leads, in an order that only what stands behind the Service decides: to backends that are ready, of these to
    /// the near ones (rule OB-22), or where none is, to those that are about to end (rule OB-17).
    pub(super) fn targets(&self, port: &ServicePort, family: Family, scope: Scope) -> Vec<Target> {
        let of_standing = |standing| match &self.who {
            Who::Selected(pods) => selected(pods, port, family, scope, standing),
            Who::Listed(service) => {
                let node = (scope == Scope::Node).then_some(self.here.node);
                listed(service, port, family, node, standing)
            }
        };
        let ready = of_standing(Standing::Ready);
        let whoever = |all: Vec<(Meant<'_>, Target)>| all.into_iter().map(|(_, it)| it).collect();
        if ready.is_empty() {
            return whoever(of_standing(Standing::Ending));
        }
        match scope {
            Scope::Cluster => nearest(ready, self.here),
            Scope::Node => whoever(ready),
        }
    }
}

fn choose<'a>(
    pod: &'a Pod,
    distribution: Distribution,
    cluster: &'a Cluster,
    (peers, node): (&Peers, &str),
) -> Chosen<'a> {
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
        meant: Meant::on(pod.node.as_deref(), distribution, cluster),
        is_here: is_wired || pod.node.as_deref() == Some(node),
    }
}

fn selected<'a>(
    pods: &[Chosen<'a>],
    port: &ServicePort,
    family: Family,
    scope: Scope,
    standing: Standing,
) -> Vec<(Meant<'a>, Target)> {
    let counts =
        |pod: &&Chosen<'_>| pod.standing == standing && (pod.is_here || scope == Scope::Cluster);
    let targets = pods.iter().filter(counts).filter_map(|chosen| {
        let target = Target {
            address: first_of_family(&chosen.addresses, family)?,
            port: target_port(port, chosen.pod)?,
            comment: comment::of(&chosen.pod.name),
        };
        Some((chosen.meant.clone(), target))
    });
    targets.collect()
}

/// Each address and port once, sorted, whoever has it (rule Q-3); those of a node alone if one is given.
fn listed<'a>(
    service: &'a Service,
    port: &ServicePort,
    family: Family,
    node: Option<&str>,
    standing: Standing,
) -> Vec<(Meant<'a>, Target)> {
    let counts = |endpoint: &&ServiceEndpoint| {
        let is_within = node.is_none() || endpoint.node.as_deref() == node;
        is_within && endpoint.standing() == Some(standing)
    };
    let counting = service.endpoints.iter().filter(counts);
    let mut ends: BTreeMap<(IpAddr, u16), &Hints> = BTreeMap::new();
    for endpoint in counting {
        let address = endpoint.address.to_canonical();
        if let Some(port) = endpoint.port_for(port)
            && Family::of(address) == family
        {
            ends.entry((address, port)).or_insert(&endpoint.hints);
        }
    }
    let comment = comment::endpoint(&service.name);
    let targets = ends.into_iter().map(|((address, port), hints)| {
        let target = Target {
            address,
            port,
            comment: comment.clone(),
        };
        (Meant::hinted(hints), target)
    });
    targets.collect()
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
