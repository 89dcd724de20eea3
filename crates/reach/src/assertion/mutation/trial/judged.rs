//! Which connections a mistake may change.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Direction, Endpoint, Party, Query};
use ringfence_net::{Family, IpProtocol};
use ringfence_policy::{ClassId, ClassSet, Engine};

use crate::assertion::mutation::Mutant;
use crate::assertion::mutation::footprint::{Asked, Footprint};

/// Numbered questions, and what each asks, by the classes of the pods whose policies judge these.
#[derive(Default)]
pub(super) struct Judged(BTreeMap<Direction, BTreeMap<ClassId, Vec<(usize, Asked)>>>);

impl Judged {
    pub(super) fn add(&mut self, engine: &Engine, query: &Query, number: usize) {
        let answer = engine.answer(query);
        for connection in answer.into_iter().flat_map(|answer| answer.connections) {
            for end in [&connection.egress, &connection.ingress] {
                if let Some(class) = subject(engine, &end.subject) {
                    let of_direction = self.0.entry(end.direction).or_default();
                    let judged = of_direction.entry(class).or_default();
                    judged.push((number, Asked::of(end.direction, &connection)));
                }
            }
        }
    }

    /// The numbers of those that a mistake with this footprint may change.
    pub(super) fn of(
        &self,
        mutant: &Mutant,
        footprint: &Footprint<'_>,
        subjects: &ClassSet,
    ) -> BTreeSet<usize> {
        let mut numbers = BTreeSet::new();
        for direction in mutant.mutation.directions() {
            let Some(by_class) = self.0.get(&direction) else {
                continue;
            };
            let of_subjects = subjects.iter().filter_map(|class| by_class.get(&class));
            for (number, asked) in of_subjects.flatten() {
                if footprint.has(asked) {
                    numbers.insert(*number);
                }
            }
        }
        numbers
    }
}

/// The class of the pod whose policies judge an end.
fn subject(engine: &Engine, party: &Party) -> Option<ClassId> {
    match party {
        Party::Pod { name, .. } => engine.class_of_pod(name),
        Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => None,
    }
}

/// What connections between pods have in common of which each is judged as the others are, with and without a mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Likeness {
    source: End,
    destination: End,
    protocol: IpProtocol,
    port: Option<u16>,
}

/// The class of a pod, and the families of its addresses, by which the address that is judged is chosen (rule Q-7).
type End = (ClassId, Vec<Family>);

impl Likeness {
    /// Nothing for connections that are judged by more than the classes of two pods.
    pub(super) fn of(engine: &Engine, query: &Query) -> Option<Self> {
        (query.source != query.destination).then_some(())?;
        Some(Self {
            source: end(engine, &query.source)?,
            destination: end(engine, &query.destination)?,
            protocol: query.protocol,
            port: query.port,
        })
    }
}

fn end(engine: &Engine, end: &Endpoint) -> Option<End> {
    let name = match end {
        Endpoint::Pod(name) => name,
        Endpoint::Node(_) | Endpoint::Address(_) | Endpoint::Service(_) => return None,
    };
    let addresses = &engine.cluster().pods.get(name)?.addresses;
    let families = addresses.iter().copied().map(Family::of);
    Some((engine.class_of_pod(name)?, families.collect()))
}
