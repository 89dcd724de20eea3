//! Rule HF-9: what stands on the node of a pod at an address that no object tells of.

use std::net::IpAddr;

use ringfence_model::{Connection, DirectionVerdict, Endpoint, Node, Party, Query};
use ringfence_policy::Engine;
use ringfence_reach::guard::ADDRESSES;

use super::{Warning, pod};

/// Whether `address` may be one that each node has: one of the link, or one at which a cloud serves its machines.
fn is_of_nodes(address: IpAddr) -> bool {
    let is_of_link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    is_of_link || ADDRESSES.iter().any(|known| known.address == address)
}

/// The firewall of the pod's own node, where what is dialled is let pass and may stand there.
pub(super) fn closed(engine: &Engine, connection: &Connection) -> Option<Warning> {
    let cluster = engine.cluster();
    let source = pod(cluster, &connection.source)?;
    let Party::Other(address) = &connection.destination else {
        return None;
    };
    if connection.verdict() == DirectionVerdict::Deny || !is_of_nodes(*address) {
        return None;
    }
    // A pod of which no node is known may be on any.
    let nodes = cluster.nodes.values();
    let mut nodes = nodes.filter(|node| source.node.as_ref().is_none_or(|own| *own == node.name));
    let node = nodes.find(|node| keeps_out(engine, node, connection))?;
    let firewalls = cluster.host_firewalls_of(&node.name);
    let names: Vec<&str> = firewalls.map(|(found, _)| found.name.as_str()).collect();
    Some(Warning {
        rule: "HF-9",
        message: format!(
            "{address} may be an address of node/{} itself, which HostFirewall {} closes to {} at that port",
            node.name,
            names.join(", "),
            source.name
        ),
        help: Some(format!(
            "if a server of the node answers at {address}, a rule must let the pod in to its port"
        )),
    })
}

/// Whether the node's firewalls refuse what is dialled, if it is dialled there.
fn keeps_out(engine: &Engine, node: &Node, connection: &Connection) -> bool {
    let Party::Pod { name, .. } = &connection.source else {
        return false;
    };
    let query = Query {
        source: Endpoint::Pod(name.clone()),
        destination: Endpoint::Node(node.name.clone()),
        protocol: connection.protocol,
        port: connection.port,
    };
    let answer = engine.answer(&query);
    let mut found = answer.iter().flat_map(|answer| &answer.connections);
    found.any(|found| {
        let is_node = matches!(found.destination, Party::Node { .. });
        is_node && found.ingress.verdict != DirectionVerdict::Allow
    })
}
