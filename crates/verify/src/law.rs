//! What policies allow between the atoms of two address axes, as the engine says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::Direction;
use ringfence_net::{ConnectionSet, Protocol};
use ringfence_policy::{ClassId, Engine, Reach};

use crate::axes::PortAxis;
use crate::axes::address::AddressAxis;
use crate::bits::Bits;
use crate::facts::{Engines, Facts};

/// The answers of the engine for one pair of address axes.
#[derive(Debug)]
pub(crate) struct Law {
    /// The local pod of each atom.
    pub(crate) source_pods: Vec<Option<usize>>,
    pub(crate) local_sources: Bits,
    pub(crate) local_destinations: Bits,
    /// For each local source atom, and in it each destination atom: the number of an answer.
    egress: BTreeMap<usize, Vec<usize>>,
    /// For each local destination atom, and in it each source atom.
    ingress: BTreeMap<usize, Vec<usize>>,
    /// For each pair of atoms of one pod.
    itself: BTreeMap<(usize, usize), usize>,
    answers: Vec<Reach>,
    /// Atoms of addresses that several pods claim.
    contested: (Bits, Bits),
    /// How many different pairs of classes were asked for.
    pub(crate) pairs: usize,
}

/// What must pass and what may.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    pub(crate) must: [Bits; 3],
    pub(crate) may: [Bits; 3],
    pub(crate) other_must: bool,
    pub(crate) other_may: bool,
}

/// Answers by number.
#[derive(Debug, Default)]
struct Answers {
    numbers: BTreeMap<Reach, usize>,
    all: Vec<Reach>,
    asked: BTreeMap<(Direction, Classes, Classes), usize>,
}

/// The class of an address, and that if no policy were in audit mode.
type Classes = (ClassId, Option<ClassId>);

impl Answers {
    fn number(&mut self, reach: Reach) -> usize {
        if let Some(known) = self.numbers.get(&reach) {
            return *known;
        }
        self.all.push(reach.clone());
        self.numbers.insert(reach, self.all.len() - 1);
        self.all.len() - 1
    }

    fn ask(&mut self, engines: &Engines, way: (Direction, Classes, Classes)) -> usize {
        if let Some(known) = self.asked.get(&way) {
            return *known;
        }
        let (direction, own, peer) = way;
        let mut reach = engines.policies.one_way(direction, own.0, peer.0);
        if let (Some(strict), Some(own), Some(peer)) = (&engines.strict, own.1, peer.1) {
            reach = reach.and(&strict.one_way(direction, own, peer));
        }
        let number = self.number(reach);
        self.asked.insert(way, number);
        number
    }
}

impl Law {
    /// The law for these atoms. `ingress` is false where no pod of the node is reached.
    pub(crate) fn new(
        facts: &Facts<'_>,
        sources: &AddressAxis,
        destinations: &AddressAxis,
        ingress: bool,
    ) -> Self {
        let mut answers = Answers::default();
        let engines = facts.engines(sources.family());
        let of_axis = |axis: &AddressAxis| -> (Vec<Option<usize>>, Vec<Classes>) {
            let pods = axis.examples().map(|address| facts.local(address));
            let classes = axis.examples().map(|it| engines.classes_of(it));
            (pods.collect(), classes.collect())
        };
        let (source_pods, source_classes) = of_axis(sources);
        let (destination_pods, destination_classes) = of_axis(destinations);
        let mut row = |direction, own: &[Classes], pods: &[Option<usize>], peers: &[Classes]| {
            let local = own.iter().zip(pods).enumerate();
            let local = local.filter(|(_, (_, pod))| pod.is_some());
            let mut rows = BTreeMap::new();
            for (atom, (class, _)) in local {
                let ask = |peer: &Classes| answers.ask(engines, (direction, *class, *peer));
                rows.insert(atom, peers.iter().map(ask).collect());
            }
            rows
        };
        let egress = row(
            Direction::Egress,
            &source_classes,
            &source_pods,
            &destination_classes,
        );
        let ingress = if ingress {
            row(
                Direction::Ingress,
                &destination_classes,
                &destination_pods,
                &source_classes,
            )
        } else {
            BTreeMap::new()
        };
        let itself = itself(
            &engines.selves,
            (&source_pods, &destination_pods),
            sources,
            &mut answers,
        );
        let contested = |axis: &AddressAxis| axis.matching(|ip| facts.contested.contains(&ip));
        Self {
            local_sources: local(&source_pods),
            local_destinations: local(&destination_pods),
            source_pods,
            egress,
            ingress,
            itself,
            contested: (contested(sources), contested(destinations)),
            pairs: answers.asked.len(),
            answers: answers.all,
        }
    }

    /// Ports with which what is allowed begins or ends.
    pub(crate) fn port_cuts(&self) -> BTreeSet<u32> {
        let sets = self
            .answers
            .iter()
            .flat_map(|it| [&it.allowed, &it.unknown]);
        let ranges = sets.flat_map(|set| set.iter().flat_map(|(_, ports)| ports.ranges()));
        ranges
            .flat_map(|range| [u32::from(range.first()), u32::from(range.last()) + 1])
            .collect()
    }

    /// What may pass between two atoms. None if the two say nothing of each other, because no pod of this node is
    /// concerned.
    pub(crate) fn between(
        &self,
        source: usize,
        destination: usize,
    ) -> (Option<usize>, Option<usize>) {
        if let Some(itself) = self.itself.get(&(source, destination)) {
            return (Some(*itself), None);
        }
        let at = |rows: &BTreeMap<usize, Vec<usize>>, own, peer| {
            rows.get(&own).and_then(|row| row.get(peer)).copied()
        };
        (
            at(&self.egress, source, destination),
            at(&self.ingress, destination, source),
        )
    }

    pub(crate) fn is_contested(&self, source: usize, destination: usize) -> bool {
        self.contested.0.has(source) || self.contested.1.has(destination)
    }

    /// What both answers allow, on this axis of ports.
    pub(crate) fn allowed(
        &self,
        answers: (Option<usize>, Option<usize>),
        ports: &PortAxis,
    ) -> Allowed {
        let of = |number: Option<usize>| {
            let found = number.and_then(|number| self.answers.get(number));
            found.cloned().unwrap_or_else(Reach::all)
        };
        let reach = of(answers.0).and(&of(answers.1));
        let may = reach.allowed.union(&reach.unknown);
        Allowed {
            must: Protocol::ALL.map(|it| port_bits(&reach.allowed, it, ports)),
            may: Protocol::ALL.map(|it| with_portless(&port_bits(&may, it, ports), ports)),
            other_must: reach.allowed.allows_other(),
            other_may: may.allows_other(),
        }
    }
}

fn local(pods: &[Option<usize>]) -> Bits {
    let found = pods.iter().enumerate().filter(|(_, pod)| pod.is_some());
    Bits::of(pods.len(), found.map(|(atom, _)| atom))
}

/// What pods may send to themselves through a Service (rules AM-4, CN-40).
fn itself(
    selves: &Engine,
    (sources, destinations): (&[Option<usize>], &[Option<usize>]),
    axis: &AddressAxis,
    answers: &mut Answers,
) -> BTreeMap<(usize, usize), usize> {
    let mut found = BTreeMap::new();
    for (source, pod) in sources.iter().enumerate() {
        let Some(pod) = pod else { continue };
        let same = destinations
            .iter()
            .position(|other| other.as_ref() == Some(pod));
        let (Some(destination), Some(address)) = (same, axis.example(source)) else {
            continue;
        };
        let reach = to_itself(selves, address);
        found.insert((source, destination), answers.number(reach));
    }
    found
}

fn to_itself(selves: &Engine, address: IpAddr) -> Reach {
    let class = selves.class_of_address(address);
    let way = |direction| selves.one_way(direction, class, class);
    way(Direction::Egress).and(&way(Direction::Ingress))
}

fn port_bits(set: &ConnectionSet, protocol: Protocol, axis: &PortAxis) -> Bits {
    let ranges = set.ports(protocol).ranges().iter();
    let none = Bits::empty(axis.len());
    ranges.fold(none, |bits, range| {
        bits.or(&axis.bits(range.first(), range.last()))
    })
}

/// Port 0, and headers without port, are nothing that policies speak of (rule Q-1): they may pass.
fn with_portless(bits: &Bits, axis: &PortAxis) -> Bits {
    bits.or(&axis.bits(0, 0))
        .or(&Bits::single(axis.len(), axis.absent()))
}
