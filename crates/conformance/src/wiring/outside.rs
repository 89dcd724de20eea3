use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

use ipnet::IpNet;
use ringfence_net::Family;
use ringfence_netlink::route::{InterfaceAddress, RouteSocket, VethPair};

use super::node::{UPLINK, neighbour, route};
use super::{ROUTER_MAC, UNDERLAY_MTU, mute, uplink_mac};
use crate::plan::{NodeId, external_service_blocks, router, service_blocks};

const BRIDGE: &str = "underlay";

/// In the outside's namespace: the bridge between the nodes, and the nodes' ends of it. Service addresses are dialled
/// through the first node.
pub(super) fn build(nodes: &BTreeMap<NodeId, OwnedFd>) {
    mute();
    let mut socket = RouteSocket::open().expect("a route socket");
    socket.create_bridge(BRIDGE).expect("a bridge");
    let bridge = socket.link_by_name(BRIDGE).expect("the bridge").index;
    socket
        .set_link_mac(bridge, ROUTER_MAC)
        .expect("its address");
    for (node, namespace) in nodes {
        let name = node.name();
        let pair = VethPair {
            name,
            mac: None,
            peer_name: UPLINK,
            peer_mac: Some(uplink_mac(*node)),
            peer_namespace: Some(namespace.as_fd()),
            mtu: UNDERLAY_MTU,
        };
        socket.create_veth(&pair).expect("a wire");
        let port = socket.link_by_name(name).expect("the wire").index;
        socket.set_link_master(port, Some(bridge)).expect("a port");
        socket.set_link_up(port, true).expect("the port up");
    }
    for family in Family::ALL {
        let length = if family == Family::V4 { 24 } else { 64 };
        let address = IpNet::new(router(family), length).expect("a network");
        let address = InterfaceAddress {
            index: bridge,
            address,
        };
        socket.add_address(&address).expect("the router's address");
    }
    socket.set_link_up(bridge, true).expect("the bridge up");
    for node in NodeId::ALL {
        connect(&mut socket, bridge, node);
    }
    let [first, _] = NodeId::ALL;
    for block in service_blocks()
        .into_iter()
        .chain(external_service_blocks())
    {
        lead(&mut socket, bridge, block, first);
    }
}

fn connect(socket: &mut RouteSocket, bridge: u32, node: NodeId) {
    for address in node.addresses() {
        neighbour(socket, bridge, address, uplink_mac(node));
    }
    for block in node.pod_blocks() {
        lead(socket, bridge, block, node);
    }
    lead(socket, bridge, node.external().into(), node);
}

fn lead(socket: &mut RouteSocket, bridge: u32, block: IpNet, node: NodeId) {
    let [v4, v6] = node.addresses();
    let gateway = if block.addr().is_ipv4() { v4 } else { v6 };
    route(socket, block, bridge, gateway);
}
