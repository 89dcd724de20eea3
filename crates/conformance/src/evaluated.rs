//! The way of a packet through the compiled tables of both nodes, in memory.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_compile::Compiled;
use ringfence_model::Cluster;
use ringfence_net::{ConnectionState, IpProtocol, Packet, Protocol, TcpFlags};
use ringfence_ruleset::{Evaluator, Hook, Outcome};

use crate::fate::{Arrival, Fate};
use crate::packet::Opening;
use crate::plan::{NodeId, Place, Slot, place};

/// What nodes call their ways to each other and outside.
const UPLINK: &str = "eth0";
/// Bytes 2 and 3 of protocols without ports, where rules read a port: a checksum.
const NO_PORT: u16 = 0xffff;

/// The tables of a cluster, ready for many packets.
#[derive(Debug)]
pub struct Evaluated<'a> {
    cluster: &'a Cluster,
    tables: BTreeMap<NodeId, Evaluator<'a>>,
}

/// One packet on its way, with its choices among backends.
struct Journey<'a> {
    evaluated: &'a Evaluated<'a>,
    packet: Packet,
    has_port: bool,
    masqueraded: bool,
    choice: u32,
    /// The modulus of the last choice: how many backends there are.
    choices: u32,
}

impl<'a> Evaluated<'a> {
    /// The tables of both nodes for this cluster.
    #[must_use]
    pub fn new(cluster: &'a Cluster, compiled: &'a BTreeMap<NodeId, Compiled>) -> Self {
        let tables = compiled.iter();
        Self {
            cluster,
            tables: tables
                .map(|(node, compiled)| (*node, Evaluator::new(&compiled.table)))
                .collect(),
        }
    }

    /// The fate of the packet sent from `place`, for each choice among the backends of a Service.
    #[must_use]
    pub fn fates(&self, from: Place, opening: &Opening) -> Vec<Fate> {
        let mut fates = Vec::new();
        let (mut choice, mut choices) = (0, 1);
        while choice < choices {
            let mut journey = Journey::new(self, opening, choice);
            fates.push(journey.run(from));
            choices = journey.choices;
            choice += 1;
        }
        fates
    }
}

impl<'a> Journey<'a> {
    fn new(evaluated: &'a Evaluated<'a>, opening: &Opening, choice: u32) -> Self {
        let is_tcp = opening.protocol == Protocol::Tcp.into();
        let packet = Packet {
            source: opening.source,
            destination: opening.destination,
            protocol: opening.protocol,
            source_port: Some(first_bytes(opening)),
            destination_port: opening.port.or(Some(NO_PORT)),
            tcp_flags: if is_tcp { TcpFlags::SYN } else { TcpFlags(0) },
            state: ConnectionState::New,
            input_interface: String::new(),
            output_interface: String::new(),
        };
        Self {
            evaluated,
            packet,
            has_port: opening.port.is_some(),
            masqueraded: false,
            choice,
            choices: 1,
        }
    }

    fn run(&mut self, from: Place) -> Fate {
        let destination = self.packet.destination;
        if destination.is_loopback() || self.belongs_to(from, destination) {
            return self.arrive(from);
        }
        match from {
            Place::Pod(slot) => self.receive(slot.node, slot.host_interface()),
            Place::Node(node) => self.send(node),
            Place::Outside => match first_node(self.evaluated.cluster, destination) {
                Some(node) => self.receive(node, UPLINK.to_owned()),
                None => self.arrive(Place::Outside),
            },
        }
    }

    /// What a pod sends to itself never leaves it.
    fn belongs_to(&self, from: Place, destination: IpAddr) -> bool {
        matches!(from, Place::Pod(_)) && place(self.evaluated.cluster, destination) == from
    }

    /// Made on `node`.
    fn send(&mut self, node: NodeId) -> Fate {
        self.packet.output_interface = self.way_out(node);
        match self.hook(node, Hook::Output) {
            Some(stopped) => stopped,
            None if self.is_local(node) => self.deliver(node, "lo"),
            None => self.leave(node),
        }
    }

    /// Comes in at `node`.
    fn receive(&mut self, node: NodeId, interface: String) -> Fate {
        self.packet.input_interface = interface;
        self.packet.output_interface = String::new();
        if let Some(stopped) = self.hook(node, Hook::Prerouting) {
            return stopped;
        }
        if self.is_local(node) {
            let interface = self.packet.input_interface.clone();
            return self.deliver(node, &interface);
        }
        self.packet.output_interface = self.way_out(node);
        match self.hook(node, Hook::Forward) {
            Some(stopped) => stopped,
            None => self.leave(node),
        }
    }

    fn deliver(&mut self, node: NodeId, interface: &str) -> Fate {
        interface.clone_into(&mut self.packet.input_interface);
        self.packet.output_interface = String::new();
        let stopped = self.hook(node, Hook::Input);
        stopped.unwrap_or_else(|| self.arrive(Place::Node(node)))
    }

    /// Goes out of `node`.
    fn leave(&mut self, node: NodeId) -> Fate {
        self.packet.output_interface = self.way_out(node);
        if let Some(stopped) = self.hook(node, Hook::Postrouting) {
            return stopped;
        }
        let to = place(self.evaluated.cluster, self.packet.destination);
        match to {
            Place::Pod(Slot { node: next, .. }) | Place::Node(next) if next != node => {
                self.receive(next, UPLINK.to_owned())
            }
            Place::Pod(_) | Place::Node(_) => self.arrive(to),
            Place::Outside => match pod_block_of(self.packet.destination) {
                Some(next) if next != node => self.receive(next, UPLINK.to_owned()),
                Some(_) | None => self.arrive(to),
            },
        }
    }

    fn is_local(&self, node: NodeId) -> bool {
        place(self.evaluated.cluster, self.packet.destination) == Place::Node(node)
    }

    fn way_out(&self, node: NodeId) -> String {
        match place(self.evaluated.cluster, self.packet.destination) {
            Place::Pod(slot) if slot.node == node => slot.host_interface(),
            Place::Pod(_) | Place::Node(_) | Place::Outside => UPLINK.to_owned(),
        }
    }

    /// Runs a hook and translates; gives the packet's fate if it ends here.
    fn hook(&mut self, node: NodeId, hook: Hook) -> Option<Fate> {
        let (choice, mut choices) = (self.choice, self.choices);
        let result = self.evaluated.tables[&node].evaluate(hook, &self.packet, &mut |modulus| {
            choices = modulus;
            choice % modulus
        });
        self.choices = choices;
        if let Some((address, port)) = result.destination {
            self.packet.destination = address;
            self.packet.destination_port = Some(port);
        }
        if result.masquerade {
            self.masqueraded = true;
            let [v4, v6] = node.addresses();
            let is_v4 = self.packet.source.is_ipv4();
            self.packet.source = if is_v4 { v4 } else { v6 };
        }
        match result.outcome {
            Outcome::Accept => None,
            Outcome::Drop => Some(Fate::Dropped),
            Outcome::Reject => Some(Fate::Rejected),
        }
    }

    fn arrive(&self, place: Place) -> Fate {
        Fate::Arrived(Arrival {
            place,
            port: self.packet.destination_port.filter(|_| self.has_port),
            masqueraded: self.masqueraded,
        })
    }
}

/// Source port, or type and code of ICMP.
fn first_bytes(opening: &Opening) -> u16 {
    let echo = if opening.protocol == IpProtocol::ICMPV6 {
        128
    } else {
        8
    };
    match opening.port {
        Some(_) => 40_000,
        None => u16::from_be_bytes([opening.kind.unwrap_or(echo), 0]),
    }
}

/// The node that the outside sends packets for this address to: Service addresses are dialled through the first.
fn first_node(cluster: &Cluster, destination: IpAddr) -> Option<NodeId> {
    let services = crate::plan::service_blocks().into_iter();
    let blocks = services.chain(crate::plan::external_service_blocks());
    match place(cluster, destination) {
        Place::Pod(slot) => Some(slot.node),
        Place::Node(node) => Some(node),
        Place::Outside => pod_block_of(destination).or_else(|| {
            let served = blocks.into_iter().any(|block| block.contains(&destination));
            served.then_some(NodeId::One)
        }),
    }
}

/// The node that the address would be on, if it were a pod's.
fn pod_block_of(address: IpAddr) -> Option<NodeId> {
    let has = |node: &NodeId| {
        node.pod_blocks()
            .iter()
            .any(|block| block.contains(&address))
    };
    NodeId::ALL.into_iter().find(has)
}
