use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_net::Family;
use ringfence_netlink::route::{
    ForwardingEntry, InterfaceAddress, MacAddress, Neighbour, Route, RouteKind, RouteSocket, Vxlan,
};
use ringfence_netlink::sysctl;

use super::{POD_MTU, ROUTER_MAC, tunnel_mac, uplink_mac};
use crate::plan::{NodeId, TUNNEL_PORT, block, router};

/// The uplink's name, which `outside` gives it.
pub(super) const UPLINK: &str = "eth0";
const TUNNEL: &str = "vxlan.ringfence";
const TUNNEL_ID: u32 = 1;

/// As the lab sets up its nodes; and no kind of error is limited to so many a second, but one that does not exist.
const SETTINGS: [(&[&str], &str); 8] = [
    (&["ipv4", "ip_forward"], "1"),
    (&["ipv6", "conf", "all", "forwarding"], "1"),
    (&["ipv4", "conf", "all", "rp_filter"], "0"),
    (&["ipv4", "conf", "default", "rp_filter"], "0"),
    (&["ipv4", "conf", "all", "send_redirects"], "0"),
    (&["ipv4", "icmp_ratemask"], "0"),
    (&["ipv4", "icmp_echo_ignore_all"], "1"),
    (&["ipv6", "icmp", "ratemask"], "255"),
];

/// In the node's namespace, which has its uplink already.
pub(super) fn build(node: NodeId) {
    for (key, value) in SETTINGS {
        sysctl::write(key, value).expect("a setting of the node");
    }
    let mut socket = RouteSocket::open().expect("a route socket");
    let uplink = socket.link_by_name(UPLINK).expect("the uplink").index;
    let networks = node.addresses().map(network);
    for address in networks.into_iter().chain([node.external().into()]) {
        let address = InterfaceAddress {
            index: uplink,
            address,
        };
        socket
            .add_address(&address)
            .expect("an address of the node");
    }
    socket.set_link_up(uplink, true).expect("the uplink up");
    for family in Family::ALL {
        neighbour(&mut socket, uplink, router(family), ROUTER_MAC);
        let any = match family {
            Family::V4 => block("0.0.0.0/0"),
            Family::V6 => block("::/0"),
        };
        route(&mut socket, any, uplink, router(family));
    }
    let other = node.other();
    for address in other.addresses() {
        neighbour(&mut socket, uplink, address, uplink_mac(other));
    }
    let [via, _] = other.addresses();
    route(&mut socket, other.external().into(), uplink, via);
    build_tunnel(&mut socket, node, uplink);
}

/// The address with the length of its network.
fn network(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { 24 } else { 64 };
    IpNet::new(address, length).expect("a network")
}

fn build_tunnel(socket: &mut RouteSocket, node: NodeId, uplink: u32) {
    let other = node.other();
    let tunnel = Vxlan {
        name: TUNNEL,
        id: TUNNEL_ID,
        port: TUNNEL_PORT,
        local: node.addresses()[0],
        device: Some(uplink),
        mtu: Some(POD_MTU),
        mac: Some(tunnel_mac(node)),
    };
    socket.create_vxlan(&tunnel).expect("a tunnel");
    let tunnel = socket.link_by_name(TUNNEL).expect("the tunnel").index;
    socket.set_link_up(tunnel, true).expect("the tunnel up");
    let entry = ForwardingEntry {
        index: tunnel,
        mac: tunnel_mac(other),
        remote: other.addresses()[0],
    };
    socket.add_forwarding(&entry).expect("the tunnel's end");
    let gateways = [other.addresses()[0], tunnel_router()];
    for (block, gateway) in other.pod_blocks().into_iter().zip(gateways) {
        neighbour(socket, tunnel, gateway, tunnel_mac(other));
        route(socket, block, tunnel, gateway);
    }
}

/// The other end of the tunnel in IPv6, which takes no gateway that another interface's network holds.
const fn tunnel_router() -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2))
}

pub(super) fn neighbour(socket: &mut RouteSocket, index: u32, address: IpAddr, mac: MacAddress) {
    let neighbour = Neighbour {
        index,
        address,
        mac,
    };
    socket.replace_neighbour(&neighbour).expect("a neighbour");
}

pub(super) fn route(socket: &mut RouteSocket, destination: IpNet, index: u32, gateway: IpAddr) {
    let route = Route {
        destination,
        kind: RouteKind::Device {
            index,
            gateway: Some(gateway),
            onlink: true,
        },
        source: None,
        metric: None,
    };
    socket.add_route(&route).expect("a route");
}
