//! Two nodes with room for pods, and a host outside, wired as in production.
//!
//! Pods hang on their node by the CNI plugin's own code, the nodes are joined by VXLAN over a bridge, and what is
//! neither pod nor node is the bridge's namespace. Built once; for each cluster only the routes to pods change, so
//! that the address of a pod which is not there leads where it leads in production: outside.

mod node;
mod outside;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ringfence_cni::plan::Plan;
use ringfence_cni::wiring::wire;
use ringfence_model::Cluster;
use ringfence_netlink::namespace::{self, run_in};
use ringfence_netlink::nftables::Nftables;
use ringfence_netlink::route::{MacAddress, Route, RouteKind, RouteSocket};
use ringfence_ruleset::{BaseChain, ChainKind, Hook, Operation, Rule, Statement, Verdict};

use crate::plan::{NodeId, Place, Slot, wired};

/// Largest packet of a pod.
const POD_MTU: u32 = 1450;
/// Largest packet between nodes.
const UNDERLAY_MTU: u32 = 1500;
const MUTE: &str = "mute";

/// The namespaces.
#[derive(Debug)]
pub struct Wiring {
    nodes: BTreeMap<NodeId, Node>,
    pods: BTreeMap<Slot, OwnedFd>,
    outside: OwnedFd,
}

#[derive(Debug)]
struct Node {
    namespace: OwnedFd,
    routes: RouteSocket,
    /// The node's ends of the pods' wires.
    interfaces: BTreeMap<Slot, u32>,
    /// Addresses that routes lead to now.
    reachable: BTreeSet<IpAddr>,
}

impl Wiring {
    /// Builds everything, apart from the calling thread's namespace.
    ///
    /// # Panics
    /// If the kernel refuses a step.
    #[must_use]
    pub fn build() -> Self {
        let outside = namespace::create().expect("a namespace");
        let nodes: BTreeMap<NodeId, OwnedFd> = NodeId::ALL
            .map(|node| (node, namespace::create().expect("a namespace")))
            .into();
        run_in(&outside, || outside::build(&nodes)).expect("outside");
        for (node, namespace) in &nodes {
            run_in(namespace, || node::build(*node)).expect("a node");
        }
        let pods: BTreeMap<Slot, OwnedFd> = Slot::all()
            .map(|slot| (slot, namespace::create().expect("a namespace")))
            .collect();
        let nodes = nodes
            .into_iter()
            .map(|(node, namespace)| (node, Node::build(node, namespace, &pods)))
            .collect();
        Self {
            nodes,
            pods,
            outside,
        }
    }

    /// The namespace of a place.
    #[must_use]
    pub fn namespace(&self, place: Place) -> BorrowedFd<'_> {
        match place {
            Place::Pod(slot) => self.pods[&slot].as_fd(),
            Place::Node(node) => self.nodes[&node].namespace.as_fd(),
            Place::Outside => self.outside.as_fd(),
        }
    }

    /// All places.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let nodes = self.nodes.keys().copied().map(Place::Node);
        let pods = self.pods.keys().copied().map(Place::Pod);
        nodes.chain(pods).chain([Place::Outside])
    }

    /// Has routes lead to the addresses of the live pods of `cluster`, and to no other pod address.
    ///
    /// # Panics
    /// If the kernel refuses a route.
    pub fn route(&mut self, cluster: &Cluster) {
        for (id, node) in &mut self.nodes {
            let local = wired(cluster).filter(|(_, slot)| slot.node == *id);
            node.route(local.flat_map(|(pod, _)| pod.addresses.clone()).collect());
        }
    }
}

impl Node {
    fn build(id: NodeId, namespace: OwnedFd, pods: &BTreeMap<Slot, OwnedFd>) -> Self {
        let local: BTreeMap<Slot, &OwnedFd> = pods
            .iter()
            .filter(|(slot, _)| slot.node == id)
            .map(|(slot, namespace)| (*slot, namespace))
            .collect();
        let (routes, interfaces) = run_in(&namespace, || {
            let attach = |(slot, pod): (&Slot, &&OwnedFd)| (*slot, attach(*slot, pod.as_fd()));
            let interfaces: BTreeMap<Slot, u32> = local.iter().map(attach).collect();
            (RouteSocket::open().expect("a route socket"), interfaces)
        })
        .expect("the node's namespace");
        Self {
            reachable: interfaces
                .keys()
                .flat_map(|slot| slot.addresses())
                .collect(),
            namespace,
            routes,
            interfaces,
        }
    }

    fn route(&mut self, wanted: BTreeSet<IpAddr>) {
        for address in self.reachable.difference(&wanted) {
            let route = self.route_to(*address);
            self.routes.delete_route(&route).expect("no route");
        }
        for address in wanted.difference(&self.reachable) {
            let route = self.route_to(*address);
            self.routes.add_route(&route).expect("a route");
        }
        self.reachable = wanted;
    }

    /// As the CNI plugin writes it.
    fn route_to(&self, address: IpAddr) -> Route {
        let slot = Slot::at(address).expect("a pod's address");
        Route {
            destination: address.into(),
            kind: RouteKind::Device {
                index: self.interfaces[&slot],
                gateway: None,
                onlink: false,
            },
            source: None,
            metric: None,
        }
    }
}

/// Wires one pod to the node whose namespace the thread is in, and gives the number of the node's end.
fn attach(slot: Slot, pod: BorrowedFd<'_>) -> u32 {
    let plan = Plan::new(&slot.attachment(), &slot.addresses(), POD_MTU);
    wire(&plan, pod).expect("the pod's wires");
    run_in(pod, mute).expect("the pod's namespace");
    let mut socket = RouteSocket::open().expect("a route socket");
    let link = socket.link_by_name(&plan.host_interface);
    link.expect("the node's end").index
}

/// Has this namespace answer nothing: packets are seen before, and answers would only be in the way.
fn mute() {
    let drop = Rule {
        statements: vec![Statement::Verdict(Verdict::Drop)],
        comment: None,
    };
    let base = BaseChain {
        kind: ChainKind::Filter,
        hook: Hook::Input,
        priority: 0,
    };
    let operations = [
        Operation::AddTable { comment: None },
        Operation::AddChain {
            name: "input".to_owned(),
            base: Some(base),
        },
        Operation::AddRule {
            chain: "input".to_owned(),
            rule: drop,
        },
    ];
    let mut nftables = Nftables::open().expect("an nf_tables socket");
    nftables.apply(MUTE, &operations).expect("a mute namespace");
}

/// Hardware addresses that both sides know beforehand, so that no packet waits for an answer.
const fn mac(last: u8) -> MacAddress {
    MacAddress([0x02, 0x72, 0x66, 0, 0, last])
}

const fn uplink_mac(node: NodeId) -> MacAddress {
    mac(node.number())
}

const fn tunnel_mac(node: NodeId) -> MacAddress {
    mac(0x10 + node.number())
}

const ROUTER_MAC: MacAddress = mac(0xff);
