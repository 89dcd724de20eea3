//! Which connections a mistake may change.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Answer, Direction, Endpoint, ObjectName, Party, Query};
use ringfence_net::{Family, IpProtocol};
use ringfence_policy::{ClassId, ClassSet, Engine};

use crate::assertion::mutation::Mutant;

/// Numbered connections, by the classes of the pods whose policies judge them.
#[derive(Default)]
pub(super) struct Judged(BTreeMap<Direction, BTreeMap<ClassId, Vec<usize>>>);

impl Judged {
    pub(super) fn add(&mut self, engine: &Engine, query: &Query, number: usize) {
        let answer = engine.answer(query);
        let subjects = answer.map(|answer| subjects(&answer)).unwrap_or_default();
        for (direction, pod) in subjects {
            if let Some(class) = engine.class_of_pod(&pod) {
                let of_direction = self.0.entry(direction).or_default();
                of_direction.entry(class).or_default().push(number);
            }
        }
    }

    /// The numbers of those that a mistake may change.
    pub(super) fn of(&self, mutant: &Mutant, subjects: &ClassSet) -> BTreeSet<usize> {
        let directions = mutant.mutation.directions().into_iter();
        let judged = directions.filter_map(|direction| self.0.get(&direction));
        let numbers = judged.flat_map(|by_class| {
            let classes = subjects.iter();
            classes.filter_map(|class| by_class.get(&class))
        });
        numbers.flatten().copied().collect()
    }
}

/// The pods whose policies judged `answer`, by direction.
fn subjects(answer: &Answer) -> BTreeSet<(Direction, ObjectName)> {
    let ends = answer
        .connections
        .iter()
        .flat_map(|found| [&found.egress, &found.ingress]);
    ends.filter_map(|end| match &end.subject {
        Party::Pod { name, .. } => Some((end.direction, name.clone())),
        Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => None,
    })
    .collect()
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
