//! The wires of the lab: a bridge between nodes, a host outside, tunnels from node to node.
//!
//! Built once when the lab starts; everything vanishes with the lab's namespaces.

use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};

use anyhow::Context as _;
use ipnet::IpNet;
use ringfence_netlink::namespace;
use ringfence_netlink::route::{
    ForwardingEntry, InterfaceAddress, MacAddress, Neighbour, Route, RouteKind, RouteSocket,
    VethPair, Vxlan,
};
use ringfence_netlink::sysctl;

use crate::control::protocol::ControlPlane;
use crate::plan::{
    API_ENDPOINT, CONTROL_NODE, METADATA, NodePlan, OUTSIDE_HOST, OUTSIDE_OTHER, OUTSIDE_V4,
    OUTSIDE_V6, PROVIDER_V4, PROVIDER_V6, TUNNEL_OVERHEAD, UNDERLAY_V4, UNDERLAY_V6, nth_address,
};

const UNDERLAY_MTU: u32 = 1500;
/// IPv6 headers around a tunnelled packet are 20 bytes longer.
const IPV6_EXTRA: u32 = 20;
pub(crate) const BRIDGE: &str = "underlay";
const TUNNEL: &str = "vxlan.ringfence";
/// Network identifier and port of the overlay, as flannel has them.
const TUNNEL_ID: u32 = 1;
pub(crate) const TUNNEL_PORT: u16 = 8472;

/// The namespaces of the lab that are no pods.
#[derive(Debug)]
pub(crate) struct Network {
    /// One per node, in order.
    pub(crate) nodes: Vec<OwnedFd>,
    /// The host outside of the cluster.
    pub(crate) outside: OwnedFd,
    /// The control plane, where a provider runs it.
    pub(crate) control: Option<OwnedFd>,
    /// Largest packet of a pod, in bytes.
    pub(crate) pod_mtu: u32,
}

/// Builds all wires from the calling thread's network namespace, which becomes the network between the nodes.
///
/// # Errors
/// If the kernel refuses a step; the text names it.
pub(crate) fn build(plan: &[NodePlan], control_plane: ControlPlane) -> anyhow::Result<Network> {
    let mut socket = RouteSocket::open()?;
    trust_addresses("default")?;
    let bridge = build_bridge(&mut socket)?;
    let pod_mtu = pod_mtu(plan);
    let mut nodes = Vec::new();
    for (index, node) in plan.iter().enumerate() {
        let namespace = namespace::create()?;
        let port = format!("node{index}");
        connect(&mut socket, &port, namespace.as_fd())?;
        let port = socket.link_by_name(&port)?;
        socket.set_link_master(port.index, Some(bridge))?;
        socket.set_link_up(port.index, true)?;
        namespace::run_in(&namespace, || build_node(index, node, plan, pod_mtu))?
            .with_context(|| format!("cannot wire node {index}"))?;
        nodes.push(namespace);
    }
    let outside = build_outside(&mut socket)?;
    let control = match control_plane {
        ControlPlane::Nodes => None,
        ControlPlane::Provider => Some(build_control(&mut socket)?),
    };
    Ok(Network {
        nodes,
        outside,
        control,
        pod_mtu,
    })
}

fn pod_mtu(plan: &[NodePlan]) -> u32 {
    let over_ipv6 = plan
        .iter()
        .any(|node| node.addresses.iter().all(IpAddr::is_ipv6));
    UNDERLAY_MTU - TUNNEL_OVERHEAD - if over_ipv6 { IPV6_EXTRA } else { 0 }
}

fn build_bridge(socket: &mut RouteSocket) -> anyhow::Result<u32> {
    socket.create_bridge(BRIDGE)?;
    let bridge = socket.link_by_name(BRIDGE)?.index;
    for network in [IpNet::V4(UNDERLAY_V4), IpNet::V6(UNDERLAY_V6)] {
        add_address(socket, bridge, network, router_of(network)?)?;
    }
    socket.set_link_up(bridge, true)?;
    let loopback = socket.link_by_name("lo")?.index;
    socket.set_link_up(loopback, true)?;
    sysctl::write(&["ipv4", "ip_forward"], "1")?;
    sysctl::write(&["ipv6", "conf", "all", "forwarding"], "1")?;
    Ok(bridge)
}

/// Creates a pair with one end, `eth0`, in `namespace`.
fn connect(
    socket: &mut RouteSocket,
    name: &str,
    namespace: std::os::fd::BorrowedFd<'_>,
) -> anyhow::Result<()> {
    socket.create_veth(&VethPair {
        name,
        mac: None,
        peer_name: "eth0",
        peer_mac: None,
        peer_namespace: Some(namespace),
        mtu: UNDERLAY_MTU,
    })?;
    Ok(())
}

fn build_node(
    index: usize,
    node: &NodePlan,
    plan: &[NodePlan],
    pod_mtu: u32,
) -> anyhow::Result<()> {
    let mut socket = RouteSocket::open()?;
    for (key, value) in [
        (&["ipv4", "ip_forward"][..], "1"),
        (&["ipv6", "conf", "all", "forwarding"], "1"),
        (&["ipv4", "conf", "all", "rp_filter"], "0"),
        (&["ipv4", "conf", "default", "rp_filter"], "0"),
        (&["ipv4", "conf", "all", "send_redirects"], "0"),
    ] {
        sysctl::write(key, value)?;
    }
    let loopback = socket.link_by_name("lo")?.index;
    for address in METADATA {
        // Host scope, or the kernel would choose it as the source of packets to pods.
        let address = IpNet::from(address);
        socket.add_host_address(&InterfaceAddress {
            index: loopback,
            address,
        })?;
    }
    let uplink = socket.link_by_name("eth0")?.index;
    for address in &node.addresses {
        let network = underlay(*address);
        add_address(&mut socket, uplink, network, *address)?;
    }
    trust_addresses("eth0")?;
    socket.set_link_up(uplink, true)?;
    for address in &node.addresses {
        default_route(&mut socket, uplink, underlay(*address))?;
    }
    build_tunnels(&mut socket, index, node, plan, pod_mtu)
}

/// One VXLAN interface with a fixed entry for every other node: nothing is learned, nothing is flooded.
fn build_tunnels(
    socket: &mut RouteSocket,
    index: usize,
    node: &NodePlan,
    plan: &[NodePlan],
    pod_mtu: u32,
) -> anyhow::Result<()> {
    let local = *node.addresses.first().context("a node without address")?;
    let uplink = socket.link_by_name("eth0")?.index;
    socket.create_vxlan(&Vxlan {
        name: TUNNEL,
        id: TUNNEL_ID,
        port: TUNNEL_PORT,
        local,
        device: Some(uplink),
        mtu: Some(pod_mtu),
        mac: Some(tunnel_mac(index)?),
    })?;
    let tunnel = socket.link_by_name(TUNNEL)?.index;
    socket.set_link_up(tunnel, true)?;
    for (other_index, other) in plan.iter().enumerate().filter(|(other, _)| *other != index) {
        let mac = tunnel_mac(other_index)?;
        let remote = *other.addresses.first().context("a node without address")?;
        socket.add_forwarding(&ForwardingEntry {
            index: tunnel,
            mac,
            remote,
        })?;
        for (block, (address, source)) in other
            .pod_cidrs
            .iter()
            .zip(other.addresses.iter().zip(&node.addresses))
        {
            let gateway = tunnel_gateway(*address, mac);
            socket.add_neighbour(&Neighbour {
                index: tunnel,
                address: gateway,
                mac,
            })?;
            socket.add_route(&Route {
                destination: *block,
                kind: RouteKind::Device {
                    index: tunnel,
                    gateway: Some(gateway),
                    onlink: true,
                },
                source: Some(*source),
                metric: None,
            })?;
        }
    }
    Ok(())
}

/// The next hop at the far end of the tunnel. IPv6 takes no gateway that another interface's network contains, so
/// there it is the link-local address that belongs to the far end's hardware address (RFC 4291, appendix A).
fn tunnel_gateway(node: IpAddr, mac: MacAddress) -> IpAddr {
    if node.is_ipv4() {
        return node;
    }
    let [a, b, c, d, e, f] = mac.0;
    let identifier = [a ^ 0x02, b, c, 0xff, 0xfe, d, e, f];
    let prefix = 0xfe80_u128 << 112;
    IpAddr::V6(Ipv6Addr::from_bits(
        prefix | u128::from(u64::from_be_bytes(identifier)),
    ))
}

fn tunnel_mac(index: usize) -> anyhow::Result<MacAddress> {
    let [high, low] = u16::try_from(index)
        .context("too many nodes")?
        .to_be_bytes();
    Ok(MacAddress([0x02, 0x72, 0x66, 0, high, low]))
}

fn build_outside(socket: &mut RouteSocket) -> anyhow::Result<OwnedFd> {
    let networks = [IpNet::V4(OUTSIDE_V4), IpNet::V6(OUTSIDE_V6)];
    build_host(socket, "outside", networks, &[OUTSIDE_HOST, OUTSIDE_OTHER])
}

/// The control plane of a provider: reached where its API answers, and on a node network to which no route leads.
fn build_control(socket: &mut RouteSocket) -> anyhow::Result<OwnedFd> {
    let networks = [IpNet::V4(PROVIDER_V4), IpNet::V6(PROVIDER_V6)];
    let namespace = build_host(socket, "control", networks, &[API_ENDPOINT])?;
    namespace::run_in(&namespace, || -> anyhow::Result<()> {
        let mut socket = RouteSocket::open()?;
        let index = socket.link_by_name("lo")?.index;
        for address in CONTROL_NODE {
            let address = IpNet::from(address);
            socket.add_host_address(&InterfaceAddress { index, address })?;
        }
        Ok(socket.set_link_up(index, true)?)
    })??;
    Ok(namespace)
}

/// A host beyond the nodes, in networks of its own with these addresses of each family.
fn build_host(
    socket: &mut RouteSocket,
    name: &str,
    networks: [IpNet; 2],
    hosts: &[[IpAddr; 2]],
) -> anyhow::Result<OwnedFd> {
    let namespace = namespace::create()?;
    connect(socket, name, namespace.as_fd())?;
    let port = socket.link_by_name(name)?.index;
    for network in networks {
        add_address(socket, port, network, router_of(network)?)?;
    }
    socket.set_link_up(port, true)?;
    namespace::run_in(&namespace, || -> anyhow::Result<()> {
        let mut socket = RouteSocket::open()?;
        let uplink = socket.link_by_name("eth0")?.index;
        for addresses in hosts {
            for (network, address) in networks.iter().zip(addresses) {
                add_address(&mut socket, uplink, *network, *address)?;
            }
        }
        trust_addresses("eth0")?;
        socket.set_link_up(uplink, true)?;
        networks
            .iter()
            .try_for_each(|network| default_route(&mut socket, uplink, *network))
    })??;
    Ok(namespace)
}

fn add_address(
    socket: &mut RouteSocket,
    index: u32,
    network: IpNet,
    address: IpAddr,
) -> anyhow::Result<()> {
    let address = IpNet::new(address, network.prefix_len()).context("prefix too long")?;
    Ok(socket.add_address(&InterfaceAddress { index, address })?)
}

/// Nobody else has the addresses of the lab. The kernel would look for a second owner of a link-local one for a second or two, and whoever
/// has none to ask from finds no neighbour meanwhile: nobody forwards packets of IPv6.
fn trust_addresses(interface: &str) -> anyhow::Result<()> {
    Ok(sysctl::write(
        &["ipv6", "conf", interface, "accept_dad"],
        "0",
    )?)
}

/// The first address of a network is its router's.
fn router_of(network: IpNet) -> anyhow::Result<IpAddr> {
    nth_address(network, 1).context("an empty network")
}

const fn underlay(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(_) => IpNet::V4(UNDERLAY_V4),
        IpAddr::V6(_) => IpNet::V6(UNDERLAY_V6),
    }
}

fn default_route(socket: &mut RouteSocket, index: u32, network: IpNet) -> anyhow::Result<()> {
    let any = match network {
        IpNet::V4(_) => "0.0.0.0/0".parse(),
        IpNet::V6(_) => "::/0".parse(),
    }?;
    let gateway = Some(router_of(network)?);
    Ok(socket.add_route(&Route {
        destination: any,
        kind: RouteKind::Device {
            index,
            gateway,
            onlink: false,
        },
        source: None,
        metric: None,
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_tunnel_leads_to_the_link_local_address_of_its_far_end() {
        let mac = tunnel_mac(2).unwrap();
        let gateway = tunnel_gateway("fd00:172:18::4".parse().unwrap(), mac);
        assert_eq!(gateway.to_string(), "fe80::72:66ff:fe00:2");
        let gateway = tunnel_gateway("172.18.0.4".parse().unwrap(), mac);
        assert_eq!(gateway.to_string(), "172.18.0.4");
    }
}
