//! Hosts outside of the cluster: one for each part of the internet that some policy tells apart from the rest.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_model::{Cluster, Endpoint};
use ringfence_net::Family;

/// Public hosts that everybody knows; shown where any would do.
const EXAMPLES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111)),
];

/// What no public host has: private, shared, local, documentation, multicast and reserved addresses (RFC 6890).
const NOT_PUBLIC_V4: [(Ipv4Addr, u8); 13] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Of IPv6, all but the part that is given to hosts, and what is not public in that part.
const NOT_PUBLIC_V6: [(Ipv6Addr, u8); 5] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 3),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x4000, 0, 0, 0, 0, 0, 0, 0), 2),
    (Ipv6Addr::new(0x8000, 0, 0, 0, 0, 0, 0, 0), 1),
];

/// The hosts, of the families of [`of_families`].
pub(super) fn addresses(cluster: &Cluster) -> Vec<Endpoint> {
    let blocks: Vec<IpNet> = cluster.named_blocks().into_iter().collect();
    let not_public = not_public(cluster);
    of_families(cluster, EXAMPLES)
        .flat_map(|example| of_family(example, &blocks, &not_public))
        .map(Endpoint::Address)
        .collect()
}

/// Those of `addresses` that pods of `cluster` can speak to, as far as their addresses tell, or else those of nodes, or else the
/// blocks that they get addresses from. Where nothing of that is known it is IPv4, and IPv6 as well if policies speak of it:
/// of one of the addresses, or of a part of the public internet.
pub(super) fn of_families(
    cluster: &Cluster,
    addresses: [IpAddr; 2],
) -> impl Iterator<Item = IpAddr> {
    let pods = || cluster.pods.values();
    let of_pods = families(pods().flat_map(|pod| &pod.addresses));
    let of_nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    let of_nodes = families(of_nodes.chain(pods().flat_map(|pod| &pod.host_addresses)));
    let of_blocks = cluster.pod_blocks.iter();
    let of_blocks = of_blocks.map(|block| Family::of(block.addr())).collect();
    let known = [of_pods, of_nodes, of_blocks];
    let known = known.into_iter().find(|families| !families.is_empty());
    let families = known.unwrap_or_else(|| spoken_of(cluster, addresses));
    let speaks = move |address: &IpAddr| families.contains(&Family::of(*address));
    addresses.into_iter().filter(speaks)
}

/// IPv4, and IPv6 if policies speak of its public part or of one of `addresses`.
fn spoken_of(cluster: &Cluster, addresses: [IpAddr; 2]) -> BTreeSet<Family> {
    let apart = NOT_PUBLIC_V6.map(|(address, length)| IpNet::new(IpAddr::V6(address), length));
    let is_public = |block: &IpNet| !apart.iter().flatten().any(|apart| apart.contains(block));
    let mut blocks = cluster.named_blocks().into_iter();
    let six = blocks.any(|block| {
        let holds_one = || addresses.iter().any(|address| block.contains(address));
        Family::of(block.addr()) == Family::V6 && (is_public(&block) || holds_one())
    });
    let mut families = BTreeSet::from([Family::V4]);
    families.extend(six.then_some(Family::V6));
    families
}

fn families<'a>(addresses: impl Iterator<Item = &'a IpAddr>) -> BTreeSet<Family> {
    addresses.map(|address| Family::of(*address)).collect()
}

/// One host in each part: `example` if it is in it, else the first address.
fn of_family(example: IpAddr, blocks: &[IpNet], not_public: &[IpNet]) -> Vec<IpAddr> {
    let family = Family::of(example);
    let edges = blocks.iter().chain(not_public).flat_map(edges);
    let edges: BTreeSet<IpAddr> = edges.filter(|edge| Family::of(*edge) == family).collect();
    let mut seen: BTreeSet<Option<IpNet>> = BTreeSet::new();
    let mut found = Vec::new();
    if around(example, not_public).is_none() {
        seen.insert(around(example, blocks));
        found.push(example);
    }
    let (mut blocks, mut not_public) = (Sweep::over(blocks), Sweep::over(not_public));
    for address in edges {
        let is_public = not_public.around(address).is_none();
        // The smallest block around an address says which others are around it.
        let smallest = blocks.around(address);
        if is_public && seen.insert(smallest) {
            found.push(address);
        }
    }
    found
}

/// The smallest of `blocks` that holds `address`.
fn around(address: IpAddr, blocks: &[IpNet]) -> Option<IpNet> {
    let holding = blocks.iter().filter(|block| block.contains(&address));
    holding
        .max_by_key(|block| block.prefix_len())
        .map(IpNet::trunc)
}

/// Blocks that are asked for one address after the other.
struct Sweep {
    /// Those that begin later, the next one last.
    ahead: Vec<IpNet>,
    /// Those that began, each inside of the one before.
    open: Vec<IpNet>,
}

impl Sweep {
    fn over(blocks: &[IpNet]) -> Self {
        let mut ahead: Vec<IpNet> = blocks.iter().map(IpNet::trunc).collect();
        ahead.sort_unstable_by_key(|block| Reverse((block.network(), block.prefix_len())));
        Self {
            ahead,
            open: Vec::new(),
        }
    }

    /// The smallest block that holds `address`, which is above those that were asked for before.
    fn around(&mut self, address: IpAddr) -> Option<IpNet> {
        while let Some(next) = self.ahead.pop_if(|next| next.network() <= address) {
            self.close(next.network());
            self.open.push(next);
        }
        self.close(address);
        self.open.last().copied()
    }

    /// Leaves the blocks that end before `address`.
    fn close(&mut self, address: IpAddr) {
        while self
            .open
            .pop_if(|block| !block.contains(&address))
            .is_some()
        {}
    }
}

/// Where the block begins, and what comes after it.
fn edges(block: &IpNet) -> Vec<IpAddr> {
    let after = match block.broadcast() {
        IpAddr::V4(last) => u32::from(last)
            .checked_add(1)
            .map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(last) => u128::from(last)
            .checked_add(1)
            .map(|bits| IpAddr::V6(bits.into())),
    };
    [Some(block.network()), after]
        .into_iter()
        .flatten()
        .collect()
}

/// What no public host has, the addresses of the cluster included.
fn not_public(cluster: &Cluster) -> Vec<IpNet> {
    let of_pods = cluster
        .pods
        .values()
        .flat_map(|pod| pod.addresses.iter().chain(&pod.host_addresses));
    let of_nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    let of_services = cluster.services.values().flat_map(|service| {
        let inside = service.cluster_addresses().iter();
        inside.chain(&service.external_addresses)
    });
    let own = of_pods
        .chain(of_nodes)
        .chain(of_services)
        .copied()
        .map(IpNet::from);
    let v4 = NOT_PUBLIC_V4.map(|(address, length)| IpNet::new(IpAddr::V4(address), length));
    let v6 = NOT_PUBLIC_V6.map(|(address, length)| IpNet::new(IpAddr::V6(address), length));
    v4.into_iter().chain(v6).flatten().chain(own).collect()
}
