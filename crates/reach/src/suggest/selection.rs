//! The fewest labels that select exactly one workload, and go on selecting it.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Labels, ObjectName, Pod, UNKNOWN_LABEL_VALUE};

use super::inhabitants::{Inhabitants, unit_of};
use crate::workload::Unit;

/// Labels that are gone with the next release, or differ from pod to pod.
const PASSING: [&str; 16] = [
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "chart",
    "controller-revision-hash",
    "controller-uid",
    "date",
    "helm.sh/chart",
    "heritage",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
    "tags.datadoghq.com/version",
    "version",
];

/// Labels that people call workloads by, the best first.
const NAMING: [&str; 8] = [
    "app.kubernetes.io/name",
    "app",
    "k8s-app",
    "name",
    "app.kubernetes.io/component",
    "component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/part-of",
];

/// More labels than this are not tried in every combination.
const MOST: usize = 12;

/// Labels for a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) labels: Labels,
    /// Other workloads of the namespace that have the labels too; empty if the labels say exactly what is meant.
    pub(super) others: BTreeSet<Unit>,
}

/// The selections of workloads, made when they are asked for.
pub(super) struct Selections<'a> {
    inhabitants: &'a Inhabitants<'a>,
    /// Who has a label, by namespace, key and value.
    holders: BTreeMap<(&'a str, &'a str, &'a str), BTreeSet<&'a ObjectName>>,
    /// The labels that Services select by, by namespace.
    served: BTreeSet<(&'a str, &'a str)>,
}

type Pair<'a> = (&'a str, &'a str);

impl<'a> Selections<'a> {
    pub(super) fn of(inhabitants: &'a Inhabitants<'a>) -> Self {
        let mut holders: BTreeMap<_, BTreeSet<&ObjectName>> = BTreeMap::new();
        let pods = inhabitants.cluster.pods.values();
        for pod in pods.filter(|pod| pod.is_on_pod_network()) {
            for (key, value) in &pod.labels {
                let place = (pod.name.namespace.as_str(), key.as_str(), value.as_str());
                holders.entry(place).or_default().insert(&pod.name);
            }
        }
        let services = inhabitants.cluster.services.iter();
        let served = services.flat_map(|(name, service)| {
            let keys = service.selector.keys();
            keys.map(|key| (name.namespace.as_str(), key.as_str()))
        });
        Self {
            inhabitants,
            holders,
            served: served.collect(),
        }
    }

    /// The fewest labels for `unit`; all that stay if none are exact. Nothing if no label stays.
    pub(super) fn get(&self, unit: &Unit) -> Option<Selection> {
        let pods: Vec<&Pod> = self
            .inhabitants
            .pods_of(unit)
            .iter()
            .copied()
            .filter(|pod| pod.is_on_pod_network())
            .collect();
        let namespace = unit.namespace()?;
        let pairs = self.candidates(namespace, &pods);
        let exact = self.smallest(namespace, &pairs, pods.len());
        let chosen = exact.unwrap_or_else(|| pairs.clone());
        if chosen.is_empty() {
            return None;
        }
        let selected = self.selected(namespace, &chosen);
        let cluster = self.inhabitants.cluster;
        let units = selected
            .iter()
            .filter_map(|name| cluster.pods.get(*name))
            .map(unit_of);
        Some(Selection {
            others: units.filter(|other| other != unit).collect(),
            labels: chosen
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        })
    }

    /// The labels that all of `pods` have and keep, the best first.
    fn candidates(&self, namespace: &'a str, pods: &[&'a Pod]) -> Vec<Pair<'a>> {
        let Some((first, rest)) = pods.split_first() else {
            return Vec::new();
        };
        let common = first.labels.iter().filter(|(key, value)| {
            let mut rest = rest.iter();
            !PASSING.contains(&key.as_str())
                && *value != UNKNOWN_LABEL_VALUE
                && rest.all(|pod| pod.labels.get(*key) == Some(*value))
        });
        let mut pairs: Vec<Pair<'_>> = common
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        pairs.sort_by_key(|(key, _)| {
            let rank = NAMING.iter().position(|name| name == key);
            (
                !self.served.contains(&(namespace, key)),
                rank.unwrap_or(NAMING.len()),
                *key,
            )
        });
        pairs.truncate(MOST);
        pairs
    }

    /// The fewest of `pairs` that `count` pods have.
    fn smallest(&self, namespace: &str, pairs: &[Pair<'a>], count: usize) -> Option<Vec<Pair<'a>>> {
        let mut sized: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..pairs.len() {
            sized = sized
                .iter()
                .flat_map(|chosen| {
                    let next = chosen.last().map_or(0, |last| last + 1);
                    (next..pairs.len()).map(|more| {
                        let mut chosen = chosen.clone();
                        chosen.push(more);
                        chosen
                    })
                })
                .collect();
            for chosen in &sized {
                let chosen: Vec<Pair<'_>> = chosen
                    .iter()
                    .filter_map(|index| pairs.get(*index))
                    .copied()
                    .collect();
                if self.selected(namespace, &chosen).len() == count {
                    return Some(chosen);
                }
            }
        }
        None
    }

    /// The pods of `namespace` that have all of `pairs`.
    fn selected(&self, namespace: &str, pairs: &[Pair<'_>]) -> BTreeSet<&'a ObjectName> {
        let mut sets: Vec<&BTreeSet<&ObjectName>> = Vec::new();
        for (key, value) in pairs {
            match self.holders.get(&(namespace, *key, *value)) {
                Some(holders) => sets.push(holders),
                None => return BTreeSet::new(),
            }
        }
        sets.sort_by_key(|set| set.len());
        let Some((first, rest)) = sets.split_first() else {
            return BTreeSet::new();
        };
        let common = first
            .iter()
            .filter(|name| rest.iter().all(|set| set.contains(*name)));
        common.copied().collect()
    }
}
