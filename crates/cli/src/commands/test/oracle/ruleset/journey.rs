//! The way of a packet through the hooks of the nodes that it passes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_compile::Compiled;
use ringfence_model::{Cluster, HostPort, ObjectName, Pod, Query};
use ringfence_net::{ConnectionState, Packet, Protocol, TcpFlags};
use ringfence_ruleset::{Evaluator, Hook, Outcome};

use super::node_of;

/// What nodes call their ways to each other and outside.
const UPLINK: &str = "eth0";
/// Any port that a client may have.
const SOURCE_PORT: u16 = 40_000;
/// The first bytes of an echo request, where the source port of other protocols is.
const ECHO: (u16, u16) = (0x0800, 0x8000);
/// What protocols without ports have where rules read one: a checksum.
const NO_PORT: u16 = 0xffff;

/// The host's end of the interface of the pod that is the `index`-th by name.
pub(super) fn interface(index: usize) -> String {
    format!("vethrf{index:x}")
}

/// Where a packet is made, or where an address leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In a pod of the pod network.
    Pod(ObjectName),
    /// On a node itself.
    Node(String),
    /// Anywhere else.
    Outside,
    /// Outside, before this node if one is known.
    Uplink(Option<String>),
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Delivered,
    Dropped,
    Rejected,
}

/// A pod of the pod network as packets meet it.
struct Wire<'a> {
    node: &'a str,
    interface: String,
}

/// The tables of all nodes, ready for many packets.
pub(super) struct World<'a> {
    cluster: &'a Cluster,
    tables: BTreeMap<&'a str, Evaluator<'a>>,
    wires: BTreeMap<&'a ObjectName, Wire<'a>>,
    places: BTreeMap<IpAddr, Place>,
    /// The addresses that several nodes list.
    shared: BTreeSet<IpAddr>,
}

impl<'a> World<'a> {
    pub(super) fn new(cluster: &'a Cluster, tables: &'a BTreeMap<String, Compiled>) -> Self {
        let tables = tables.iter();
        let pods = cluster.pods.iter().enumerate();
        let wires = pods.filter(|(_, (_, pod))| pod.is_on_pod_network());
        Self {
            cluster,
            tables: tables
                .map(|(node, compiled)| {
                    (
                        node.as_str(),
                        Evaluator::new(&compiled.table).without_trace(),
                    )
                })
                .collect(),
            wires: wires
                .map(|(index, (name, pod))| {
                    (
                        name,
                        Wire {
                            node: node_of(pod),
                            interface: interface(index),
                        },
                    )
                })
                .collect(),
            places: places(cluster),
            shared: shared(cluster),
        }
    }

    /// Whose `address` is (rule Q-3).
    pub(super) fn place(&self, address: IpAddr) -> Place {
        self.places.get(&address).cloned().unwrap_or(Place::Outside)
    }

    /// Whether several nodes say that `address` is theirs: nobody knows which of them sends from it.
    pub(super) fn is_shared(&self, address: IpAddr) -> bool {
        self.shared.contains(&address)
    }

    /// Opens the connection once for each choice that tables make among the backends of a Service.
    pub(super) fn send_to_each(
        &self,
        place: &Place,
        from: IpAddr,
        to: IpAddr,
        query: &Query,
    ) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        let (mut choice, mut choices) = (0, 1);
        while choice < choices {
            let packet = opening(from, to, query);
            arrivals.push(self.send(place, packet, &mut |backends| {
                choices = backends;
                choice % backends.max(1)
            }));
            choice += 1;
        }
        arrivals
    }

    fn send(
        &self,
        from: &Place,
        mut packet: Packet,
        choose: &mut dyn FnMut(u32) -> u32,
    ) -> Arrival {
        let first = match from {
            Place::Node(node) => return self.send_from_node(node, packet, choose),
            Place::Pod(name) => self.wires.get(name).map(|wire| {
                packet.input_interface.clone_from(&wire.interface);
                wire.node
            }),
            Place::Outside | Place::Uplink(None) => {
                UPLINK.clone_into(&mut packet.input_interface);
                self.way_in(packet.destination)
            }
            Place::Uplink(Some(node)) => {
                UPLINK.clone_into(&mut packet.input_interface);
                Some(node.as_str())
            }
        };
        match first {
            Some(node) => self.receive(node, packet, choose),
            None => Arrival::Delivered,
        }
    }

    /// The node that the outside reaches `destination` by; Service addresses by any.
    fn way_in(&self, destination: IpAddr) -> Option<&'a str> {
        let any = self.tables.keys().next().copied();
        match self.places.get(&destination) {
            Some(Place::Pod(name)) => self.wires.get(name).map(|wire| wire.node),
            Some(Place::Node(node)) => self
                .tables
                .get_key_value(node.as_str())
                .map(|(node, _)| *node),
            Some(Place::Outside | Place::Uplink(_)) | None => any,
        }
    }

    fn send_from_node(
        &self,
        node: &str,
        mut packet: Packet,
        choose: &mut dyn FnMut(u32) -> u32,
    ) -> Arrival {
        packet.output_interface = self.way_out(node, packet.destination);
        match self.hook(node, Hook::Output, &mut packet, choose) {
            Outcome::Accept => self.leave(node, packet, choose),
            outcome @ (Outcome::Drop | Outcome::Reject) => ended(outcome),
        }
    }

    /// Comes in at `node`: prerouting, then forward or input.
    fn receive(
        &self,
        node: &str,
        mut packet: Packet,
        choose: &mut dyn FnMut(u32) -> u32,
    ) -> Arrival {
        match self.hook(node, Hook::Prerouting, &mut packet, choose) {
            Outcome::Accept => {}
            outcome @ (Outcome::Drop | Outcome::Reject) => return ended(outcome),
        }
        self.lead_on(node, &mut packet);
        if self.place(packet.destination) == Place::Node(node.to_owned()) {
            return ended(self.hook(node, Hook::Input, &mut packet, choose));
        }
        packet.output_interface = self.way_out(node, packet.destination);
        match self.hook(node, Hook::Forward, &mut packet, choose) {
            Outcome::Accept => self.leave(node, packet, choose),
            outcome @ (Outcome::Drop | Outcome::Reject) => ended(outcome),
        }
    }

    /// OB-24: what the plugin for `hostPort` does between our hooks.
    fn lead_on(&self, node: &str, packet: &mut Packet) {
        if self.place(packet.destination) != Place::Node(node.to_owned()) {
            return;
        }
        let on_node = |pod: &&Pod| pod.is_on_pod_network() && pod.node.as_deref() == Some(node);
        let (to, number) = (packet.destination, packet.destination_port);
        let leads = |own: &&HostPort| own.is_dialled(Some(to), packet.protocol, number);
        let of_family = |address: &&IpAddr| address.is_ipv4() == packet.destination.is_ipv4();
        let mut pods = self.cluster.pods.values().filter(on_node);
        let found = pods.find_map(|pod| {
            let own = pod.host_ports.iter().find(leads)?;
            Some((*pod.addresses.iter().find(of_family)?, own.container_port))
        });
        if let Some((address, port)) = found {
            packet.destination = address;
            packet.destination_port = Some(port);
        }
    }

    /// Goes out of `node`: postrouting, then the next node or its end.
    fn leave(&self, node: &str, mut packet: Packet, choose: &mut dyn FnMut(u32) -> u32) -> Arrival {
        packet.output_interface = self.way_out(node, packet.destination);
        match self.hook(node, Hook::Postrouting, &mut packet, choose) {
            Outcome::Accept => {}
            outcome @ (Outcome::Drop | Outcome::Reject) => return ended(outcome),
        }
        let next = match self.places.get(&packet.destination) {
            Some(Place::Pod(name)) => self.wires.get(name).map(|wire| wire.node),
            Some(Place::Node(next)) => Some(next.as_str()),
            Some(Place::Outside | Place::Uplink(_)) | None => None,
        };
        match next.filter(|next| *next != node && self.tables.contains_key(next)) {
            Some(next) => {
                UPLINK.clone_into(&mut packet.input_interface);
                packet.output_interface = String::new();
                self.receive(next, packet, choose)
            }
            None => Arrival::Delivered,
        }
    }

    fn way_out(&self, node: &str, destination: IpAddr) -> String {
        let wire = match self.places.get(&destination) {
            Some(Place::Pod(name)) => self.wires.get(name).filter(|wire| wire.node == node),
            Some(Place::Node(_) | Place::Outside | Place::Uplink(_)) | None => None,
        };
        wire.map_or_else(|| UPLINK.to_owned(), |wire| wire.interface.clone())
    }

    /// Runs a hook and applies its translations.
    fn hook(
        &self,
        node: &str,
        hook: Hook,
        packet: &mut Packet,
        choose: &mut dyn FnMut(u32) -> u32,
    ) -> Outcome {
        let Some(table) = self.tables.get(node) else {
            return Outcome::Accept;
        };
        let result = table.evaluate(hook, packet, choose);
        if let Some((address, port)) = result.destination {
            packet.destination = address;
            packet.destination_port = Some(port);
        }
        if result.masquerade {
            packet.source = self.own_address(node, packet.source);
        }
        result.outcome
    }

    /// The node's address of the same family as `instead_of`.
    fn own_address(&self, node: &str, instead_of: IpAddr) -> IpAddr {
        let own = self
            .cluster
            .nodes
            .get(node)
            .into_iter()
            .flat_map(|node| &node.addresses);
        let mut of_family = own.filter(|own| own.is_ipv4() == instead_of.is_ipv4());
        of_family.next().copied().unwrap_or(instead_of)
    }
}

/// Whose each address is. Pods come before nodes, and of nodes that claim one address the first by name has it (rules Q-3,
///
fn places(cluster: &Cluster) -> BTreeMap<IpAddr, Place> {
    let live = || cluster.pods.values().filter(|pod| pod.is_live());
    let reported = live().flat_map(|pod| {
        let place = Place::Node(node_of(pod).to_owned());
        pod.host_addresses
            .iter()
            .map(move |address| (address, place.clone()))
    });
    let nodes = cluster.nodes.values().flat_map(|node| {
        let place = Place::Node(node.name.clone());
        node.addresses
            .iter()
            .map(move |address| (address, place.clone()))
    });
    let pods = live().filter(|pod| !pod.host_network).flat_map(|pod| {
        let place = Place::Pod(pod.name.clone());
        pod.addresses
            .iter()
            .map(move |address| (address, place.clone()))
    });
    let mut of_nodes: Vec<(&IpAddr, Place)> = reported.chain(nodes).collect();
    of_nodes.sort_by(|(_, one), (_, two)| two.cmp(one));
    let all = of_nodes.into_iter().chain(pods);
    all.map(|(address, place)| (address.to_canonical(), place))
        .collect()
}

fn shared(cluster: &Cluster) -> BTreeSet<IpAddr> {
    let mut seen = BTreeSet::new();
    let nodes = cluster.nodes.values();
    let of_each = nodes.map(|node| node.addresses.iter().map(IpAddr::to_canonical));
    let listed = of_each.flat_map(BTreeSet::from_iter);
    listed.filter(|address| !seen.insert(*address)).collect()
}

/// The packet that opens the connection of `query`.
fn opening(source: IpAddr, destination: IpAddr, query: &Query) -> Packet {
    let (v4, v6) = ECHO;
    let echo = if source.is_ipv4() { v4 } else { v6 };
    let is_tcp = query.protocol == Protocol::Tcp.into();
    Packet {
        source,
        destination,
        protocol: query.protocol,
        source_port: Some(if query.port.is_some() {
            SOURCE_PORT
        } else {
            echo
        }),
        destination_port: query.port.or(Some(NO_PORT)),
        tcp_flags: if is_tcp { TcpFlags::SYN } else { TcpFlags(0) },
        state: ConnectionState::New,
        input_interface: String::new(),
        output_interface: String::new(),
    }
}

fn ended(outcome: Outcome) -> Arrival {
    match outcome {
        Outcome::Accept => Arrival::Delivered,
        Outcome::Drop => Arrival::Dropped,
        Outcome::Reject => Arrival::Rejected,
    }
}
