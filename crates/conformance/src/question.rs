//! From a flow to the packets that try it, by rules, apart from the reference.

use std::net::IpAddr;

use ringfence_model::Endpoint;
use ringfence_model::{Cluster, ClusterIp};
use ringfence_net::{Family, IpProtocol};
use ringfence_testkit::flows::ProbeFlow;

use crate::packet::Opening;
use crate::plan::{NodeId, Place, place, slot};

/// One end of a flow.
struct End {
    place: Place,
    addresses: Vec<IpAddr>,
}

/// The packet that tries `flow`, and where it is sent from; `None` if it cannot be sent: an end has no address, or none
/// of a family that the other has, or it would be ICMP of the other family. Connection tracking calls the latter
/// invalid, whatever policies say, and no host understands it.
#[must_use]
pub fn packet(cluster: &Cluster, flow: &ProbeFlow) -> Option<(Place, Opening)> {
    let from = end(cluster, &flow.source)?;
    let to = end(cluster, &flow.destination)?;
    let (source, destination) = match to.addresses.as_slice() {
        [address] if address.is_loopback() => (*address, *address),
        all => common(&from.addresses, all)?,
    };
    let foreign = match Family::of(destination) {
        Family::V4 => IpProtocol::ICMPV6,
        Family::V6 => IpProtocol::ICMP,
    };
    if flow.protocol == foreign {
        return None;
    }
    let packet = Opening {
        source,
        destination,
        protocol: flow.protocol,
        port: flow.port,
        kind: None,
    };
    Some((from.place, packet))
}

/// The first destination address of a family that the source has (rule Q-7).
fn common(from: &[IpAddr], to: &[IpAddr]) -> Option<(IpAddr, IpAddr)> {
    to.iter().find_map(|to| {
        let fits = |from: &&IpAddr| Family::of(**from) == Family::of(*to);
        Some((*from.iter().find(fits)?, *to))
    })
}

fn end(cluster: &Cluster, endpoint: &Endpoint) -> Option<End> {
    match endpoint {
        Endpoint::Address(address) => Some(End {
            place: place(cluster, address.to_canonical()),
            addresses: vec![address.to_canonical()],
        }),
        Endpoint::Pod(name) => {
            let pod = cluster.pods.get(name)?;
            let place = if pod.host_network {
                Place::Node(NodeId::named(pod.node.as_deref()?)?)
            } else {
                Place::Pod(slot(pod)?)
            };
            Some(End {
                place,
                addresses: pod.addresses.clone(),
            })
        }
        Endpoint::Node(name) => Some(End {
            place: Place::Node(NodeId::named(name)?),
            addresses: cluster.nodes.get(name)?.addresses.clone(),
        }),
        Endpoint::Service(name) => match &cluster.services.get(name)?.cluster_ip {
            ClusterIp::Assigned(addresses) => Some(End {
                place: Place::Outside,
                addresses: addresses.clone(),
            }),
            ClusterIp::Headless | ClusterIp::Unassigned => None,
        },
    }
}
