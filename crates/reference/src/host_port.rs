//! Rule OB-24: a port of a node that leads to a pod on it.

use ringfence_model::{
    Cluster, Connection, Direction, Entry, HostPort, Party, Pod, Query, QueryError,
};
use ringfence_net::IpProtocol;

use crate::destination::no_common_family;
use crate::direction::Dialled;
use crate::evaluate::judge;
use crate::party::Candidate;
use crate::resolve::{NoCommonFamily, common_family, is_subject, of_pod};

/// Where such a port leads.
pub(crate) struct Door {
    node: Candidate,
    pod: Candidate,
    port: u16,
}

/// What `query` dials at `node`; the first pod by name that has it.
pub(crate) fn door(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
    node: &Candidate,
) -> Option<Door> {
    let family = common_family(source, node).ok()?;
    let Party::Node {
        name: Some(name),
        address,
        ..
    } = node.in_family(family)
    else {
        return None;
    };
    let leads = |own: &&HostPort| {
        let has_address = match own.address {
            None => true,
            Some(only) => Some(only.to_canonical()) == address,
        };
        IpProtocol::from(own.protocol) == query.protocol
            && Some(own.port) == query.port
            && has_address
    };
    let on_node = |pod: &&Pod| is_subject(pod) && pod.node.as_ref() == Some(&name);
    let mut pods = cluster.pods.values().filter(on_node);
    pods.find_map(|pod| {
        let own = pod.host_ports.iter().find(leads)?;
        let candidate = of_pod(cluster, pod);
        let speaks = family.is_none_or(|family| candidate.can_speak(family));
        speaks.then(|| Door {
            node: node.clone(),
            pod: candidate,
            port: own.container_port,
        })
    })
}

/// The node of the pod translates: who is on it meets the pod at both ends. Elsewhere egress is judged before, at the node's
/// address and port.
pub(crate) fn enter(
    cluster: &Cluster,
    query: &Query,
    source: &Candidate,
    door: &Door,
) -> Result<Connection, QueryError> {
    let family =
        common_family(source, &door.node).map_err(|NoCommonFamily| no_common_family(query))?;
    let (source, node) = (source.in_family(family), door.node.in_family(family));
    let pod = door.pod.in_family(family);
    let is_local = is_on_same_node(cluster, &source, &node);
    let behind = Dialled {
        protocol: query.protocol,
        port: Some(door.port),
        via_service: true,
    };
    let before = Dialled {
        protocol: query.protocol,
        port: query.port,
        via_service: false,
    };
    let (seen, dialled) = if is_local {
        (&pod, behind)
    } else {
        (&node, before)
    };
    Ok(Connection {
        egress: judge(cluster, Direction::Egress, &source, seen, dialled),
        ingress: judge(cluster, Direction::Ingress, &pod, &source, behind),
        protocol: query.protocol,
        port: Some(door.port),
        entry: query.port.map(|port| Entry {
            node,
            port,
            is_local,
        }),
        source,
        destination: pod,
    })
}

fn is_on_same_node(cluster: &Cluster, source: &Party, node: &Party) -> bool {
    let Party::Node { name: wanted, .. } = node else {
        return false;
    };
    match source {
        Party::Pod { name, .. } => {
            let pod = cluster.pods.get(name);
            pod.is_some_and(|pod| pod.node == *wanted)
        }
        Party::Node { name, .. } => name == wanted,
        Party::Other(_) | Party::Loopback(_) => false,
    }
}
