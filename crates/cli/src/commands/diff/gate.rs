//! Whether what is newly allowed was permitted to be.

mod allowances;
mod coverage;

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence_model::Source;
use ringfence_net::{ConnectionSet, Family};
use ringfence_reach::diff::{Change, Doubt, Doubted};
use ringfence_reach::workload::{Place, Unit};

use super::one::One;
use super::sides::Comparison;
use crate::commands::matrix::pattern::World;
use crate::output::finding::home;
use crate::output::plain::plain;
use crate::paint;
pub(super) use allowances::{Allowance, Allowances};
use coverage::Coverage;

/// What became of each change that is more access.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Of each pair of the difference what is said of each of its changes that is more access. Pairs of which the same is
    /// true share it.
    pairs: Vec<SaidOfPair>,
    unbound: BTreeMap<Unit, Mark>,
    /// In the order of the difference.
    doubts: Vec<Mark>,
    unused: Vec<Allowance>,
    /// The first file of the side after.
    first: Arc<str>,
    /// How many objects were left aside: before, and now.
    aside: [usize; 2],
}

/// What is said of each change of a pair; `None` of those that are no more access.
type SaidOfPair = Arc<[Option<Said>]>;

/// What is said of one change that is more access.
#[derive(Debug)]
struct Said {
    mark: Mark,
    /// Where an end of the connection that shows it is written.
    home: Option<Source>,
}

/// What the gate says of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// With the reasons.
    Permitted(String),
    /// With what is not permitted of it.
    Refused(ConnectionSet),
}

impl Allowances {
    /// Warns of rows that name what is not there, or is there twice.
    pub(super) fn warn_of_names(&self, comparison: &Comparison<'_>) {
        let Some(world) = world(comparison) else {
            return;
        };
        for said in self.unknown(world).iter().chain(&self.ambiguous(world)) {
            anstream::eprintln!("{}: {}", paint::bad("warning"), plain(said));
        }
    }

    /// Judges every change that is more access.
    pub(super) fn judge(self, comparison: &Comparison<'_>) -> Judged {
        let world = world(comparison);
        let mut used = vec![false; self.entries().len()];
        let mut use_entry = |index: usize| {
            used.iter_mut()
                .skip(index)
                .take(1)
                .for_each(|used| *used = true);
        };
        let mut unbound = BTreeMap::new();
        for unit in comparison.difference.unbound.keys() {
            let found = self.freeing(world, unit);
            let reasons = found.iter().map(|(_, allowance)| allowance);
            unbound.insert(unit.clone(), mark_of_unbound(reasons.copied()));
            found.iter().for_each(|(index, _)| use_entry(*index));
        }
        let mut doubts = Vec::new();
        for doubt in &comparison.difference.doubts {
            let found = self.dispelling(world, doubt);
            doubts.push(mark_of_doubt(&found));
            found.iter().for_each(|(index, _)| use_entry(*index));
        }
        let mut coverage = Coverage::of(&self, world);
        let mut known: BTreeMap<(*const Change, Vec<usize>), SaidOfPair> = BTreeMap::new();
        let mut pairs = Vec::with_capacity(comparison.difference.pairs.len());
        for pair in &comparison.difference.pairs {
            let covering = coverage.covering(pair);
            let key = (pair.changes.as_ptr(), covering);
            let said = known.entry(key).or_insert_with_key(|(_, covering)| {
                let changes = pair.changes.iter().map(|change| {
                    let found = self.permitting(covering, change);
                    let mark = || mark(found.iter().map(|(_, allowance)| *allowance), change);
                    let said = change.kind.is_more().then(|| Said {
                        mark: mark(),
                        home: written(world, change),
                    });
                    let used = found.iter().filter(|_| said.is_some());
                    used.for_each(|(index, _)| use_entry(*index));
                    said
                });
                changes.collect()
            });
            pairs.push(Arc::clone(said));
        }
        let unused = self.into_entries().into_iter().zip(used);
        let unused = unused.filter(|(_, used)| !used);
        Judged {
            pairs,
            unbound,
            doubts,
            unused: unused.map(|(allowance, _)| allowance).collect(),
            first: Arc::clone(&comparison.first),
            aside: comparison.aside,
        }
    }

    /// The allowances that permit `unit` to be where no policy holds it: to open everything to everybody.
    fn freeing(&self, world: Option<World<'_>>, unit: &Unit) -> Vec<(usize, &Allowance)> {
        let internet = Family::ALL.map(|family| Unit::Place(Place::Internet(family)));
        let everybody = internet.iter().chain([&Unit::Nodes]);
        let all = self.entries().iter().enumerate();
        all.filter(|(_, allowance)| {
            let mut everybody = everybody.clone();
            allowance.connections.is_all()
                && everybody.all(|other| allowance.covers(world, (unit, other)))
        })
        .collect()
    }

    /// The allowances that permit whatever may come of `doubt`; none if something of it is not permitted.
    fn dispelling(&self, world: Option<World<'_>>, doubt: &Doubt) -> Vec<(usize, &Allowance)> {
        let internet = Family::ALL.map(|family| Unit::Place(Place::Internet(family)));
        let all = ConnectionSet::all();
        let (asked, everybody) = match &doubt.what {
            Doubted::Name { connections, .. } => (connections, internet.to_vec()),
            Doubted::Label { .. } | Doubted::Absent { .. } => {
                let nodes = [Unit::Nodes];
                (&all, internet.into_iter().chain(nodes).collect())
            }
        };
        let pairs = doubt.units.iter().flat_map(|unit| {
            let others = everybody.iter();
            others.flat_map(move |other| match &doubt.what {
                Doubted::Name { .. } => vec![(unit, other)],
                Doubted::Label { .. } | Doubted::Absent { .. } => {
                    vec![(unit, other), (other, unit)]
                }
            })
        });
        let mut found = BTreeMap::new();
        for pair in pairs {
            let covering = self.entries().iter().enumerate();
            let covering = covering.filter(|(_, allowance)| allowance.covers(world, pair));
            let mut left = asked.clone();
            for (index, allowance) in covering {
                left = left.difference(&allowance.connections);
                found.insert(index, allowance);
            }
            if !left.is_empty() {
                return Vec::new();
            }
        }
        found.into_iter().collect()
    }

    /// The allowances among `covering` that permit some of `change`, with their places.
    fn permitting(&self, covering: &[usize], change: &Change) -> Vec<(usize, &Allowance)> {
        let covering = covering.iter();
        let covering = covering.filter_map(|index| Some((*index, self.entries().get(*index)?)));
        covering
            .filter(|(_, allowance)| !allowance.connections.is_disjoint(&change.connections))
            .collect()
    }
}

/// The side after, if it can be asked.
fn world<'a>(comparison: &'a Comparison<'_>) -> Option<World<'a>> {
    comparison.after.as_ref().map(|(engine, groups)| World {
        cluster: engine.cluster(),
        groups,
    })
}

/// Where an end of the connection that shows `change` is written.
fn written(world: Option<World<'_>>, change: &Change) -> Option<Source> {
    home(world?.cluster, &change.after.as_ref()?.query)
}

/// What allowances that permit some of `change` leave of it.
fn mark<'a>(allowances: impl Iterator<Item = &'a Allowance>, change: &Change) -> Mark {
    let mut left = change.connections.clone();
    let mut reasons = Vec::new();
    for allowance in allowances {
        left = left.difference(&allowance.connections);
        reasons.push(allowance.reason.as_str());
    }
    if left.is_empty() {
        Mark::Permitted(reasons.join("; "))
    } else {
        Mark::Refused(left)
    }
}

fn mark_of_unbound<'a>(allowances: impl Iterator<Item = &'a Allowance>) -> Mark {
    let reasons: Vec<&str> = allowances.map(|found| found.reason.as_str()).collect();
    if reasons.is_empty() {
        Mark::Refused(ConnectionSet::all())
    } else {
        Mark::Permitted(reasons.join("; "))
    }
}

fn mark_of_doubt(allowances: &[(usize, &Allowance)]) -> Mark {
    mark_of_unbound(allowances.iter().map(|(_, allowance)| *allowance))
}

impl Mark {
    /// What is said of a workload that no policy holds any more.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Permitted(reason) => format!("permitted: {reason}"),
            Self::Refused(_) => "not permitted".to_owned(),
        }
    }

    /// A few words on `change`, which it is said of.
    pub(super) fn words_on(&self, change: &Change) -> String {
        match self {
            Self::Refused(left) if *left != change.connections => {
                format!("not permitted: {left}")
            }
            Self::Permitted(_) | Self::Refused(_) => self.words(),
        }
    }
}

/// `2 objects of kinds that are not known were not judged`.
fn not_judged(count: usize) -> String {
    match count {
        1 => "1 object of a kind that is not known was not judged".to_owned(),
        count => format!("{count} objects of kinds that are not known were not judged"),
    }
}

impl Judged {
    pub(super) fn passed(&self) -> bool {
        self.refused() == 0
    }

    /// How many changes are not permitted.
    pub(super) fn refused(&self) -> usize {
        let refused = |mark: &&Mark| matches!(mark, Mark::Refused(_));
        let said = self.pairs.iter().flat_map(|said| said.iter().flatten());
        let marks = said.map(|said| &said.mark).chain(self.unbound.values());
        let marks = marks.chain(&self.doubts);
        marks.filter(refused).count()
    }

    /// What is said of a workload that no policy holds any more.
    pub(super) fn unbound(&self, unit: &Unit) -> Option<&Mark> {
        self.unbound.get(unit)
    }

    /// What is said of what cannot be judged, by its place in the difference.
    pub(super) fn doubt(&self, place: usize) -> Option<&Mark> {
        self.doubts.get(place)
    }

    /// How many objects no answer knows of, as a part of the verdict; empty if there are none.
    pub(super) fn aside(&self) -> String {
        match self.aside {
            [0, 0] => String::new(),
            [before, now] if before == now => format!("; {}", not_judged(now)),
            [0, now] => format!("; {}", not_judged(now)),
            [before, 0] => format!("; {} before", not_judged(before)),
            [before, now] => format!("; {} before, {} now", not_judged(before), not_judged(now)),
        }
    }

    /// How many objects were left aside: before, and now.
    pub(super) const fn counts_aside(&self) -> [usize; 2] {
        self.aside
    }

    /// Allowances that nothing needs.
    pub(super) fn unused(&self) -> &[Allowance] {
        &self.unused
    }

    /// What is said of `change`; `None` if it is no more access.
    pub(super) fn mark(&self, change: One<'_>) -> Option<&Mark> {
        Some(&self.said(change)?.mark)
    }

    /// Where an end of the connection that shows `change` is written.
    pub(super) fn home(&self, change: One<'_>) -> Option<&Source> {
        self.said(change)?.home.as_ref()
    }

    fn said(&self, change: One<'_>) -> Option<&Said> {
        let changes = self.pairs.get(change.place)?;
        changes.get(change.number)?.as_ref()
    }

    /// The file for what is written nowhere.
    pub(super) fn first(&self) -> &str {
        &self.first
    }
}
