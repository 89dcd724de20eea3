//! Which address everything has, as the random clusters of the testkit have it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_cni::EndpointId;
use ringfence_compile::{Capacity, NetworkConfig};
use ringfence_model::{Cluster, Node, Pod};
use ringfence_net::Family;

/// Pods that a node has room for.
pub const PODS: u8 = 6;
/// The port of the tunnels between nodes.
pub const TUNNEL_PORT: u16 = 8472;
/// The interface of every pod.
pub const POD_INTERFACE: &str = "eth0";

/// One of the two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeId {
    /// `n1`.
    One,
    /// `n2`.
    Two,
}

/// Room for one pod on one node: a network namespace with an address of each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Where it is.
    pub node: NodeId,
    /// Below [`PODS`].
    pub number: u8,
}

/// A network namespace that sends and receives packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A pod.
    Pod(Slot),
    /// A node.
    Node(NodeId),
    /// Everything that is neither.
    Outside,
}

impl NodeId {
    /// Both.
    pub const ALL: [Self; 2] = [Self::One, Self::Two];

    /// 1 or 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The node's name in clusters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "n1",
            Self::Two => "n2",
        }
    }

    /// The node with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|node| node.name() == name)
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }

    /// Its addresses in the network between the nodes.
    #[must_use]
    pub fn addresses(self) -> [IpAddr; 2] {
        [Family::V4, Family::V6].map(|family| host(family, 10 + self.number()))
    }

    /// An address that some clusters know as its external one.
    #[must_use]
    pub const fn external(self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(198, 51, 100, 10 + self.number()))
    }

    /// The blocks of its pods.
    #[must_use]
    pub fn pod_blocks(self) -> [IpNet; 2] {
        let number = self.number();
        [
            block(&format!("10.0.{number}.0/24")),
            block(&format!("fd00:10:{number}::/64")),
        ]
    }
}

impl Slot {
    /// Every one.
    pub fn all() -> impl Iterator<Item = Self> {
        NodeId::ALL
            .into_iter()
            .flat_map(|node| (0..PODS).map(move |number| Self { node, number }))
    }

    /// IPv4, then IPv6.
    #[must_use]
    pub fn addresses(self) -> [IpAddr; 2] {
        let (node, host) = (self.node.number(), 10 + self.number);
        [
            IpAddr::V4(Ipv4Addr::new(10, 0, node, host)),
            IpAddr::V6(Ipv6Addr::new(
                0xfd00,
                0x10,
                node.into(),
                0,
                0,
                0,
                0,
                host.into(),
            )),
        ]
    }

    /// The one with this address.
    #[must_use]
    pub fn at(address: IpAddr) -> Option<Self> {
        Self::all().find(|slot| slot.addresses().contains(&address))
    }

    /// What the CNI plugin would call its attachment.
    #[must_use]
    pub fn attachment(self) -> EndpointId {
        let name = format!("pod-{}-{}", self.node.number(), self.number);
        EndpointId::new(name, POD_INTERFACE)
    }

    /// The node's end of its wire.
    #[must_use]
    pub fn host_interface(self) -> String {
        ringfence_cni::plan::host_interface(&self.attachment())
    }
}

/// The router of the nodes.
#[must_use]
pub fn router(family: Family) -> IpAddr {
    host(family, 1)
}

/// A host in the network between the nodes. Its number reads the same in both families.
fn host(family: Family, number: u8) -> IpAddr {
    let text = match family {
        Family::V4 => format!("192.168.0.{number}"),
        Family::V6 => format!("fd01::{number}"),
    };
    text.parse().expect("an address")
}

/// What every node is told of the network.
#[must_use]
pub fn network() -> NetworkConfig {
    NetworkConfig {
        pod_cidrs: ["10.0.0.0/16", "fd00:10::/32"].map(block).to_vec(),
        service_cidrs: service_blocks().to_vec(),
        tunnel_port: Some(TUNNEL_PORT),
        record: ringfence_compile::Record::Denied,
        capacity: Capacity {
            addresses: 64,
            entries: 64,
        },
    }
}

/// Where Services have their cluster addresses.
#[must_use]
pub fn service_blocks() -> [IpNet; 2] {
    ["10.96.0.0/16", "fd00:96::/32"].map(block)
}

/// Addresses outside that some Services claim.
#[must_use]
pub fn external_service_blocks() -> [IpNet; 2] {
    ["198.51.100.96/27", "2001:db8:100::/64"].map(block)
}

/// The block that a text constant means.
///
/// # Panics
/// If it means none.
#[must_use]
pub fn block(text: &str) -> IpNet {
    text.parse().expect("an address block")
}

/// The live pods that have wires, with their places.
pub fn wired(cluster: &Cluster) -> impl Iterator<Item = (&Pod, Slot)> {
    let on_network = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
    on_network.filter_map(|pod| Some((pod, slot(pod)?)))
}

/// Where the pod's wires are.
#[must_use]
pub fn slot(pod: &Pod) -> Option<Slot> {
    pod.addresses.iter().copied().find_map(Slot::at)
}

/// Who has `address` in `cluster` (rule Q-3).
#[must_use]
pub fn place(cluster: &Cluster, address: IpAddr) -> Place {
    let pod = wired(cluster).find(|(pod, _)| pod.addresses.contains(&address));
    if let Some((_, slot)) = pod {
        return Place::Pod(slot);
    }
    let node = |node: &Node| {
        node.addresses
            .contains(&address)
            .then(|| NodeId::named(&node.name))
    };
    match cluster.nodes.values().find_map(node).flatten() {
        Some(node) => Place::Node(node),
        None => Place::Outside,
    }
}
