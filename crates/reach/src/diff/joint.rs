//! Units of both clusters, pair by pair.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringfence_model::{Endpoint, Query};
use ringfence_net::{ConnectionSet, Family, IpProtocol, Protocol};
use ringfence_policy::{Engine, Reach, SharedFamily};

use super::alike::{Found, judged};
use super::turns::{NONE, Turn, Turns};
use super::twins::{Twin, Twins, twins};
use super::{Change, Kind, PairChange, Transition, shown};
use crate::matrix::{Ends, ReachNumber, Reaches, Table, Traits, by_reason, single};
use crate::workload::{Groups, Part, Speaks, Unit, may_meet};

/// Two clusters, and what they have in common.
pub(super) struct Joint<'a> {
    before: &'a Engine,
    after: &'a Engine,
    units: Vec<Placed<'a>>,
}

/// A unit and its members.
struct Placed<'a> {
    unit: Arc<Unit>,
    twins: Vec<Twins<'a>>,
    /// In which cluster its only pod meets another one like it, as it does in a lock.
    alike: [bool; 2],
}

impl<'a> Placed<'a> {
    /// `None` if a cluster has no member of it.
    fn of(unit: &'a Unit, engines: [&Engine; 2], parts: [&'a [Part]; 2]) -> Option<Self> {
        let [old, new] = parts;
        let twins = twins(engines, old, new);
        (!twins.is_empty()).then(|| Self {
            unit: Arc::new(unit.clone()),
            twins,
            alike: parts.map(|parts| unit.is_scaled() && single(parts).is_some()),
        })
    }
}

/// A family that two ends share, as each of the clusters calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    shared: [SharedFamily; 2],
    /// What alone is asked where the two share the family in one of the clusters only: whether there is more access than
    /// the other family gave, or whether there is less than before in the other family.
    more: Option<bool>,
}

impl Way {
    const fn both(before: SharedFamily, after: SharedFamily) -> Self {
        Self {
            shared: [before, after],
            more: None,
        }
    }

    fn is_about(self, kind: Kind) -> bool {
        self.more.is_none_or(|more| more == kind.is_more())
    }
}

/// What the members of the first cluster may open.
#[derive(Debug)]
pub(super) struct OldRows {
    reaches: Reaches,
    table: Table,
}

impl OldRows {
    pub(super) fn of(engine: &Engine) -> Self {
        let classes = engine.classes().map(|(class, _)| class).collect();
        let mut reaches = Reaches::new();
        Self {
            table: Table::of(engine, &classes, &mut reaches),
            reaches,
        }
    }
}

/// What the members of both clusters may open, by numbers that mean the same for both.
struct Rows<'a> {
    reaches: Reaches,
    before: &'a Table,
    after: Table,
    turns: RefCell<Turns>,
}

impl<'a> Rows<'a> {
    fn of(joint: &Joint<'_>, old: &'a OldRows) -> Self {
        let twins = joint.units.iter().flat_map(|placed| &placed.twins);
        let parts = twins.flat_map(|twins| twins.all_parts(1));
        let classes = parts.map(|part| part.class).collect();
        let mut reaches = old.reaches.clone();
        Self {
            before: &old.table,
            after: Table::of(joint.after, &classes, &mut reaches),
            reaches,
            turns: RefCell::new(Turns::new()),
        }
    }

    /// The families that two sets of twins share, as each cluster calls them, if they make a difference.
    fn ways(
        &self,
        source: &Twins<'_>,
        destination: &Twins<'_>,
    ) -> impl Iterator<Item = Way> + use<> {
        use SharedFamily::{First, Second};
        if let more @ Some(_) = source.more.or(destination.more) {
            let way = Way {
                more,
                ..Way::both(First, First)
            };
            return std::iter::once(way).chain(None);
        }
        let has_second = self.before.has_second() || self.after.has_second();
        let first = Way::both(First, First);
        let ways = match has_second.then(|| families(source, destination)) {
            None | Some([[_, None], [_, None]]) => [first, first],
            Some([[one, Some(_)], [other, Some(_)]]) if one == other => {
                [first, Way::both(Second, Second)]
            }
            // A destination has its addresses in another order.
            Some([[_, Some(_)], [_, Some(_)]]) => {
                [Way::both(First, Second), Way::both(Second, First)]
            }
            Some([[only, None], [preferred, Some(_)]]) => {
                let known = if only.is_none() || only == preferred {
                    First
                } else {
                    Second
                };
                let new = Way {
                    shared: [First, other(known)],
                    more: Some(true),
                };
                [Way::both(First, known), new]
            }
            Some([[preferred, Some(_)], [only, None]]) => {
                let known = if only.is_none() || only == preferred {
                    First
                } else {
                    Second
                };
                let old = Way {
                    shared: [other(known), First],
                    more: Some(false),
                };
                [Way::both(known, First), old]
            }
        };
        let [one, two] = ways;
        std::iter::once(one).chain((two != one).then_some(two))
    }

    fn numbers(
        &self,
        Way {
            shared: [shared_before, shared_after],
            ..
        }: Way,
        source: &Twins<'_>,
        destination: &Twins<'_>,
    ) -> [ReachNumber; 2] {
        let ([old, new], [old_peer, new_peer]) = (source.parts, destination.parts);
        [
            self.before.number(shared_before, old.class, old_peer.class),
            self.after.number(shared_after, new.class, new_peer.class),
        ]
    }

    /// Whether anything may have changed. Twins are asked for what [`like`] tells of, and for nothing else.
    fn differ(&self, sources: &[Twins<'_>], destinations: &[Twins<'_>]) -> bool {
        let differs = |source: &Twins<'_>, destination: &Twins<'_>| {
            let mut ways = self.ways(source, destination);
            ways.any(|way| self.turn(way, source, destination) != NONE)
        };
        sources.iter().any(|source| {
            let mut destinations = destinations.iter();
            destinations.any(|destination| differs(source, destination))
        })
    }

    fn turn(&self, way: Way, source: &Twins<'_>, destination: &Twins<'_>) -> Turn {
        let mut turns = self.turns.borrow_mut();
        if source.more.or(destination.more).is_some() {
            let reach = |side| self.reach_of_any(side, source, destination);
            return turns.number(Transition::between_reaches(&reach(0), &reach(1)));
        }
        turns.between(self.numbers(way, source, destination), &self.reaches)
    }

    fn transition(&self, turn: Turn) -> Transition {
        self.turns.borrow().transition(turn)
    }

    /// What any of the parts may open in one cluster, the first or the second.
    fn reach_of_any(&self, side: usize, source: &Twins<'_>, destination: &Twins<'_>) -> Reach {
        let table = if side == 0 { self.before } else { &self.after };
        let mut all = Reach::none();
        for from in source.all_parts(side) {
            for to in destination.all_parts(side) {
                let number = table.number(SharedFamily::First, from.class, to.class);
                let reach = self.reaches.reach(number);
                all.allowed = all.allowed.union(&reach.allowed);
                all.unknown = all.unknown.union(&reach.unknown);
            }
        }
        all.unknown = all.unknown.difference(&all.allowed);
        all
    }
}

/// The families that two sets of twins share in each cluster, the one first that they use by name. The first is not
/// known where an address is not (rule AM-22).
fn families(source: &Twins<'_>, destination: &Twins<'_>) -> [[Option<Family>; 2]; 2] {
    let ([old, new], [old_peer, new_peer]) = (source.parts, destination.parts);
    let pairs = [(old, old_peer), (new, new_peer)];
    pairs.map(|(from, to)| {
        let first = to.of_both.or(from.of_both);
        match first.filter(|_| from.shares(SharedFamily::Second, to)) {
            Some(first) => [Some(first), Some(first.other())],
            None => [from.speaks.common(to.speaks), None],
        }
    })
}

const fn other(shared: SharedFamily) -> SharedFamily {
    match shared {
        SharedFamily::First => SharedFamily::Second,
        SharedFamily::Second => SharedFamily::First,
    }
}

/// What of a unit decides whether something may have changed: of each of its twins what it may open and what may be opened
/// to it, and the families, before and after. `None` where more than that is looked at.
type Like = Option<Vec<[(Traits, Speaks, Option<Family>); 2]>>;

fn like(rows: &Rows<'_>, twins: &[Twins<'_>]) -> Like {
    let of_one = |twins: &Twins<'_>| {
        let is_plain = twins.more.is_none() && twins.also.iter().all(Vec::is_empty);
        let [old, new] = twins.parts;
        let of = |table: &Table, part: &Part| {
            let traits = table.traits(part.class);
            (traits, part.speaks, part.of_both)
        };
        is_plain.then(|| [of(rows.before, old), of(&rows.after, new)])
    };
    twins.iter().map(of_one).collect()
}

/// Units by what decides whether something may have changed.
struct Kinds<'u, 'a> {
    /// The number of each unit's kind.
    of_units: Vec<usize>,
    /// The units of each kind, by their places.
    members: Vec<(&'u Placed<'a>, Vec<usize>)>,
}

/// Fewer units than these are asked about one by one: what is alike costs more to find.
const FEW: usize = 64;

impl<'u, 'a> Kinds<'u, 'a> {
    /// The kinds of `units`, of which those in `is_asked` are asked about.
    fn of(rows: &Rows<'_>, units: &'u [Placed<'a>], is_asked: &[bool]) -> Self {
        if is_asked.iter().filter(|asked| **asked).count() < FEW {
            Self::each(units)
        } else {
            Self::gathered(rows, units)
        }
    }

    /// Every unit by itself.
    fn each(units: &'u [Placed<'a>]) -> Self {
        let members = units.iter().enumerate();
        Self {
            of_units: (0..units.len()).collect(),
            members: members
                .map(|(place, placed)| (placed, vec![place]))
                .collect(),
        }
    }

    fn gathered(rows: &Rows<'_>, units: &'u [Placed<'a>]) -> Self {
        let mut numbers: BTreeMap<Like, usize> = BTreeMap::new();
        let mut kinds = Self {
            of_units: Vec::new(),
            members: Vec::new(),
        };
        for (place, placed) in units.iter().enumerate() {
            let next = kinds.members.len();
            let like = like(rows, &placed.twins);
            let number = match like {
                Some(_) => *numbers.entry(like).or_insert(next),
                None => next,
            };
            match kinds.members.get_mut(number) {
                Some((_, members)) => members.push(place),
                None => kinds.members.push((placed, vec![place])),
            }
            kinds.of_units.push(number);
        }
        kinds
    }

    /// Of each kind whether one of its units `is_asked`, which is told by the units' places.
    fn asked(&self, is_asked: &[bool]) -> Vec<bool> {
        let of_place = |place: &usize| is_asked.get(*place) == Some(&true);
        let kinds = self.members.iter();
        kinds
            .map(|(_, places)| places.iter().any(of_place))
            .collect()
    }

    /// The places of the units of kinds that `is_looked_at` between which and `source` something may have changed, in
    /// order.
    fn differing(
        &self,
        rows: &Rows<'_>,
        source: &Placed<'_>,
        is_looked_at: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let kinds = self.members.iter().enumerate();
        let differing = kinds
            .filter(|(kind, (first, _))| {
                is_looked_at(*kind) && rows.differ(&source.twins, &first.twins)
            })
            .map(|(_, found)| found);
        let mut places: Vec<usize> = differing
            .flat_map(|(_, members)| members)
            .copied()
            .collect();
        places.sort_unstable();
        places
    }
}

/// What changes between two sets of twins, and members to show it.
struct Meeting<'a> {
    way: Way,
    turn: Turn,
    ends: [Ends<'a>; 2],
}

/// All that the changes between two units depend on, but for their reasons: what happens where their members meet, and
/// what alone is asked there.
type Alike = BTreeSet<(Option<bool>, Turn)>;

impl<'a> Joint<'a> {
    /// The units of `old`, which groups `before`, that are in `new`, which groups `after`.
    pub(super) fn of(
        before: &'a Engine,
        after: &'a Engine,
        old: &'a Groups,
        new: &'a Groups,
    ) -> Self {
        let units = old.units().filter_map(|unit| {
            let parts = [old.parts(unit), new.parts(unit)];
            Placed::of(unit, [before, after], parts)
        });
        Self {
            before,
            after,
            units: units.collect(),
        }
    }

    /// The pairs of units between which something changes, of those of which one `is_asked`.
    pub(super) fn changes(
        &self,
        old: &OldRows,
        is_asked: impl Fn(&Unit) -> bool,
    ) -> Vec<PairChange> {
        let rows = Rows::of(self, old);
        let asked = self.units.iter().map(|placed| is_asked(&placed.unit));
        let asked: Vec<bool> = asked.collect();
        let kinds = Kinds::of(&rows, &self.units, &asked);
        let kinds_asked = kinds.asked(&asked);
        let has_asked = |kind: usize| kinds_asked.get(kind) == Some(&true);
        // Thousands of pods by themselves are of few kinds.
        let mut differing: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut found = Vec::new();
        for ((source, kind), is_asked) in self.units.iter().zip(&kinds.of_units).zip(&asked) {
            let peers = differing.entry(*kind).or_insert_with(|| {
                let every = has_asked(*kind);
                kinds.differing(&rows, source, |peer| every || has_asked(peer))
            });
            let places = peers.iter();
            let places = places.filter(|place| *is_asked || asked.get(**place) == Some(&true));
            let peers = places.filter_map(|place| self.units.get(*place));
            found.extend(peers.map(|peer| (source, peer, ())));
        }
        let alike = |(source, destination, ()): Found<&Placed<'_>, ()>| -> Alike {
            let meetings = self.meetings(&rows, source, destination);
            meetings.map(|met| (met.way.more, met.turn)).collect()
        };
        let changes = |(source, destination, ()): Found<&Placed<'_>, ()>| {
            let meetings: Vec<_> = self.meetings(&rows, source, destination).collect();
            changes(&rows, &meetings)
        };
        judged(&found, |placed| Arc::clone(&placed.unit), alike, changes)
    }

    fn meetings<'m>(
        &'m self,
        rows: &'m Rows<'_>,
        from: &'m Placed<'_>,
        to: &'m Placed<'_>,
    ) -> impl Iterator<Item = Meeting<'m>> {
        let alike = if from.unit == to.unit {
            from.alike
        } else {
            [false; 2]
        };
        let pairs = from.twins.iter().flat_map(|source| {
            let destinations = to.twins.iter();
            destinations.map(move |destination| (source, destination))
        });
        pairs.flat_map(move |(source, destination)| {
            let ways = rows.ways(source, destination);
            ways.filter_map(move |way| {
                let ends = self.ends(way, alike, source, destination)?;
                let turn = rows.turn(way, source, destination);
                Some(Meeting { way, turn, ends })
            })
        })
    }

    /// Two members of each that may meet in both clusters, where `alike` says so the same one and another like it.
    fn ends<'m>(
        &'m self,
        Way {
            shared: [shared_before, shared_after],
            ..
        }: Way,
        [alike_before, alike_after]: [bool; 2],
        source: &'m Twins<'_>,
        destination: &'m Twins<'_>,
    ) -> Option<[Ends<'m>; 2]> {
        if !source.speaks_with(destination) {
            return None;
        }
        let pairs = || {
            let sources = source.members.iter();
            sources.flat_map(|from| destination.members.iter().map(move |to| (from, to)))
        };
        let more = source.more.or(destination.more);
        let [old, new] = source.parts.map(Part::node_name);
        let met = |engine: &Engine, (alike, node), from: &Endpoint, to: &Endpoint| {
            let may = may_meet(engine.cluster(), node, from, to) || (alike && from == to);
            may && (more.is_none() || speak(engine, from, to))
        };
        let met_before = |from: &Twin, to: &Twin| {
            met(self.before, (alike_before, old), &from.before, &to.before)
        };
        let met_after =
            |from: &Twin, to: &Twin| met(self.after, (alike_after, new), &from.after, &to.after);
        // Who stands in for another says nothing of families that he has not.
        let stays = more.is_some() || source.always_speaks_with(destination);
        let both = pairs().find(|(from, to)| {
            met_before(from, to)
                && met_after(from, to)
                && (stays || (from.is_namesake() && to.is_namesake()))
        });
        // Of what is compared with others it is enough that it is met itself.
        let own = || {
            pairs().find(|(from, to)| match more {
                Some(true) => met_after(from, to),
                Some(false) => met_before(from, to),
                None => false,
            })
        };
        let (from, to) = both.or_else(own)?;
        let ends = |engine, shared, source, destination| Ends {
            engine,
            source,
            destination,
            shared,
        };
        Some([
            ends(self.before, shared_before, &from.before, &to.before),
            ends(self.after, shared_after, &from.after, &to.after),
        ])
    }
}

/// Whether the two have a family in common.
fn speak(engine: &Engine, source: &Endpoint, destination: &Endpoint) -> bool {
    let query = Query {
        source: source.clone(),
        destination: destination.clone(),
        protocol: IpProtocol::from(Protocol::Tcp),
        port: Some(80),
    };
    engine.answer(&query).is_ok()
}

/// What changes in any meeting, with one to show it.
fn changes(rows: &Rows<'_>, meetings: &[Meeting<'_>]) -> Vec<Change> {
    let transitions = meetings.iter().map(|meeting| rows.transition(meeting.turn));
    let meetings: Vec<_> = meetings.iter().zip(transitions).collect();
    let kinds = Kind::ALL.into_iter();
    kinds.flat_map(|kind| changes_of(kind, &meetings)).collect()
}

fn changes_of(kind: Kind, meetings: &[(&Meeting<'_>, Transition)]) -> Vec<Change> {
    let meetings = || {
        let asked = meetings.iter().filter(|(met, _)| met.way.is_about(kind));
        asked.map(|(met, transition)| (met, transition.of(kind)))
    };
    let everywhere = meetings().fold(ConnectionSet::all(), |common, (_, connections)| {
        common.intersection(connections)
    });
    let mut told = ConnectionSet::none();
    let mut changes = Vec::new();
    for (meeting, connections) in meetings() {
        let connections = connections.difference(&told);
        told = told.union(&connections);
        let whole = connections.intersection(&everywhere);
        let part = connections.difference(&everywhere);
        for (partial, connections) in [(false, whole), (true, part)] {
            for (connections, [before, after]) in by_reason(meeting.ends, &connections) {
                changes.push(Change {
                    kind,
                    partial,
                    connections,
                    from: None,
                    before: shown(before),
                    after: shown(after),
                    shown_by: None,
                });
            }
        }
    }
    changes
}
