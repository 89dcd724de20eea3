//! How much is open.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_policy::{ClassId, Engine};
use serde::Serialize;

use super::inhabitants::Inhabitants;
use crate::workload::Unit;

/// Pairs of different workloads of which one may open something to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pairs {
    /// Of how many the first may open some connection to the second.
    pub open: usize,
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
    let mut reached = vec![vec![false; units.len()]; units.len()];
    engine.for_each_row(|sources, row| {
        let open = row
            .cells
            .iter()
            .filter(|(reach, _)| !reach.allowed.is_empty());
        let classes = open.flat_map(|(_, classes)| classes.iter());
        let targets: BTreeSet<usize> = classes
            .filter_map(|class| members.get(&class))
            .flatten()
            .copied()
            .collect();
        for source in sources
            .iter()
            .filter_map(|class| members.get(&class))
            .flatten()
        {
            if let Some(row) = reached.get_mut(*source) {
                mark(row, targets.iter().filter(|target| *target != source));
            }
        }
    });
    Pairs {
        open: reached.iter().flatten().filter(|open| **open).count(),
        all: units.len() * units.len().saturating_sub(1),
    }
}

fn mark<'t>(row: &mut [bool], targets: impl Iterator<Item = &'t usize>) {
    for target in targets {
        if let Some(open) = row.get_mut(*target) {
            *open = true;
        }
    }
}
