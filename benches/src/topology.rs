//! Two nodes, a tunnel between them, two pods on the one and a pod on the other, wired as the CNI plugin wires them.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use ipnet::{IpNet, Ipv4Net};
use ringfence_cni::plan::Plan;
use ringfence_cni::wiring::wire;
use ringfence_netlink::namespace::{create, run_in};
use ringfence_netlink::route::{
    ForwardingEntry, InterfaceAddress, MacAddress, Neighbour, Route, RouteKind, RouteSocket,
    VethPair, Vxlan,
};
use ringfence_netlink::sysctl;

/// A pod with a namespace of its own.
#[derive(Clone, Copy, Debug)]
pub struct RealPod {
    /// Its name.
    pub name: &'static str,
    /// On the node with this index.
    pub node: usize,
    /// Its address.
    pub address: Ipv4Addr,
    /// The node's end of its wire.
    pub host_interface: &'static str,
}

/// Who sends.
pub const CLIENT: RealPod = RealPod {
    name: "client",
    node: 0,
    address: Ipv4Addr::new(10, 1, 200, 1),
    host_interface: "vethrfclient",
};
/// On the client's node.
pub const NEAR: RealPod = RealPod {
    name: "near",
    node: 0,
    address: Ipv4Addr::new(10, 1, 200, 2),
    host_interface: "vethrfnear",
};
/// On the other node.
pub const FAR: RealPod = RealPod {
    name: "far",
    node: 1,
    address: Ipv4Addr::new(10, 2, 200, 1),
    host_interface: "vethrffar",
};
/// All of them.
pub const REAL_PODS: [RealPod; 3] = [CLIENT, NEAR, FAR];

/// The addresses of the nodes.
pub const NODES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 0, 1), Ipv4Addr::new(192, 168, 0, 2)];
/// The pod addresses of each node.
pub const POD_BLOCKS: [Ipv4Net; 2] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 1, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(10, 2, 0, 0), 16),
];
/// The port of the tunnel.
pub const TUNNEL_PORT: u16 = 8472;
const UNDERLAY_MTU: u32 = 1500;
const POD_MTU: u32 = 1450;
const TUNNEL: &str = "vxlan.ringfence";
const UPLINK: &str = "uplink";

/// The namespaces; they vanish with it.
#[derive(Debug)]
pub struct Topology {
    /// In the order of [`NODES`].
    pub nodes: [OwnedFd; 2],
    /// In the order of [`REAL_PODS`].
    pub pods: [OwnedFd; 3],
}

impl Topology {
    /// Makes and connects them.
    ///
    /// # Errors
    /// If the kernel refuses a namespace or an interface.
    pub fn build() -> Result<Self> {
        let nodes = [create()?, create()?];
        let [first, second] = &nodes;
        run_in(first, || underlay(second))??;
        for (index, node) in nodes.iter().enumerate() {
            run_in(node, || build_node(index))?.with_context(|| format!("node {index}"))?;
        }
        let pods = [create()?, create()?, create()?];
        for (pod, namespace) in REAL_PODS.iter().zip(&pods) {
            let node = nodes.get(pod.node).context("a pod without node")?;
            run_in(node, || wire(&plan(pod), namespace.as_fd()))?
                .with_context(|| format!("pod {}", pod.name))?;
            run_in(namespace, prepare_pod)??;
        }
        Ok(Self { nodes, pods })
    }
}

fn plan(pod: &RealPod) -> Plan {
    let [a, b, c, d] = pod.address.octets();
    Plan {
        host_interface: pod.host_interface.to_owned(),
        pod_interface: "eth0".to_owned(),
        pod_mac: MacAddress([0x0a, 0x58, a, b, c, d]),
        addresses: vec![pod.address.into()],
        mtu: POD_MTU,
    }
}

/// Closed connections leave nothing behind that would slow the next ones down.
fn prepare_pod() -> Result<()> {
    sysctl::write(&["ipv4", "tcp_max_tw_buckets"], "64")?;
    Ok(sysctl::write(
        &["ipv4", "ip_local_port_range"],
        "10000 65000",
    )?)
}

/// In the first node's namespace.
fn underlay(second: &OwnedFd) -> Result<()> {
    let pair = VethPair {
        name: UPLINK,
        mac: Some(uplink_mac(0)),
        peer_name: UPLINK,
        peer_mac: Some(uplink_mac(1)),
        peer_namespace: Some(second.as_fd()),
        mtu: UNDERLAY_MTU,
    };
    Ok(RouteSocket::open()?.create_veth(&pair)?)
}

/// In the node's namespace.
fn build_node(index: usize) -> Result<()> {
    for (key, value) in [
        (&["ipv4", "ip_forward"][..], "1"),
        (&["ipv4", "conf", "all", "rp_filter"], "0"),
        (&["ipv4", "conf", "default", "rp_filter"], "0"),
    ] {
        sysctl::write(key, value)?;
    }
    let other = 1 - index;
    let mut socket = RouteSocket::open()?;
    let uplink = socket.link_by_name(UPLINK)?.index;
    let address = IpNet::new(at(&NODES, index)?.into(), 24)?;
    socket.add_address(&InterfaceAddress {
        index: uplink,
        address,
    })?;
    socket.set_link_up(uplink, true)?;
    neighbour(&mut socket, uplink, at(&NODES, other)?, uplink_mac(other))?;
    build_tunnel(&mut socket, uplink, index, other)
}

fn build_tunnel(socket: &mut RouteSocket, device: u32, own: usize, other: usize) -> Result<()> {
    let remote = at(&NODES, other)?;
    socket.create_vxlan(&Vxlan {
        name: TUNNEL,
        id: 1,
        port: TUNNEL_PORT,
        local: at(&NODES, own)?.into(),
        device: Some(device),
        mtu: Some(POD_MTU),
        mac: Some(tunnel_mac(own)),
    })?;
    let index = socket.link_by_name(TUNNEL)?.index;
    socket.set_link_up(index, true)?;
    socket.add_forwarding(&ForwardingEntry {
        index,
        mac: tunnel_mac(other),
        remote: remote.into(),
    })?;
    neighbour(socket, index, remote, tunnel_mac(other))?;
    Ok(socket.add_route(&Route {
        destination: at(&POD_BLOCKS, other)?.into(),
        kind: RouteKind::Device {
            index,
            gateway: Some(remote.into()),
            onlink: true,
        },
        source: None,
        metric: None,
    })?)
}

fn neighbour(
    socket: &mut RouteSocket,
    index: u32,
    address: Ipv4Addr,
    mac: MacAddress,
) -> Result<()> {
    let address = IpAddr::V4(address);
    Ok(socket.add_neighbour(&Neighbour {
        index,
        address,
        mac,
    })?)
}

fn at<T: Copy>(items: &[T; 2], index: usize) -> Result<T> {
    items.get(index).copied().context("there are two nodes")
}

fn uplink_mac(node: usize) -> MacAddress {
    MacAddress([0x02, 0, 0, 0, 1, u8::from(node == 1)])
}

fn tunnel_mac(node: usize) -> MacAddress {
    MacAddress([0x02, 0, 0, 0, 2, u8::from(node == 1)])
}
