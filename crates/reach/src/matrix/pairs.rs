//! Pairs of parts that have two members between which policy has a say.

use ringfence_model::{Cluster, Endpoint};
use ringfence_policy::{ClassId, Engine};

use super::reasons::Ends;
use crate::workload::{Groups, Part, Unit, may_meet};

/// What to think of a workload of one pod, when it is its own destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Single {
    /// It has no pair.
    MeetsNobody,
    /// It is taken as if it had a second pod, so that scaling changes nothing.
    MeetsItsLike,
}

/// Two classes between which policy has a say, and members to show for them. The two members are the same if the pair
/// is one of [`Single::MeetsItsLike`].
#[derive(Clone, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) source_class: ClassId,
    pub(crate) destination_class: ClassId,
    pub(crate) source: &'a Endpoint,
    pub(crate) destination: &'a Endpoint,
}

impl<'a> Pair<'a> {
    /// What to ask `engine` about the two members.
    pub(crate) const fn ends(&self, engine: &'a Engine) -> Ends<'a> {
        Ends {
            engine,
            source: self.source,
            destination: self.destination,
        }
    }
}

/// The pairs of parts from `source` to `destination`.
pub(crate) fn pairs<'a>(
    engine: &'a Engine,
    groups: &'a Groups,
    (source, destination): (&'a Unit, &'a Unit),
    single: Single,
) -> impl Iterator<Item = Pair<'a>> {
    let cluster = engine.cluster();
    let (sources, destinations) = (groups.parts(source), groups.parts(destination));
    let real = sources.iter().flat_map(move |from| {
        destinations
            .iter()
            .filter_map(move |to| real_pair(cluster, from, to))
    });
    let wanted = source == destination && source.is_scaled() && single == Single::MeetsItsLike;
    real.chain(alike(sources).filter(move |_| wanted))
}

/// The first two members that may meet; of the same part these are two, as the members of a class are alike.
fn real_pair<'a>(cluster: &Cluster, from: &'a Part, to: &'a Part) -> Option<Pair<'a>> {
    if !from.meets(to) {
        return None;
    }
    let members = || {
        from.members
            .iter()
            .flat_map(|one| to.members.iter().map(move |other| (one, other)))
    };
    let (source, destination) =
        members().find(|(source, destination)| may_meet(cluster, source, destination))?;
    Some(pair(from, to, source, destination))
}

/// The pair of a workload's only pod and another one like it.
fn alike(parts: &[Part]) -> Option<Pair<'_>> {
    let [part] = parts else {
        return None;
    };
    let [pod @ Endpoint::Pod(_)] = part.members.as_slice() else {
        return None;
    };
    Some(pair(part, part, pod, pod))
}

const fn pair<'a>(
    from: &Part,
    to: &Part,
    source: &'a Endpoint,
    destination: &'a Endpoint,
) -> Pair<'a> {
    Pair {
        source_class: from.class,
        destination_class: to.class,
        source,
        destination,
    }
}
