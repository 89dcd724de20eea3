//! Who gets in to the node itself (rules HF-*).

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::Direction;
use ringfence_net::{ConnectionState, Protocol};
use ringfence_policy::Reach;

use super::{Clause, Expect, Expectation, Place, clause};
use crate::axes::{protocols, states};
use crate::bits::Bits;
use crate::machine::Fate;
use crate::region::Axis;

const WHY: &str = "no rule of a host firewall lets it in (rule HF-2)";

impl Expectation<'_> {
    /// What is delivered to the node, but what belongs to a connection and what nodes send each other through tunnels
    /// (rule HF-6).
    pub(super) fn closed_node(&self) -> Vec<Clause> {
        let judged = states([
            ConnectionState::New,
            ConnectionState::Related,
            ConnectionState::Invalid,
            ConnectionState::Untracked,
        ]);
        self.closed(&[(Axis::State, judged)])
    }

    /// Ports of this node that lead elsewhere, for those from outside (rule HF-8).
    pub(super) fn closed_ports(&self) -> Vec<Clause> {
        let is_own = |ip: IpAddr| self.facts.own.contains(&ip);
        let outside = |name: &str| !self.facts.is_pod_interface(name);
        self.closed(&[
            (Axis::Destination, self.axes.destination.matching(is_own)),
            (Axis::Input, self.axes.interfaces(Axis::Input, outside)),
        ])
    }

    fn closed(&self, limits: &[(Axis, Bits)]) -> Vec<Clause> {
        let engine = &self.facts.engines(self.axes.family).policies;
        let node = &self.facts.wiring.node;
        let is_closed = engine.cluster().host_firewalls_of(node).next().is_some();
        let Some(class) = engine.class_of_node(node).filter(|_| is_closed) else {
            return Vec::new();
        };
        let mut alike: BTreeMap<Reach, Vec<usize>> = BTreeMap::new();
        for (atom, address) in self.axes.source.examples().enumerate() {
            if !self.is_left_out(address) {
                let peer = engine.class_of_address(address);
                let reach = engine.one_way(Direction::Ingress, class, peer);
                alike.entry(reach).or_default().push(atom);
            }
        }
        let is_arriving = |name: &str| name != "lo";
        let arriving = (Axis::Input, self.axes.interfaces(Axis::Input, is_arriving));
        let mut clauses = vec![self.left_out(limits)];
        for (reach, atoms) in alike {
            let sources = Bits::of(self.axes.source.len(), atoms);
            for protocol in Protocol::ALL {
                let mut found = limits.to_vec();
                found.push(arriving.clone());
                found.push((Axis::Source, sources.clone()));
                found.push((Axis::Protocol, protocols([protocol.number()])));
                found.push((Axis::Port, self.closed_to(&reach, protocol)));
                clauses.push(clause(found, Fate::Drop, WHY));
            }
        }
        clauses
    }

    /// The kernel lets nobody else use an address of this node; of addresses that several pods claim nothing is said.
    fn is_left_out(&self, address: IpAddr) -> bool {
        self.facts.own.contains(&address) || self.facts.contested.contains(&address)
    }

    fn left_out(&self, limits: &[(Axis, Bits)]) -> Clause {
        let sources = self.axes.source.matching(|ip| self.is_left_out(ip));
        let mut found = limits.to_vec();
        found.push((Axis::Source, sources));
        let numbers = Protocol::ALL.map(Protocol::number);
        found.push((Axis::Protocol, protocols(numbers)));
        Clause {
            limits: found,
            expect: Expect::Anything,
        }
    }

    /// The ports that stay closed; a header too short for one has none that is open.
    fn closed_to(&self, reach: &Reach, protocol: Protocol) -> Bits {
        let ports = &self.axes.ports;
        let may = reach.allowed.union(&reach.unknown);
        let none = Bits::empty(ports.len());
        let open = may.ports(protocol).ranges().iter();
        let open = open.fold(none, |bits, range| {
            bits.or(&ports.bits(range.first(), range.last()))
        });
        // Nobody's port, of which the engine says nothing.
        let open = open.without(&ports.bits(0, 0));
        // What nodes send each other through tunnels is not tracked, and translated by nobody.
        let is_delivered = self.place == Place::Input && protocol == Protocol::Udp;
        let tunnel = self.facts.wiring.tunnel_port.filter(|_| is_delivered);
        let passes = tunnel.map_or(Bits::empty(ports.len()), |port| ports.bits(port, port));
        Bits::full(ports.len()).without(&open).without(&passes)
    }
}
