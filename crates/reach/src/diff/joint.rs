//! Units of both clusters, pair by pair.

use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use super::twins::{Twins, twins};
use super::{Change, Kind, PairChange, Transition, shown};
use crate::matrix::{Ends, by_reason};
use crate::workload::{Groups, Unit, may_meet};

/// Two clusters, and what they have in common.
pub(super) struct Joint<'a> {
    before: &'a Engine,
    after: &'a Engine,
    units: Vec<(&'a Unit, Vec<Twins<'a>>)>,
}

/// What changes between two sets of twins, and members to show it.
struct Meeting<'a> {
    transition: Transition,
    ends: [Ends<'a>; 2],
}

impl<'a> Joint<'a> {
    /// The units of `old`, which groups `before`, that are in `new`, which groups `after`.
    pub(super) fn of(
        before: &'a Engine,
        after: &'a Engine,
        old: &'a Groups,
        new: &'a Groups,
    ) -> Self {
        let units = old.units().filter_map(|unit| {
            let twins = twins([before, after], old.parts(unit), new.parts(unit));
            (!twins.is_empty()).then_some((unit, twins))
        });
        Self {
            before,
            after,
            units: units.collect(),
        }
    }

    /// The pairs of units between which something changes.
    pub(super) fn changes(&self, is_asked: impl Fn(&Unit, &Unit) -> bool) -> Vec<PairChange> {
        let sources = self.units.iter();
        sources
            .flat_map(|source| {
                self.units
                    .iter()
                    .map(move |destination| (source, destination))
            })
            .filter(|(source, destination)| is_asked(source.0, destination.0))
            .filter_map(|(source, destination)| {
                let changes = changes(&self.meetings(&source.1, &destination.1));
                (!changes.is_empty()).then(|| PairChange {
                    source: source.0.clone(),
                    destination: destination.0.clone(),
                    changes,
                })
            })
            .collect()
    }

    fn meetings(
        &'a self,
        sources: &'a [Twins<'a>],
        destinations: &'a [Twins<'a>],
    ) -> Vec<Meeting<'a>> {
        let pairs = sources.iter().flat_map(|source| {
            destinations
                .iter()
                .map(move |destination| (source, destination))
        });
        pairs
            .filter_map(|(source, destination)| self.meeting(source, destination))
            .collect()
    }

    /// `None` if there are no two members of each that may meet in both clusters.
    fn meeting(&'a self, source: &'a Twins<'a>, destination: &'a Twins<'a>) -> Option<Meeting<'a>> {
        let ends = self.ends(source, destination)?;
        let reach = |engine: &Engine, side: usize| {
            let (from, to) = (source.parts.get(side)?, destination.parts.get(side)?);
            Some(engine.between(from.class, to.class))
        };
        let (before, after) = (reach(self.before, 0)?, reach(self.after, 1)?);
        Some(Meeting {
            transition: Transition::between_reaches(&before, &after),
            ends,
        })
    }

    fn ends(&'a self, source: &'a Twins<'a>, destination: &'a Twins<'a>) -> Option<[Ends<'a>; 2]> {
        if !source.speaks_with(destination) {
            return None;
        }
        let sources = source.members.iter();
        let mut pairs =
            sources.flat_map(|from| destination.members.iter().map(move |to| (from, to)));
        let meets = |engine: &Engine, from, to| may_meet(engine.cluster(), from, to);
        let (from, to) = pairs.find(|(from, to)| {
            meets(self.before, &from.before, &to.before)
                && meets(self.after, &from.after, &to.after)
        })?;
        let ends = |engine, source, destination| Ends {
            engine,
            source,
            destination,
        };
        Some([
            ends(self.before, &from.before, &to.before),
            ends(self.after, &from.after, &to.after),
        ])
    }
}

/// What changes in any meeting, with one to show it.
fn changes(meetings: &[Meeting<'_>]) -> Vec<Change> {
    let kinds = Kind::ALL.into_iter();
    kinds.flat_map(|kind| changes_of(kind, meetings)).collect()
}

fn changes_of(kind: Kind, meetings: &[Meeting<'_>]) -> Vec<Change> {
    let everywhere = meetings
        .iter()
        .fold(ConnectionSet::all(), |common, meeting| {
            common.intersection(meeting.transition.of(kind))
        });
    let mut told = ConnectionSet::none();
    let mut changes = Vec::new();
    for meeting in meetings {
        let connections = meeting.transition.of(kind).difference(&told);
        told = told.union(&connections);
        for (connections, [before, after]) in by_reason(meeting.ends, &connections) {
            changes.push(Change {
                kind,
                partial: !connections.is_subset(&everywhere),
                connections,
                before: shown(before),
                after: shown(after),
            });
        }
    }
    changes
}
