//! Carries a [`Plan`] out in the kernel, takes it away, and compares the two.

mod compare;

pub use compare::missing;

use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use ringfence_netlink::namespace::{NamespaceError, run_in};
use ringfence_netlink::route::{
    InterfaceAddress, Neighbour, Route, RouteKind, RouteSocket, RouteSocketError, VethPair,
};
use ringfence_netlink::sysctl::{self, SysctlError};

use crate::plan::{HOST_MAC, Plan, everywhere, gateway};

/// How long the pod's end may take to carry packets. The kernel is done within a second, if it is not very busy.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked.
const LOOK: Duration = Duration::from_millis(1);

/// Why the kernel does not hold what it should.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The pod has an interface of this name, or the node one of the name that it would get.
    #[error("interface `{pod}` of the pod or `{host}` of the node exists already")]
    Exists {
        /// `CNI_IFNAME`.
        pod: String,
        /// The node's end.
        host: String,
    },
    /// The pod's namespace could not be entered.
    #[error("cannot work in the pod's network namespace")]
    Namespace(#[source] NamespaceError),
    /// A step in the pod's namespace failed.
    #[error("pod side")]
    Pod(#[source] StepError),
    /// A step in the node's namespace failed.
    #[error("node side")]
    Node(#[source] StepError),
}

/// Why one step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Links, addresses, routes, neighbours.
    #[error(transparent)]
    Route(#[from] RouteSocketError),
    /// Settings of an interface.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// The interface is up and carries nothing.
    #[error("interface `{0}` carries no packets after {PATIENCE:?}")]
    Idle(String),
}

/// Connects the pod to the node. On an error other than [`WiringError::Exists`] parts may be left,
/// which [`unwire`] takes away.
///
/// # Errors
/// [`WiringError`].
pub fn wire(plan: &Plan, netns: BorrowedFd<'_>) -> Result<(), WiringError> {
    let mut node = RouteSocket::open().map_err(|error| WiringError::Node(error.into()))?;
    create_pair(&mut node, plan, netns)?;
    run_in(netns, || wire_pod(plan))
        .map_err(WiringError::Namespace)?
        .map_err(WiringError::Pod)?;
    wire_node(&mut node, plan).map_err(WiringError::Node)?;
    run_in(netns, || wait_until_operational(&plan.pod_interface))
        .map_err(WiringError::Namespace)?
        .map_err(WiringError::Pod)
}

/// Deletes the node's end, and with it the pod's end, all addresses and all routes. None is fine.
///
/// # Errors
/// [`WiringError::Node`].
pub fn unwire(host_interface: &str) -> Result<(), WiringError> {
    let delete = || {
        let mut node = RouteSocket::open()?;
        let link = node.link_by_name(host_interface)?;
        node.delete_link(link.index)
    };
    match delete() {
        Err(error) if !error.is_missing() => Err(WiringError::Node(error.into())),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The node's ends of all attachments that the kernel holds.
///
/// # Errors
/// [`WiringError::Node`].
pub fn host_interfaces() -> Result<Vec<String>, WiringError> {
    let links = RouteSocket::open().and_then(|mut node| node.links());
    let links = links.map_err(|error| WiringError::Node(error.into()))?;
    let names = links.into_iter().map(|link| link.name);
    Ok(names
        .filter(|name| name.starts_with(crate::plan::HOST_INTERFACE_PREFIX))
        .collect())
}

fn create_pair(
    node: &mut RouteSocket,
    plan: &Plan,
    netns: BorrowedFd<'_>,
) -> Result<(), WiringError> {
    let pair = VethPair {
        name: &plan.host_interface,
        mac: Some(HOST_MAC),
        peer_name: &plan.pod_interface,
        peer_mac: Some(plan.pod_mac),
        peer_namespace: Some(netns.as_fd()),
        mtu: plan.mtu,
    };
    node.create_veth(&pair)
        .map_err(|error| match error.is_exists() {
            true => WiringError::Exists {
                pod: plan.pod_interface.clone(),
                host: plan.host_interface.clone(),
            },
            false => WiringError::Node(error.into()),
        })
}

/// In the pod's namespace.
fn wire_pod(plan: &Plan) -> Result<(), StepError> {
    let mut pod = RouteSocket::open()?;
    let loopback = pod.link_by_name("lo")?;
    pod.set_link_up(loopback.index, true)?;
    configure_v6(&plan.pod_interface, plan.has_v6(), &[])?;
    let link = pod.link_by_name(&plan.pod_interface)?;
    let side = pod_side(plan, link.index);
    for address in &side.addresses {
        pod.add_address(address)?;
    }
    pod.set_link_up(link.index, true)?;
    connect(&mut pod, &side)
}

/// The end that was up first drops what it is given until the kernel has noticed the other one: the pod's first packets.
fn wait_until_operational(interface: &str) -> Result<(), StepError> {
    let mut pod = RouteSocket::open()?;
    let start = Instant::now();
    while !pod.link_by_name(interface)?.operational {
        if start.elapsed() > PATIENCE {
            return Err(StepError::Idle(interface.to_owned()));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

fn wire_node(node: &mut RouteSocket, plan: &Plan) -> Result<(), StepError> {
    let name = plan.host_interface.as_str();
    for (key, value) in NODE_V4 {
        sysctl::write(&["ipv4", "conf", name, key], value)?;
    }
    configure_v6(name, plan.has_v6(), &[("forwarding", "1")])?;
    let link = node.link_by_name(name)?;
    let side = node_side(plan, link.index);
    for address in &side.addresses {
        // Of host scope: answered, but never the source of the node's own packets, which pods would
        // else see coming from the gateway instead of the node.
        node.add_host_address(address)?;
    }
    node.set_link_up(link.index, true)?;
    connect(node, &side)
}

/// Of the node's end. Strict reverse path filtering: a pod cannot send from another's address even when
/// the agent's table is gone.
const NODE_V4: [(&str, &str); 7] = [
    ("rp_filter", "1"),
    ("proxy_arp", "0"),
    ("send_redirects", "0"),
    ("accept_redirects", "0"),
    ("accept_source_route", "0"),
    ("route_localnet", "0"),
    ("forwarding", "1"),
];

/// Addresses that the kernel or a neighbour makes up would be unknown to the agent. Duplicates are not
/// looked for, which would delay the pod by a second: the addresses themselves are exempt.
const V6: [(&str, &str); 4] = [
    ("disable_ipv6", "0"),
    ("addr_gen_mode", "1"),
    ("accept_ra", "0"),
    ("accept_redirects", "0"),
];

fn configure_v6(interface: &str, wanted: bool, more: &[(&str, &str)]) -> Result<(), SysctlError> {
    let write = |key: &str, value: &str| sysctl::write(&["ipv6", "conf", interface, key], value);
    if wanted {
        return V6
            .iter()
            .chain(more)
            .try_for_each(|(key, value)| write(key, value));
    }
    match write("disable_ipv6", "1") {
        // A kernel without IPv6.
        Err(SysctlError::Missing { .. }) => Ok(()),
        outcome => outcome,
    }
}

fn connect(socket: &mut RouteSocket, side: &Expected) -> Result<(), StepError> {
    for neighbour in &side.neighbours {
        socket.replace_neighbour(neighbour)?;
    }
    for route in &side.routes {
        socket.add_route(route)?;
    }
    Ok(())
}

/// What one side's interface is to have.
struct Expected {
    addresses: Vec<InterfaceAddress>,
    neighbours: Vec<Neighbour>,
    routes: Vec<Route>,
    mac: ringfence_netlink::route::MacAddress,
}

fn node_side(plan: &Plan, index: u32) -> Expected {
    let addresses = plan.addresses.iter();
    Expected {
        addresses: addresses
            .clone()
            .map(|address| InterfaceAddress {
                index,
                address: gateway(*address).into(),
            })
            .collect(),
        neighbours: addresses
            .clone()
            .map(|address| Neighbour {
                index,
                address: *address,
                mac: plan.pod_mac,
            })
            .collect(),
        routes: addresses
            .map(|address| {
                device_route(
                    IpNet::from(*address),
                    RouteKind::Device {
                        index,
                        gateway: None,
                        onlink: false,
                    },
                )
            })
            .collect(),
        mac: HOST_MAC,
    }
}

fn pod_side(plan: &Plan, index: u32) -> Expected {
    let addresses = plan.addresses.iter();
    let router = |address| Neighbour {
        index,
        address: gateway(address),
        mac: HOST_MAC,
    };
    Expected {
        addresses: addresses
            .clone()
            .map(|address| InterfaceAddress {
                index,
                address: (*address).into(),
            })
            .collect(),
        neighbours: addresses.clone().map(|address| router(*address)).collect(),
        routes: addresses
            .map(|address| {
                let gateway = Some(gateway(*address));
                device_route(
                    everywhere(*address),
                    RouteKind::Device {
                        index,
                        gateway,
                        onlink: true,
                    },
                )
            })
            .collect(),
        mac: plan.pod_mac,
    }
}

fn device_route(destination: IpNet, kind: RouteKind) -> Route {
    Route {
        destination,
        kind,
        source: None,
        metric: None,
    }
}
