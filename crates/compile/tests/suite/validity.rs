//! The tables matter: without enforcement every refusal is gone, and each element that a policy causes changes
//! the fate of some packet.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_compile::{Compiled, Enforcement, ObjectRef};
use ringfence_model::Cluster;
use ringfence_net::{Family, IpProtocol, PortRange, Protocol};
use ringfence_reference::answer;
use ringfence_ruleset::{Datum, Evaluator, Hook, Key, Outcome, Table, Value};
use ringfence_testkit::decider::{Decider, ReferenceDecider, Verdict};
use ringfence_testkit::flows;
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;

use crate::evaluated::{EvaluatedDecider, judge};
use crate::world::{World, opening};

const ANYONE: u32 = 0xffff_fffe;

#[test]
fn without_enforcement_every_refusal_is_gone() {
    let mut off = EvaluatedDecider::new(Enforcement::Off);
    let mut refused = 0;
    for seed in 0..300 {
        let cluster = cluster(seed, Shape::WIRED_EVERYTHING);
        let flows = flows::sample(&cluster, 100, &mut Random::new(seed));
        for flow in flows {
            let expected = ReferenceDecider.decide(&cluster, &flow).verdict;
            let Ok(answer) = answer(&cluster, &flow) else {
                continue;
            };
            let Some(found) = judge(off.world(&cluster), &flow, &answer) else {
                continue;
            };
            match expected {
                Verdict::Deny | Verdict::Partial => {
                    assert_eq!(found, Verdict::Allow, "seed {seed}, {flow:?}");
                    refused += 1;
                }
                Verdict::Allow | Verdict::NoEndpoints => assert_eq!(found, expected),
                Verdict::Unknown | Verdict::Error => {}
            }
        }
    }
    assert!(refused > 2000, "{refused}");
}

/// One packet from or to a local pod, judged in one direction alone: egress at hook input, which judges nothing else,
/// ingress with nobody isolated for egress.
struct Probe {
    peer: IpAddr,
    protocol: IpProtocol,
    port: Option<u16>,
}

/// A set and an element in it, with what the key says.
struct Subject<'a> {
    set: &'a str,
    key: &'a Key,
    address: IpAddr,
    class: Option<u32>,
    protocol: Option<u8>,
    ports: Option<PortRange>,
}

impl<'a> Subject<'a> {
    fn new(object: &'a ObjectRef) -> Self {
        let ObjectRef::Element { set, key } = object;
        let port = |fields: &[Datum]| match fields.get(3) {
            Some(Datum::Port(port)) => Some(*port),
            _ => None,
        };
        Self {
            set,
            key,
            address: address(&key.first[0]),
            class: match key.first.get(1) {
                Some(Datum::Number(number)) => Some(*number),
                _ => None,
            },
            protocol: match key.first.get(2) {
                Some(Datum::Byte(number)) => Some(*number),
                _ => None,
            },
            ports: port(&key.first)
                .map(|first| PortRange::new(first, port(&key.last).unwrap()).unwrap()),
        }
    }

    /// What may travel by this element.
    fn traffic(&self) -> Vec<(IpProtocol, Option<u16>)> {
        match (self.protocol, self.ports) {
            (Some(protocol), Some(ports)) => [ports.first(), ports.last()]
                .map(|port| (IpProtocol(protocol), Some(port)))
                .to_vec(),
            _ => vec![
                (IpProtocol(47), None),
                (Protocol::Udp.into(), Some(4321)),
                (Protocol::Tcp.into(), Some(4321)),
            ],
        }
    }

    fn outcome(&self, table: &Table, probe: &Probe) -> Outcome {
        let is_egress = self.set.starts_with("egress");
        let (from, to) = if is_egress {
            (self.address, probe.peer)
        } else {
            (probe.peer, self.address)
        };
        let mut packet = opening(from, to, probe.protocol, probe.port);
        let interface = interface(table, self.address);
        if is_egress {
            packet.input_interface = interface;
            packet.output_interface = "eth0".to_owned();
        } else {
            packet.input_interface = "eth0".to_owned();
            packet.output_interface = interface;
        }
        let hook = if is_egress {
            Hook::Input
        } else {
            Hook::Forward
        };
        Evaluator::new(table)
            .evaluate(hook, &packet, &mut |_| 0)
            .outcome
    }
}

fn address(datum: &Datum) -> IpAddr {
    let Datum::Address(address) = datum else {
        panic!("{datum:?}")
    };
    *address
}

fn interface(table: &Table, address: IpAddr) -> String {
    let wired = ["endpoints4", "endpoints6"].map(|set| table.sets[set].elements.keys());
    wired
        .into_iter()
        .flatten()
        .find_map(|key| match &*key.first {
            [Datum::Interface(name), Datum::Address(own)] if *own == address => Some(name.clone()),
            _ => None,
        })
        .unwrap()
}

/// Addresses that may be told apart: of pods and nodes, at both sides of each edge of a block, and elsewhere.
fn addresses(cluster: &Cluster, table: &Table, subject: IpAddr) -> BTreeSet<IpAddr> {
    let pods = cluster.pods.values().flat_map(|pod| pod.addresses.clone());
    let nodes = cluster
        .nodes
        .values()
        .flat_map(|node| node.addresses.clone());
    let blocks =
        ["blocks4", "blocks6", "names4", "names6"].map(|set| table.sets[set].elements.keys());
    let edges = blocks
        .into_iter()
        .flatten()
        .flat_map(|key| [&key.first[0], &key.last[0]].map(address));
    let outside = ["203.0.113.77", "2001:db8::77"].map(|text| text.parse().unwrap());
    pods.chain(nodes)
        .chain(edges)
        .chain(outside)
        .filter(|address| *address != subject && Family::of(*address) == Family::of(subject))
        .collect()
}

/// The class of a peer: names count where packets go to.
fn class_of(table: &Table, subject: &Subject<'_>, address: IpAddr) -> u32 {
    let fields = [Datum::Address(address)];
    let sets = match Family::of(address) {
        Family::V4 => ["names4", "peers4", "blocks4"],
        Family::V6 => ["names6", "peers6", "blocks6"],
    };
    let is_egress = subject.set.starts_with("egress");
    let found = sets
        .into_iter()
        .filter(|set| is_egress || !set.starts_with("names"))
        .find_map(|set| table.sets[set].find(&fields));
    match found.map(|(_, element)| &element.value) {
        Some(Value::Data(data)) => match data[..] {
            [Datum::Number(number)] => number,
            _ => panic!("{data:?}"),
        },
        Some(other) => panic!("{other:?}"),
        None => 0,
    }
}

/// Whether the element changes the fate of some packet.
fn matters(cluster: &Cluster, compiled: &Compiled, subject: &Subject<'_>) -> bool {
    let mut table = compiled.table.clone();
    if subject.set.starts_with("ingress") {
        for set in ["egress4", "egress6"] {
            table.sets.get_mut(set).unwrap().elements.clear();
        }
    }
    let mut without = table.clone();
    let set = without.sets.get_mut(subject.set).unwrap();
    assert!(set.elements.remove(subject.key).is_some());
    addresses(cluster, &table, subject.address)
        .into_iter()
        .any(|peer| {
            subject.traffic().into_iter().any(|(protocol, port)| {
                let probe = Probe {
                    peer,
                    protocol,
                    port,
                };
                subject.outcome(&table, &probe) != subject.outcome(&without, &probe)
            })
        })
}

/// Why an element may be without effect: nobody but the pod itself has its class, everybody who is meant by "anyone" has
/// a class that may do the same, or the isolation comes with a rule that admits everything.
fn is_idle(cluster: &Cluster, compiled: &Compiled, subject: &Subject<'_>) -> bool {
    let table = &compiled.table;
    let mut peers = addresses(cluster, table, subject.address).into_iter();
    match subject.class {
        None if is_allowed(table, subject, ANYONE) => true,
        None | Some(ANYONE) => {
            peers.all(|peer| is_allowed(table, subject, class_of(table, subject, peer)))
        }
        Some(class) => peers.all(|peer| class_of(table, subject, peer) != class),
    }
}

/// Whether peers of `class` may do all that the element speaks of.
fn is_allowed(table: &Table, subject: &Subject<'_>, class: u32) -> bool {
    let direction = subject.set.split(['-', '4', '6']).next().unwrap();
    let digit = subject.set.chars().last().unwrap();
    let holds = |stem: &str, fields: &[Datum]| {
        let set = &table.sets[&format!("{direction}{stem}{digit}")];
        set.find(fields).is_some()
    };
    let peer = vec![Datum::Address(subject.address), Datum::Number(class)];
    let may_dial = |port: u16| {
        let protocol = Datum::Byte(subject.protocol.unwrap());
        let fields = [peer.clone(), vec![protocol, Datum::Port(port)]].concat();
        holds("-ports", &fields) || holds("-ranges", &fields)
    };
    let mut ports = subject.ports.into_iter();
    holds("-peers", &peer)
        || (subject.ports.is_some()
            && ports.all(|range| may_dial(range.first()) && may_dial(range.last())))
}

#[test]
fn every_element_of_a_policy_matters() {
    let (mut effective, mut idle) = (0, 0);
    for seed in 0..400 {
        let cluster = cluster(seed, Shape::WIRED);
        let world = World::new(&cluster, Enforcement::On);
        for compiled in world.nodes.values() {
            for (object, origins) in &compiled.origins {
                assert!(!origins.is_empty(), "seed {seed}, {object:?}");
                let subject = Subject::new(object);
                if matters(&cluster, compiled, &subject) {
                    effective += 1;
                } else {
                    assert!(
                        is_idle(&cluster, compiled, &subject),
                        "seed {seed}, {object:?}\n{origins:?}\n{}",
                        compiled.table
                    );
                    idle += 1;
                }
            }
        }
    }
    assert!(
        effective > 3000 && idle * 3 < effective,
        "{effective} elements matter, {idle} are idle"
    );
}

/// Whatever policies cause has an origin, and nothing else has.
#[test]
fn origins_are_the_judging_sets() {
    for seed in 0..200 {
        let cluster = cluster(seed, Shape::WIRED_EVERYTHING);
        for compiled in World::new(&cluster, Enforcement::On).nodes.values() {
            let judging = compiled
                .table
                .sets
                .iter()
                .filter(|(name, _)| name.starts_with("egress") || name.starts_with("ingress"));
            let expected: Vec<ObjectRef> = judging
                .flat_map(|(name, set)| set.elements.keys().map(move |key| (name, key)))
                .map(|(name, key)| ObjectRef::Element {
                    set: name.clone(),
                    key: key.clone(),
                })
                .collect();
            let found: Vec<ObjectRef> = compiled.origins.keys().cloned().collect();
            assert_eq!(found, expected, "seed {seed}");
        }
    }
}
