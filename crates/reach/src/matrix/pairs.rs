//! Pairs of parts that have two members between which policy has a say.

use ringfence_model::{Cluster, Endpoint};
use ringfence_policy::{ClassId, Engine, Reach, SharedFamily};

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

/// Two classes between which policy has a say, and members to show for them: in each family that makes a difference. The
/// two members are the same if the pair is one of [`Single::MeetsItsLike`].
#[derive(Clone, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) source_class: ClassId,
    pub(crate) destination_class: ClassId,
    pub(crate) source: &'a Endpoint,
    pub(crate) destination: &'a Endpoint,
    pub(crate) shared: SharedFamily,
}

impl<'a> Pair<'a> {
    /// What to ask `engine` about the two members.
    pub(crate) const fn ends(&self, engine: &'a Engine) -> Ends<'a> {
        Ends {
            engine,
            source: self.source,
            destination: self.destination,
            shared: self.shared,
        }
    }

    /// What the members may open.
    pub(crate) fn reach(&self, engine: &Engine) -> Reach {
        let classes = (self.source_class, self.destination_class);
        let reach = engine.between_in(self.shared, classes.0, classes.1);
        reach.unwrap_or_else(Reach::none)
    }
}

/// The pairs of parts from `source` to `destination`.
pub(crate) fn pairs<'a>(
    engine: &'a Engine,
    groups: &'a Groups,
    (source, destination): (&'a Unit, &'a Unit),
    single: Single,
) -> impl Iterator<Item = Pair<'a>> {
    let (sources, destinations) = (groups.parts(source), groups.parts(destination));
    let wanted = source == destination && source.is_scaled() && single == Single::MeetsItsLike;
    let families = engine.shared_families().iter();
    families.flat_map(move |shared| {
        let real = sources.iter().flat_map(move |from| {
            let to = destinations.iter();
            to.filter_map(move |to| real_pair(engine.cluster(), *shared, from, to))
        });
        real.chain(alike(*shared, sources).filter(move |_| wanted))
    })
}

/// The first two members that may meet; of the same part these are two, as the members of a class are alike.
fn real_pair<'a>(
    cluster: &Cluster,
    shared: SharedFamily,
    from: &'a Part,
    to: &'a Part,
) -> Option<Pair<'a>> {
    if !from.meets(to) || !from.shares(shared, to) {
        return None;
    }
    let members = || {
        from.members
            .iter()
            .flat_map(|one| to.members.iter().map(move |other| (one, other)))
    };
    let node = from.node_name();
    let (source, destination) =
        members().find(|(source, destination)| may_meet(cluster, node, source, destination))?;
    Some(pair(shared, (from, to), (source, destination)))
}

/// The pair of a workload's only pod and another one like it.
fn alike(shared: SharedFamily, parts: &[Part]) -> Option<Pair<'_>> {
    let (part, pod) = single(parts)?;
    let speaks = part.shares(shared, part);
    speaks.then(|| pair(shared, (part, part), (pod, pod)))
}

/// The only member of a unit that has one pod, and its part.
pub(crate) fn single(parts: &[Part]) -> Option<(&Part, &Endpoint)> {
    let [part] = parts else {
        return None;
    };
    match part.members.as_slice() {
        [pod @ Endpoint::Pod(_)] => Some((part, pod)),
        _ => None,
    }
}

const fn pair<'a>(
    shared: SharedFamily,
    (from, to): (&Part, &Part),
    (source, destination): (&'a Endpoint, &'a Endpoint),
) -> Pair<'a> {
    Pair {
        source_class: from.class,
        destination_class: to.class,
        source,
        destination,
        shared,
    }
}
