//! How many other workloads pass at each, in the cluster and in its namespace.

use std::collections::BTreeMap;

use ringfence_policy::{ClassId, ClassSet};

use super::sides::Passing;
use crate::audit::stage::Stage;
use crate::audit::workload::{Workload, Workloads};

/// So many open pairs are no network yet: all of three workloads are six.
const FEW_PAIRS: usize = 5;

/// Some of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) found: usize,
    pub(super) of: usize,
}

impl Share {
    pub(super) const fn is_most(self) -> bool {
        self.found * 2 > self.of
    }

    /// Nine of ten: that somebody is left out changes little.
    pub(super) const fn is_nearly_all(self) -> bool {
        self.of > 0 && self.found * 10 >= self.of * 9
    }

    const fn is_flat(self) -> bool {
        self.found > FEW_PAIRS && self.is_most()
    }

    fn add(&mut self, more: Self) {
        self.found += more.found;
        self.of += more.of;
    }
}

/// What is counted of one workload.
#[derive(Clone, Debug, Default)]
struct Count {
    /// Who passes, as a place among the sets.
    passing: usize,
    cluster: Share,
    neighbours: Share,
    /// Other namespaces of which any pod passes.
    namespaces: Share,
}

/// What is counted of each workload, by its place, and of all of them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    of: Vec<Count>,
    sets: Vec<ClassSet>,
    cluster: Share,
    namespaces: BTreeMap<String, Share>,
}

impl Counts {
    pub(super) fn of(stage: &Stage, workloads: &Workloads, passing: Passing<'_>) -> Self {
        let counter = Counter::of(stage, workloads);
        let mut counts = Self::default();
        let mut known: BTreeMap<&[usize], usize> = BTreeMap::new();
        let mut totals: BTreeMap<(&[usize], &str), Totals> = BTreeMap::new();
        for (workload, numbers) in workloads.iter().zip(passing.of) {
            if workload.parts.is_empty() {
                counts.of.push(Count::default());
                continue;
            }
            let number = *known.entry(numbers).or_insert_with(|| {
                let sets = numbers
                    .iter()
                    .filter_map(|number| passing.sets.get(*number));
                counts.sets.push(ClassSet::union_of(sets));
                counts.sets.len() - 1
            });
            let Some(set) = counts.sets.get(number) else {
                continue;
            };
            let namespace = workload.namespace();
            let totals = totals.entry((numbers, namespace));
            let totals = *totals.or_insert_with(|| counter.totals(set, namespace));
            let passes_itself = workload.parts.keys().any(|class| set.contains(*class));
            let count = counter.count(workload, number, passes_itself, totals);
            counts.cluster.add(count.cluster);
            let all = counts.namespaces.entry(namespace.to_owned());
            all.or_default().add(count.neighbours);
            counts.of.push(count);
        }
        counts
    }

    /// The other workloads that pass.
    pub(super) fn cluster(&self, place: usize) -> Share {
        self.of
            .get(place)
            .map_or_else(Share::default, |of| of.cluster)
    }

    /// Those of its namespace.
    pub(super) fn neighbours(&self, place: usize) -> Share {
        let of = self.of.get(place);
        of.map_or_else(Share::default, |of| of.neighbours)
    }

    /// The other namespaces of which any pod passes.
    pub(super) fn namespaces(&self, place: usize) -> Share {
        let of = self.of.get(place);
        of.map_or_else(Share::default, |of| of.namespaces)
    }

    /// Whether most pairs of workloads are open.
    pub(super) const fn is_flat(&self) -> bool {
        self.cluster.is_flat()
    }

    /// Whether most pairs of one namespace are.
    pub(super) fn is_flat_in(&self, namespace: &str) -> bool {
        let share = self.namespaces.get(namespace);
        share.is_some_and(|share| share.is_flat())
    }

    /// Who passes, strangers among them.
    pub(super) fn passing(&self, place: usize) -> Option<&ClassSet> {
        self.sets.get(self.of.get(place)?.passing)
    }
}

/// How many workloads some classes are.
struct Counter<'a> {
    stage: &'a Stage,
    workloads: &'a Workloads,
    /// Classes that are a workload each, which need only be counted.
    simple: ClassSet,
    /// The others, of which several are one workload or several workloads are one.
    mixed: ClassSet,
    all: usize,
    of_namespace: BTreeMap<&'a str, usize>,
    /// The namespace of each stranger that stands in one of the cluster's.
    strangers: BTreeMap<ClassId, &'a str>,
}

/// What holds for all workloads of a namespace that have the same policies.
#[derive(Clone, Copy)]
struct Totals {
    cluster: usize,
    neighbours: usize,
    namespaces: usize,
}

impl<'a> Counter<'a> {
    fn of(stage: &'a Stage, workloads: &'a Workloads) -> Self {
        let mut counter = Self {
            stage,
            workloads,
            simple: ClassSet::new(),
            mixed: ClassSet::new(),
            all: 0,
            of_namespace: BTreeMap::new(),
            strangers: stage.strangers_of_namespaces().collect(),
        };
        for workload in workloads.iter().filter(|one| !one.parts.is_empty()) {
            counter.all += 1;
            *counter
                .of_namespace
                .entry(workload.namespace())
                .or_default() += 1;
            for class in workload.parts.keys() {
                let is_simple = workload.parts.len() == 1 && workloads.places(*class).len() == 1;
                if is_simple {
                    counter.simple.insert(*class);
                } else {
                    counter.mixed.insert(*class);
                }
            }
        }
        counter
    }

    fn totals(&self, passing: &ClassSet, namespace: &str) -> Totals {
        let own = self.stage.classes_of(namespace);
        let neighbours = own.map_or_else(ClassSet::new, |own| passing.intersection(own));
        let strangers = passing.intersection(self.stage.neighbours());
        let strangers = strangers
            .iter()
            .filter_map(|class| self.strangers.get(&class));
        let mut namespaces: Vec<&str> = strangers.copied().collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        Totals {
            cluster: self.workloads_of(passing),
            neighbours: self.workloads_of(&neighbours),
            namespaces: namespaces.iter().filter(|one| **one != namespace).count(),
        }
    }

    fn workloads_of(&self, classes: &ClassSet) -> usize {
        let simple = classes.intersection(&self.simple).len();
        let mixed = classes.intersection(&self.mixed);
        let places = mixed.iter().flat_map(|class| self.workloads.places(class));
        let mut places: Vec<usize> = places.copied().collect();
        places.sort_unstable();
        places.dedup();
        simple + places.len()
    }

    /// That a workload passes at itself does not count.
    fn count(
        &self,
        workload: &Workload,
        passing: usize,
        passes_itself: bool,
        totals: Totals,
    ) -> Count {
        let itself = usize::from(passes_itself);
        let of_namespace = self.of_namespace.get(workload.namespace());
        let of_namespace = of_namespace.copied().unwrap_or_default();
        let others = |found: usize, of: usize| Share {
            found: found.saturating_sub(itself),
            of: of.saturating_sub(1),
        };
        Count {
            passing,
            cluster: others(totals.cluster, self.all),
            neighbours: others(totals.neighbours, of_namespace),
            namespaces: Share {
                found: totals.namespaces,
                of: self.of_namespace.len().saturating_sub(1),
            },
        }
    }
}
