//! Policies of one tier and priority that meet at a pod and may decide differently (rules CN-22, AM-13).

use std::collections::{BTreeMap, BTreeSet};

use super::key;
use crate::diagnostic::{Diagnostic, Severity};
use crate::{
    Cluster, ClusterAction, ClusterPolicy, ClusterTier, Direction, Labels, ObjectName, PodScope,
};

/// One warning for each policy that meets another before it in the order of rule AM-20.
pub(super) fn warnings(cluster: &Cluster) -> Vec<Diagnostic> {
    let mut groups: BTreeMap<(ClusterTier, u16), Vec<&ClusterPolicy>> = BTreeMap::new();
    for policy in cluster.cluster_policies.values() {
        if let Some(priority) = policy.priority {
            groups
                .entry((policy.tier, priority))
                .or_default()
                .push(policy);
        }
    }
    groups.retain(|_, group| group.len() > 1);
    if groups.is_empty() {
        return Vec::new();
    }
    let pods = Pods::of(cluster);
    let of_group = |group: &Vec<_>| meetings(&pods, group);
    groups.values().flat_map(of_group).collect()
}

/// The live pods of the pod network; those that no selector tells apart are one.
struct Pods<'a> {
    cluster: &'a Cluster,
    /// The first of each, by namespace and labels.
    by_namespace: BTreeMap<&'a str, BTreeMap<&'a Labels, &'a ObjectName>>,
}

impl<'a> Pods<'a> {
    fn of(cluster: &'a Cluster) -> Self {
        let mut by_namespace: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for pod in cluster.pods.values().filter(|pod| pod.is_on_pod_network()) {
            by_namespace
                .entry(pod.name.namespace.as_str())
                .or_default()
                .entry(&pod.labels)
                .or_insert(&pod.name);
        }
        Self {
            cluster,
            by_namespace,
        }
    }

    /// The pods of `scope` (rules CN-2 to CN-4).
    fn in_scope<'s>(&'s self, scope: &'s PodScope) -> impl Iterator<Item = &'a ObjectName> + 's {
        let namespaces = self.by_namespace.iter().filter(|(name, _)| {
            let selector = scope.namespaces.as_ref();
            selector.is_none_or(|found| found.matches(&self.cluster.namespace_labels(name)))
        });
        let pods = namespaces.flat_map(|(_, pods)| pods);
        pods.filter(|(labels, _)| {
            scope
                .pods
                .as_ref()
                .is_none_or(|found| found.matches(labels))
        })
        .map(|(_, name)| *name)
    }
}

/// The actions of a policy's rules in one direction.
type Actions = BTreeSet<ClusterAction>;

/// Where a policy has something to say: a pod and a direction.
type Place<'a> = (&'a ObjectName, Direction);

/// The warnings about `group`, which is in order.
fn meetings<'a>(pods: &Pods<'a>, group: &[&'a ClusterPolicy]) -> Vec<Diagnostic> {
    let mut before: BTreeMap<Place<'a>, BTreeMap<Actions, &'a ClusterPolicy>> = BTreeMap::new();
    let mut warnings = Vec::new();
    for policy in group {
        let mut met = None;
        for place in places(pods, policy) {
            let actions = actions(policy, place.1);
            let others = before.entry(place).or_default();
            if met.is_none() {
                let other = others
                    .iter()
                    .find(|(other, _)| other.union(&actions).count() > 1);
                met = other.map(|(_, other)| warning(policy, other, place));
            }
            others.entry(actions).or_insert(policy);
        }
        warnings.extend(met);
    }
    warnings
}

fn places<'a>(pods: &Pods<'a>, policy: &ClusterPolicy) -> Vec<Place<'a>> {
    let directions = Direction::ALL.into_iter();
    let directions: Vec<Direction> = directions
        .filter(|direction| !policy.rules(*direction).is_empty())
        .collect();
    pods.in_scope(&policy.subject)
        .flat_map(|pod| directions.iter().map(move |direction| (pod, *direction)))
        .collect()
}

fn actions(policy: &ClusterPolicy, direction: Direction) -> Actions {
    let rules = policy.rules(direction).iter();
    rules.map(|rule| rule.action).collect()
}

fn warning(
    policy: &ClusterPolicy,
    before: &ClusterPolicy,
    (pod, direction): Place<'_>,
) -> Diagnostic {
    let message = format!(
        "{} has the priority of {} in tier {}, and both judge {direction} of pod {pod}: which of them is asked first \
         is not defined, and here it is {}",
        key(policy),
        key(before),
        policy.tier,
        key(before),
    );
    Diagnostic::new(Severity::Warning, message)
        .with_rule("AM-13")
        .with_source(policy.source.clone())
        .with_help("give them different priorities")
}
