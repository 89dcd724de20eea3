//! Routes to the pods of other nodes, where nodes share a network that knows nothing of pods.
//!
//! [`decide`] says which routes there have to be; [`Keeper`] sees to it that they are there. Routes of ringfence bear
//! [`PROTOCOL`], and no others are touched.

mod keeper;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::Node;
use ringfence_net::Family;
use ringfence_netlink::route::{InterfaceAddress, Route, RouteKind};

pub use keeper::{Keeper, Told, remove, routes};

/// The number by which the kernel tells routes of ringfence (`rtm_protocol`, as `ip route` shows it).
pub const PROTOCOL: u8 = 82;

/// What routes are decided from.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The own node's name.
    pub own: &'a str,
    /// The blocks of all pods of the cluster.
    pub pod_cidrs: &'a [IpNet],
    /// Every node, the own one too.
    pub nodes: &'a BTreeMap<String, Node>,
    /// The addresses of this machine.
    pub addresses: &'a [InterfaceAddress],
}

/// Which routes there have to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The routes, sorted.
    pub routes: Vec<Route>,
    /// Which pods are not reached, and why; by node.
    pub problems: Vec<String>,
}

/// A route to each block of each other node, through an address of that node on a network of this one.
#[must_use]
pub fn decide(around: &Surroundings<'_>) -> Decision {
    let mut decision = Decision::default();
    let shared = shared(around.nodes);
    let others = around.nodes.values().filter(|node| node.name != around.own);
    for node in others {
        for block in &node.pod_cidrs {
            match route(around, node, *block, &shared) {
                Ok(route) => decision.routes.push(route),
                Err(problem) => decision.problems.push(problem),
            }
        }
    }
    decision.routes.sort_unstable();
    decision.routes.dedup();
    decision
}

fn route(
    around: &Surroundings<'_>,
    node: &Node,
    block: IpNet,
    shared: &BTreeSet<IpNet>,
) -> Result<Route, String> {
    let name = &node.name;
    if !around.pod_cidrs.iter().any(|known| known.contains(&block)) {
        return Err(format!(
            "`{block}` in `spec.podCIDRs` of the Node `{name}` lies in no block of --pod-cidr: its pods are not reached"
        ));
    }
    let rival = shared.contains(&block).then(|| rival(around, node, block));
    if let Some(rival) = rival.flatten() {
        return Err(format!(
            "`{block}` in `spec.podCIDRs` of the Node `{name}` overlaps with a block of the Node `{rival}`: its pods are not reached"
        ));
    }
    let family = Family::of(block.addr());
    let gateways = node
        .addresses
        .iter()
        .filter(|ip| Family::of(**ip) == family);
    let found = gateways
        .copied()
        .find_map(|gateway| Some((gateway, link_to(around, gateway)?)));
    let Some((gateway, index)) = found else {
        return Err(format!(
            "the Node `{name}` has no address of `{block}`'s family in a subnet of this node: its pods are not reached; \
             let the network between the nodes route them, with `network: underlay`"
        ));
    };
    Ok(Route {
        destination: block,
        kind: RouteKind::Device {
            index,
            gateway: Some(gateway),
            onlink: false,
        },
        source: None,
        metric: None,
    })
}

/// The blocks of nodes that hold addresses of another node's. Blocks that have an address in common lie in one another, and in
/// order the larger comes first.
fn shared(nodes: &BTreeMap<String, Node>) -> BTreeSet<IpNet> {
    let blocks = nodes.values().flat_map(|node| {
        let blocks = node.pod_cidrs.iter();
        blocks.map(|block| (block.trunc(), *block, node.name.as_str()))
    });
    let mut blocks: Vec<_> = blocks.collect();
    blocks.sort_unstable();
    let mut shared = BTreeSet::new();
    let mut around: Vec<(IpNet, IpNet, &str)> = Vec::new();
    for found in blocks {
        while around
            .last()
            .is_some_and(|outer| !outer.0.contains(&found.0))
        {
            around.pop();
        }
        for outer in around.iter().filter(|outer| outer.2 != found.2) {
            shared.extend([outer.1, found.1]);
        }
        around.push(found);
    }
    shared
}

/// Another node that says that it has addresses of `block`. Nobody can tell who is right.
fn rival<'a>(around: &Surroundings<'a>, node: &Node, block: IpNet) -> Option<&'a str> {
    let meets = |other: &IpNet| other.contains(&block) || block.contains(other);
    let mut nodes = around.nodes.values();
    let rival = nodes.find(|other| other.name != node.name && other.pod_cidrs.iter().any(meets));
    rival.map(|other| other.name.as_str())
}

/// The interface behind which `gateway` is a neighbour: the one with the smallest subnet that holds it.
fn link_to(around: &Surroundings<'_>, gateway: IpAddr) -> Option<u32> {
    let is_pod = around
        .pod_cidrs
        .iter()
        .any(|block| block.contains(&gateway));
    let is_own = around
        .addresses
        .iter()
        .any(|own| own.address.addr() == gateway);
    if is_pod || is_own || gateway.is_loopback() || gateway.is_unspecified() {
        return None;
    }
    let subnets = around.addresses.iter();
    let subnets = subnets.filter(|own| own.address.contains(&gateway));
    let smallest = subnets.max_by_key(|own| (own.address.prefix_len(), Reverse(own.index)));
    smallest.map(|own| own.index)
}

/// What makes the routes that there are those that there have to be: deletions come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Routes of ours that must go.
    pub delete: Vec<Route>,
    /// Routes that are missing.
    pub add: Vec<Route>,
}

/// Compares the routes that the kernel `held` of [`PROTOCOL`] with those that are `wanted`.
#[must_use]
pub fn changes(held: &[Route], wanted: &[Route]) -> Changes {
    // The kernel gives every route of IPv6 a metric; ours ask for none.
    let plain = |route: &Route| Route {
        metric: None,
        ..route.clone()
    };
    let plainly: BTreeSet<Route> = held.iter().map(plain).collect();
    let all_wanted: BTreeSet<&Route> = wanted.iter().collect();
    let is_wanted = |route: &&Route| all_wanted.contains(&plain(route));
    Changes {
        delete: held
            .iter()
            .filter(|route| !is_wanted(route))
            .cloned()
            .collect(),
        add: wanted
            .iter()
            .filter(|route| !plainly.contains(*route))
            .cloned()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, addresses: &[&str], blocks: &[&str]) -> (String, Node) {
        let node = Node {
            name: name.to_owned(),
            labels: BTreeMap::new(),
            addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
            pod_cidrs: blocks.iter().map(|it| it.parse().unwrap()).collect(),
            kubelet_port: None,
            source: None,
        };
        (name.to_owned(), node)
    }

    fn decided(others: &[(String, Node)]) -> Decision {
        let own = node("one", &["192.168.7.1"], &["10.244.1.0/24"]);
        let nodes = [own].into_iter().chain(others.iter().cloned()).collect();
        let on = |index, text: &str| InterfaceAddress {
            index,
            address: text.parse().unwrap(),
        };
        let around = Surroundings {
            own: "one",
            pod_cidrs: &[
                "10.244.0.0/16".parse().unwrap(),
                "fd00::/48".parse().unwrap(),
            ],
            nodes: &nodes,
            addresses: &[
                on(1, "127.0.0.1/8"),
                on(2, "192.168.7.1/24"),
                on(3, "192.168.0.9/16"),
                on(2, "fd01::1/64"),
                on(4, "169.254.1.1/32"),
            ],
        };
        decide(&around)
    }

    fn through(block: &str, index: u32, gateway: &str) -> Route {
        Route {
            destination: block.parse().unwrap(),
            kind: RouteKind::Device {
                index,
                gateway: Some(gateway.parse().unwrap()),
                onlink: false,
            },
            source: None,
            metric: None,
        }
    }

    #[test]
    fn blocks_lead_to_their_node_by_the_smallest_subnet() {
        let found = decided(&[
            node(
                "two",
                &["203.0.113.2", "192.168.7.2", "fd01::2"],
                &["10.244.2.0/24", "fd00:0:0:2::/64"],
            ),
            node("three", &["192.168.8.3"], &["10.244.3.0/24"]),
        ]);
        let expected = [
            through("10.244.2.0/24", 2, "192.168.7.2"),
            through("10.244.3.0/24", 3, "192.168.8.3"),
            through("fd00:0:0:2::/64", 2, "fd01::2"),
        ];
        assert_eq!(found.routes, expected);
        assert_eq!(found.problems, Vec::<String>::new());
    }

    #[test]
    fn blocks_are_shared_where_another_node_has_some_of_their_addresses() {
        let nodes: BTreeMap<String, Node> = [
            node("a", &[], &["10.0.0.0/8", "10.1.0.0/16", "fd00::/64"]),
            node("b", &[], &["10.1.2.0/24", "10.1.3.7/24", "192.168.0.0/24"]),
            node("c", &[], &["192.168.1.0/24", "fd00::1:0/112", "11.0.0.0/8"]),
            node("d", &[], &["11.0.0.0/8", "10.255.255.0/24", "fd01::/64"]),
        ]
        .into();
        let around = Surroundings {
            own: "one",
            pod_cidrs: &[],
            nodes: &nodes,
            addresses: &[],
        };
        let shared = shared(&nodes);
        for node in nodes.values() {
            for block in &node.pod_cidrs {
                let rival = rival(&around, node, *block);
                assert_eq!(shared.contains(block), rival.is_some(), "{block}");
            }
        }
        assert_eq!(shared.len(), 8);
    }

    #[test]
    fn a_block_that_leads_nowhere_safe_has_no_route_and_a_reason() {
        let table = [
            (
                &["203.0.113.2"][..],
                "10.244.2.0/24",
                "no address of `10.244.2.0/24`'s family in a subnet",
            ),
            (&["192.168.7.2"][..], "fd00:0:0:2::/64", "no address of"),
            (&["192.168.7.1"][..], "10.244.2.0/24", "no address of"),
            (
                &["10.244.2.9", "127.0.0.1", "0.0.0.0"][..],
                "10.244.2.0/24",
                "no address of",
            ),
            (
                &["192.168.7.2"][..],
                "10.0.0.0/8",
                "lies in no block of --pod-cidr",
            ),
            (
                &["192.168.7.2"][..],
                "192.168.7.0/24",
                "lies in no block of --pod-cidr",
            ),
            (
                &["192.168.7.2"][..],
                "10.244.1.128/25",
                "overlaps with a block of the Node `one`",
            ),
            (
                &["192.168.7.2"][..],
                "10.244.0.0/16",
                "overlaps with a block of the Node `one`",
            ),
        ];
        for (addresses, block, reason) in table {
            let found = decided(&[node("two", addresses, &[block])]);
            assert_eq!(found.routes, [], "{block}");
            let [problem] = found.problems.as_slice() else {
                panic!("{block}: {:?}", found.problems)
            };
            assert!(problem.contains(reason), "{problem}");
            assert!(problem.contains("`two`"), "{problem}");
        }
    }

    #[test]
    fn two_nodes_with_one_block_get_none() {
        let found = decided(&[
            node("two", &["192.168.7.2"], &["10.244.2.0/24"]),
            node("three", &["192.168.7.3"], &["10.244.2.0/25"]),
        ]);
        assert_eq!(found.routes, []);
        assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
    }

    #[test]
    fn only_the_difference_is_changed() {
        let kept = through("fd00:0:0:2::/64", 2, "fd01::2");
        let held = [
            Route {
                metric: Some(1024),
                ..kept.clone()
            },
            through("10.244.2.0/24", 2, "192.168.7.2"),
            through("10.244.9.0/24", 2, "192.168.7.9"),
        ];
        let moved = through("10.244.2.0/24", 2, "192.168.7.3");
        let found = changes(&held, &[moved.clone(), kept]);
        assert_eq!(found.delete, held[1..]);
        assert_eq!(found.add, [moved]);
    }
}
