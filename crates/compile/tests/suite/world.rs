//! A cluster as packets meet it: one table per node, and the way of a packet through their hooks.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_compile::{
    Capacity, Compiled, Enforcement, LocalEndpoint, NetworkConfig, NodeView, Supposed, compile,
};
use ringfence_model::{Cluster, Direction, ObjectName, Pod};
use ringfence_net::{ConnectionState, IpProtocol, Packet, Protocol, TcpFlags};
use ringfence_ruleset::{Action, Hook, Outcome, Step, Table, Verdict, evaluate};
use ringfence_testkit::builder::{PodBuilder, pod};

/// Where pods without a node live: on one that has no address.
pub(crate) const NOWHERE: &str = "nowhere";

const UPLINK: &str = "eth0";

/// The tables of all nodes of a cluster.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) nodes: BTreeMap<String, Compiled>,
    /// Directions of which a table reported that policies in audit mode would deny them, since this was last looked at.
    audited: RefCell<BTreeSet<Direction>>,
}

/// Who a packet comes from, or who an address belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Pod { node: String, name: ObjectName },
    Node(String),
    Outside,
}

/// What becomes of a packet on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Delivered,
    Dropped,
    Rejected,
}

pub(crate) fn network() -> NetworkConfig {
    NetworkConfig {
        pod_cidrs: vec![
            "10.0.0.0/16".parse().unwrap(),
            "fd00:10::/32".parse().unwrap(),
        ],
        service_cidrs: vec![
            "10.96.0.0/16".parse().unwrap(),
            "fd00:96::/32".parse().unwrap(),
        ],
        tunnel_port: Some(8472),
        record: ringfence_compile::Record::Denied,
        capacity: Capacity {
            addresses: 64,
            entries: 64,
        },
    }
}

pub(crate) fn node_of(pod: &Pod) -> &str {
    pod.node.as_deref().unwrap_or(NOWHERE)
}

/// Every node of the cluster, and the one of pods without node.
pub(crate) fn node_names(cluster: &Cluster) -> BTreeSet<String> {
    let of_pods = cluster.pods.values().map(|pod| node_of(pod).to_owned());
    let all = cluster.nodes.keys().cloned().chain(of_pods);
    all.chain([NOWHERE.to_owned()]).collect()
}

/// The host's end of a pod's interface, a function of its name.
fn interface(pod: &ObjectName) -> String {
    let bytes = pod.to_string().into_bytes();
    let sum = bytes.into_iter().fold(0_u32, |sum, byte| {
        sum.wrapping_mul(16_777_619) ^ u32::from(byte)
    });
    format!("vethrf{sum:08x}")
}

/// The pods wired on `node`.
pub(crate) fn endpoints(cluster: &Cluster, node: &str) -> Vec<LocalEndpoint> {
    let pods = cluster.pods.values();
    let wired = pods.filter(|pod| pod.is_on_pod_network() && node_of(pod) == node);
    wired
        .map(|pod| LocalEndpoint {
            pod: pod.name.clone(),
            host_interface: interface(&pod.name),
            addresses: pod.addresses.clone(),
        })
        .collect()
}

/// `x/NAME` on n1, which its label `app` names too, with an address of each family.
pub(crate) fn wired_pod(name: &str, last: u8) -> PodBuilder {
    pod(&format!("x/{name}"))
        .label("app", name)
        .address(&format!("10.0.1.{last}"))
        .address(&format!("fd00:10:1::{last}"))
        .on_node("n1")
}

pub(crate) fn compile_node(cluster: &Cluster, node: &str, enforcement: Enforcement) -> Compiled {
    let view = NodeView {
        name: node,
        endpoints: &endpoints(cluster, node),
        network: &network(),
        enforcement,
    };
    compile(cluster, &view).unwrap()
}

/// The table of a node that is known from manifests alone.
pub(crate) fn compile_supposed(supposed: &Supposed) -> Compiled {
    let view = NodeView {
        name: "supposed",
        endpoints: &supposed.endpoints,
        network: &supposed.network,
        enforcement: Enforcement::On,
    };
    compile(&supposed.cluster, &view).unwrap()
}

impl World {
    /// Whom load balancers let in is no part of a verdict (rule AM-26): `hooks` has it.
    pub(crate) fn new(cluster: &Cluster, enforcement: Enforcement) -> Self {
        let mut open = cluster.clone();
        for service in open.services.values_mut() {
            service.traffic.admitted = None;
        }
        let names = node_names(&open).into_iter();
        Self {
            nodes: names
                .map(|name| {
                    let compiled = compile_node(&open, &name, enforcement);
                    (name, compiled)
                })
                .collect(),
            cluster: cluster.clone(),
            audited: RefCell::default(),
        }
    }

    /// The directions that were reported since this was last called.
    pub(crate) fn take_audited(&self) -> BTreeSet<Direction> {
        self.audited.take()
    }

    fn table(&self, node: &str) -> &Table {
        &self.nodes[node].table
    }

    /// Whose `address` is (rule Q-3).
    pub(crate) fn place(&self, address: IpAddr) -> Place {
        let live = || self.cluster.pods.values().filter(|pod| pod.is_live());
        let pod = live().find(|pod| !pod.host_network && pod.addresses.contains(&address));
        if let Some(pod) = pod {
            return Place::Pod {
                node: node_of(pod).to_owned(),
                name: pod.name.clone(),
            };
        }
        let nodes = self.cluster.nodes.values();
        let by_object = nodes
            .filter(|node| node.addresses.contains(&address))
            .map(|node| node.name.clone());
        let by_pod = live()
            .filter(|pod| pod.host_addresses.contains(&address))
            .map(|pod| node_of(pod).to_owned());
        by_object
            .chain(by_pod)
            .next()
            .map_or(Place::Outside, Place::Node)
    }

    /// Sends the opening packet of a connection on its way. `backend` answers `numgen random mod n`.
    pub(crate) fn send(
        &self,
        from: &Place,
        mut packet: Packet,
        backend: &mut dyn FnMut(u32) -> u32,
    ) -> Arrival {
        let first = match from {
            Place::Pod { node, name } => {
                packet.input_interface = interface(name);
                node.clone()
            }
            Place::Node(node) => return self.send_from_node(node, packet, backend),
            Place::Outside => {
                packet.input_interface = UPLINK.to_owned();
                match self.place(packet.destination) {
                    Place::Pod { node, .. } | Place::Node(node) => node,
                    Place::Outside => self.nodes.keys().next().unwrap().clone(),
                }
            }
        };
        self.receive(&first, packet, backend)
    }

    fn send_from_node(
        &self,
        node: &str,
        mut packet: Packet,
        backend: &mut dyn FnMut(u32) -> u32,
    ) -> Arrival {
        match self.hook(node, Hook::Output, &mut packet, backend) {
            Outcome::Accept => self.leave(node, packet, backend),
            outcome @ (Outcome::Drop | Outcome::Reject) => stopped(outcome),
        }
    }

    /// A packet that comes in at a node: prerouting, then forward or input.
    fn receive(
        &self,
        node: &str,
        mut packet: Packet,
        backend: &mut dyn FnMut(u32) -> u32,
    ) -> Arrival {
        match self.hook(node, Hook::Prerouting, &mut packet, backend) {
            Outcome::Accept => {}
            outcome @ (Outcome::Drop | Outcome::Reject) => return stopped(outcome),
        }
        self.lead_on(node, &mut packet);
        if self.place(packet.destination) == Place::Node(node.to_owned()) {
            let outcome = self.hook(node, Hook::Input, &mut packet, backend);
            return stopped(outcome);
        }
        packet.output_interface = self.output_interface(node, &packet);
        match self.hook(node, Hook::Forward, &mut packet, backend) {
            Outcome::Accept => self.leave(node, packet, backend),
            outcome @ (Outcome::Drop | Outcome::Reject) => stopped(outcome),
        }
    }

    /// OB-24: another plugin leads the ports of a node to pods on it, after our prerouting and before our forward hook.
    fn lead_on(&self, node: &str, packet: &mut Packet) {
        if self.place(packet.destination) != Place::Node(node.to_owned()) {
            return;
        }
        let here = |pod: &&Pod| pod.is_on_pod_network() && node_of(pod) == node;
        for pod in self.cluster.pods.values().filter(here) {
            let (to, port) = (packet.destination, packet.destination_port);
            let mut ports = pod.host_ports.iter();
            let led = ports.find(|own| own.is_dialled(Some(to), packet.protocol, port));
            let mut addresses = pod.addresses.iter();
            let same = addresses.find(|one| one.is_ipv4() == packet.destination.is_ipv4());
            if let (Some(own), Some(address)) = (led, same) {
                packet.destination = *address;
                packet.destination_port = Some(own.container_port);
                return;
            }
        }
    }

    /// A packet that leaves a node: postrouting, then the next node or its end.
    fn leave(
        &self,
        node: &str,
        mut packet: Packet,
        backend: &mut dyn FnMut(u32) -> u32,
    ) -> Arrival {
        packet.output_interface = self.output_interface(node, &packet);
        let outcome = self.hook(node, Hook::Postrouting, &mut packet, backend);
        if outcome != Outcome::Accept {
            return stopped(outcome);
        }
        match self.place(packet.destination) {
            Place::Pod { node: next, .. } | Place::Node(next) if next != node => {
                packet.input_interface = UPLINK.to_owned();
                packet.output_interface = String::new();
                self.receive(&next, packet, backend)
            }
            Place::Pod { .. } | Place::Node(_) | Place::Outside => Arrival::Delivered,
        }
    }

    fn output_interface(&self, node: &str, packet: &Packet) -> String {
        match self.place(packet.destination) {
            Place::Pod { node: own, name } if own == node => interface(&name),
            Place::Pod { .. } | Place::Node(_) | Place::Outside => UPLINK.to_owned(),
        }
    }

    /// Runs one hook and applies its translations.
    fn hook(
        &self,
        node: &str,
        hook: Hook,
        packet: &mut Packet,
        backend: &mut dyn FnMut(u32) -> u32,
    ) -> Outcome {
        let result = evaluate(self.table(node), hook, packet, backend);
        self.audited
            .borrow_mut()
            .extend(result.trace.iter().filter_map(reported));
        if let Some((address, port)) = result.destination {
            packet.destination = address;
            packet.destination_port = Some(port);
        }
        if result.masquerade {
            let own = self.cluster.nodes.get(node).into_iter();
            let mut own = own.flat_map(|node| &node.addresses);
            let of_family = own.find(|own| own.is_ipv4() == packet.source.is_ipv4());
            packet.source = of_family.copied().unwrap_or(packet.source);
        }
        result.outcome
    }
}

/// The direction whose report a step leads to.
fn reported(step: &Step) -> Option<Direction> {
    let Action::Verdict(Verdict::Goto(chain)) = &step.action else {
        return None;
    };
    let direction = Direction::ALL.into_iter();
    let mut direction = direction.filter(|it| *chain == format!("report-audit-{it}"));
    direction.next()
}

fn stopped(outcome: Outcome) -> Arrival {
    match outcome {
        Outcome::Accept => Arrival::Delivered,
        Outcome::Drop => Arrival::Dropped,
        Outcome::Reject => Arrival::Rejected,
    }
}

/// The packet that opens a connection. Other protocols than those with ports carry bytes that look like one.
pub(crate) fn opening(
    source: IpAddr,
    destination: IpAddr,
    protocol: IpProtocol,
    port: Option<u16>,
) -> Packet {
    let is_tcp = protocol == Protocol::Tcp.into();
    Packet {
        source,
        destination,
        protocol,
        source_port: Some(if port.is_some() { 40_000 } else { 0x8000 }),
        destination_port: port.or(Some(8080)),
        tcp_flags: if is_tcp { TcpFlags::SYN } else { TcpFlags(0) },
        state: ConnectionState::New,
        input_interface: String::new(),
        output_interface: String::new(),
    }
}
