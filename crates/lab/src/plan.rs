//! Which address everything in the lab has. Pure arithmetic on the kind configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfence_net::Family;

/// The network between the nodes: what Docker's `kind` network is to kind.
pub const UNDERLAY_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 18, 0, 0), 16);
/// The same for IPv6.
pub const UNDERLAY_V6: Ipv6Net =
    Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0x172, 0x18, 0, 0, 0, 0, 0), 64);
/// The network outside of the cluster (RFC 5737 and RFC 3849 documentation addresses).
pub const OUTSIDE_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24);
/// The same for IPv6.
pub const OUTSIDE_V6: Ipv6Net =
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0x203, 0, 0, 0, 0, 0), 64);
/// The host in the outside network.
pub const OUTSIDE_HOST: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x203, 0, 0, 0, 0, 0x10)),
];
/// The name under which the cluster's DNS knows that host.
pub const OUTSIDE_NAME: &str = "outside.example";
/// Its other addresses.
pub const OUTSIDE_OTHER: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 11)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x203, 0, 0, 0, 0, 0x11)),
];
/// The name under which the cluster's DNS knows these.
pub const OUTSIDE_OTHER_NAME: &str = "other.outside.example";
/// The network in which a provider shows the API of a cluster (RFC 5737 and RFC 3849 documentation addresses).
pub const PROVIDER_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, 0), 24);
/// The same for IPv6.
pub const PROVIDER_V6: Ipv6Net =
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0x192, 0, 0, 0, 0, 0), 64);
/// Where the API answers in it.
pub const API_ENDPOINT: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x192, 0, 0, 0, 0, 0x10)),
];
/// At this port, as providers have it.
pub const API_ENDPOINT_PORT: u16 = 443;
/// The provider's node on a network of its own, to which nothing leads.
pub const CONTROL_NODE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(172, 19, 0, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x172, 0x19, 0, 0, 0, 0, 2)),
];
/// The instance metadata service of the large clouds.
pub const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];
/// Bytes of a packet between nodes that the tunnel adds (outer Ethernet, IPv4, UDP and VXLAN headers).
pub const TUNNEL_OVERHEAD: u32 = 50;

/// Why a lab cannot be laid out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The pod network has no room for one block per node.
    #[error("pod subnet {subnet} has no room for {nodes} nodes: each takes a /{per_node}")]
    PodSubnetTooSmall {
        /// The subnet as configured.
        subnet: IpNet,
        /// How many nodes there are.
        nodes: usize,
        /// Prefix length of a node's block.
        per_node: u8,
    },
    /// More nodes than the network between them has addresses.
    #[error("{0} nodes are more than the lab's node network has addresses")]
    TooManyNodes(usize),
}

/// The addresses of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlan {
    /// Addresses in the network between the nodes.
    pub addresses: Vec<IpAddr>,
    /// Blocks from which its pods get addresses.
    pub pod_cidrs: Vec<IpNet>,
}

/// Lays out `nodes` nodes on the given pod subnets, one family each.
///
/// # Errors
/// [`PlanError`] if a subnet is too small.
pub fn plan(nodes: usize, pod_subnets: &[IpNet]) -> Result<Vec<NodePlan>, PlanError> {
    (0..nodes)
        .map(|index| plan_node(index, nodes, pod_subnets))
        .collect()
}

fn plan_node(index: usize, nodes: usize, pod_subnets: &[IpNet]) -> Result<NodePlan, PlanError> {
    let number = u32::try_from(index).map_err(|_| PlanError::TooManyNodes(nodes))?;
    let pod_cidrs = pod_subnets
        .iter()
        .map(|subnet| pod_block(*subnet, number, nodes))
        .collect::<Result<Vec<_>, _>>()?;
    let addresses = pod_subnets
        .iter()
        .map(|subnet| node_address(Family::of(subnet.addr()), number))
        .collect::<Option<Vec<_>>>()
        .ok_or(PlanError::TooManyNodes(nodes))?;
    Ok(NodePlan {
        addresses,
        pod_cidrs,
    })
}

fn pod_block(subnet: IpNet, number: u32, nodes: usize) -> Result<IpNet, PlanError> {
    let per_node = match subnet {
        IpNet::V4(_) => 24.max(subnet.prefix_len()),
        IpNet::V6(_) => 64.max(subnet.prefix_len()),
    };
    subnet
        .subnets(per_node)
        .ok()
        .and_then(|mut blocks| blocks.nth(number as usize))
        .ok_or(PlanError::PodSubnetTooSmall {
            subnet,
            nodes,
            per_node,
        })
}

/// The node's address: `.2` for the first, as Docker gives them.
fn node_address(family: Family, number: u32) -> Option<IpAddr> {
    let host = number.checked_add(2).filter(|host| *host < 0xfffe)?;
    Some(match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(UNDERLAY_V4.network().to_bits() | host)),
        Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(
            UNDERLAY_V6.network().to_bits() | u128::from(host),
        )),
    })
}

/// The `number`th address of a block, counted from its network address; `None` past its end.
#[must_use]
pub fn nth_address(block: IpNet, number: u32) -> Option<IpAddr> {
    let address = match block {
        IpNet::V4(block) => IpAddr::V4(Ipv4Addr::from_bits(
            block.network().to_bits().checked_add(number)?,
        )),
        IpNet::V6(block) => IpAddr::V6(Ipv6Addr::from_bits(
            block.network().to_bits().checked_add(u128::from(number))?,
        )),
    };
    block.contains(&address).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_get_blocks_in_order() {
        let subnets = [
            "10.244.0.0/16".parse().unwrap(),
            "fd00:10:244::/56".parse().unwrap(),
        ];
        let plan = plan(3, &subnets).unwrap();
        assert_eq!(plan[2].pod_cidrs[0].to_string(), "10.244.2.0/24");
        assert_eq!(plan[2].pod_cidrs[1].to_string(), "fd00:10:244:2::/64");
        assert_eq!(plan[0].addresses[0].to_string(), "172.18.0.2");
        assert_eq!(plan[0].addresses[1].to_string(), "fd00:172:18::2");
    }

    #[test]
    fn a_subnet_that_is_too_small_is_named() {
        let error = plan(3, &["10.0.0.0/23".parse().unwrap()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "pod subnet 10.0.0.0/23 has no room for 3 nodes: each takes a /24"
        );
    }

    #[test]
    fn the_nth_address_stays_inside_its_block() {
        let block = "10.96.0.0/30".parse().unwrap();
        assert_eq!(
            nth_address(block, 3).map(|address| address.to_string()),
            Some("10.96.0.3".into())
        );
        assert_eq!(nth_address(block, 4), None);
    }
}
