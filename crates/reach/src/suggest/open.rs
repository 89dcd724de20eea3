//! How much is open.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_policy::{ClassId, Engine, Reach};
use serde::Serialize;

use super::inhabitants::Inhabitants;
use crate::workload::Unit;

/// Pairs of different workloads of which one may open something to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pairs {
    /// Of how many the first may open some connection to the second.
    pub open: usize,
    /// Of how many more that depends on an address that nobody tells (rule AM-22).
    pub unknown: usize,
    /// How many there are.
    pub all: usize,
}

/// Counts the pairs of workloads of which one may open something to the other, in either namespace.
pub(super) fn pairs(engine: &Engine, inhabitants: &Inhabitants<'_>) -> Pairs {
    let units: Vec<&Unit> = inhabitants
        .units()
        .filter(|(_, pods)| pods.iter().any(|pod| pod.is_on_pod_network()))
        .map(|(unit, _)| unit)
        .collect();
    let mut members: BTreeMap<ClassId, BTreeSet<usize>> = BTreeMap::new();
    for (number, unit) in units.iter().enumerate() {
        for pod in inhabitants.pods_of(unit) {
            if let Some(class) = engine.class_of_pod(&pod.name) {
                members.entry(class).or_default().insert(number);
            }
        }
    }
    let mut reached = vec![vec![Reached::Never; units.len()]; units.len()];
    engine.for_each_row(|sources, row| {
        for (reach, destinations) in &row.cells {
            let found = Reached::of(reach);
            let targets = destinations.iter().filter_map(|class| members.get(&class));
            let targets: BTreeSet<usize> = targets.flatten().copied().collect();
            let here = sources.iter().filter_map(|class| members.get(&class));
            for source in here.flatten() {
                if let Some(row) = reached.get_mut(*source) {
                    mark(
                        row,
                        targets.iter().filter(|target| *target != source),
                        found,
                    );
                }
            }
        }
    });
    let count = |wanted: Reached| {
        let all = reached.iter().flatten();
        all.filter(|found| **found == wanted).count()
    };
    Pairs {
        open: count(Reached::Open),
        unknown: count(Reached::Unknown),
        all: units.len() * units.len().saturating_sub(1),
    }
}

/// What comes of a pair, the most at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Never,
    Unknown,
    Open,
}

impl Reached {
    fn of(reach: &Reach) -> Self {
        if !reach.allowed.is_empty() {
            Self::Open
        } else if !reach.unknown.is_empty() {
            Self::Unknown
        } else {
            Self::Never
        }
    }
}

fn mark<'t>(row: &mut [Reached], targets: impl Iterator<Item = &'t usize>, found: Reached) {
    for target in targets {
        if let Some(reached) = row.get_mut(*target) {
            *reached = found.max(*reached);
        }
    }
}
