//! What changes for pods that rules name and manifests do not hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use ringfence_policy::Engine;

use super::{Change, Difference, Kind, PairChange, joint};
use crate::imagined::{Imagined, Stage, is_imagined};
use crate::workload::Unit;

impl Difference {
    /// The same with what changes between workloads and pods that rules of either side name and that its manifests do not
    /// hold, or that they name more widely than those of the other do, as far as such a rule decides. Of workloads whose pods policies tell apart everything is told that changes for such
    /// pods: what shows a change is not all that decides it.
    #[must_use]
    pub fn with_imagined(mut self, before: &Engine, after: &Engine) -> Self {
        let side = |own: &Engine, other: &Engine| {
            let (own, other) = (own.cluster(), other.cluster());
            Imagined::of(own).with(&Imagined::widened(other, own))
        };
        let (old, new) = (&side(before, after), &side(after, before));
        let both = old.with(new);
        if !both.is_empty() {
            let stages = [before, after].map(|engine| Stage::with(engine.cluster(), &both));
            let stages = stages.each_ref();
            self.pairs.extend(changes(&both, [old, new], stages));
            self.pairs
                .sort_by(|one, other| one.units().cmp(&other.units()));
        }
        self
    }
}

fn changes(both: &Imagined, sides: [&Imagined; 2], stages: [&Stage; 2]) -> Vec<PairChange> {
    let [before, after] = stages;
    let named = both.pairs();
    let joint = joint::Joint::of(&before.engine, &after.engine, &before.groups, &after.groups);
    let pairs = joint.changes(&joint::OldRows::of(&before.engine), is_imagined);
    let pairs = pairs.into_iter().filter(|pair| {
        let (source, destination) = pair.units();
        named.contains(&(source.clone(), destination.clone()))
    });
    let is_whole = |unit: &Unit| {
        let mut sides = stages.iter();
        sides.all(|stage| stage.groups.parts(unit).len() < 2)
    };
    let found = pairs.filter_map(|pair| {
        let is_whole = is_whole(&pair.source) && is_whole(&pair.destination);
        if is_whole {
            decided(sides, &pair)
        } else {
            Some(pair)
        }
    });
    let mut found: Vec<PairChange> = found.collect();
    let [old_units, new_units] = stages.map(|stage| stage.groups.units().collect::<BTreeSet<_>>());
    for (side, stage, others, kind) in [
        (sides[0], before, &new_units, Kind::Closed),
        (sides[1], after, &old_units, Kind::Opened),
    ] {
        for (source, destination) in side.pairs() {
            if [&source, &destination]
                .iter()
                .all(|unit| others.contains(unit))
            {
                continue;
            }
            let changes = side.one_sided(stage, (&source, &destination), kind);
            found.extend(pair_of(source, destination, changes));
        }
    }
    found
}

/// Of two of which each is of one part: the changes of `pair` that a rule decides, on either side, which names its imagined end. Of pairs that were judged once for
/// all, nobody looked at what decides.
fn decided([before, after]: [&Imagined; 2], pair: &PairChange) -> Option<PairChange> {
    let is_decided = |change: &&Change| {
        let shown = [(before, &change.before), (after, &change.after)];
        change.shown_by.is_some()
            || shown
                .into_iter()
                .any(|(side, shown)| shown.as_ref().is_some_and(|shown| side.decide(shown)))
    };
    let changes = pair.changes.iter().filter(is_decided).cloned().collect();
    let (source, destination) = pair.units();
    pair_of(source.clone(), destination.clone(), changes)
}

fn pair_of(source: Unit, destination: Unit, changes: Vec<Change>) -> Option<PairChange> {
    (!changes.is_empty()).then(|| PairChange {
        source: Arc::new(source),
        destination: Arc::new(destination),
        changes: changes.into(),
    })
}
