//! Policies of one tier and priority that meet at a pod and may decide differently (rules CN-22, AM-13).

use std::collections::{BTreeMap, BTreeSet};

use super::key;
use super::overlap::may_contradict;
use crate::diagnostic::{Diagnostic, Severity};
use crate::{Cluster, ClusterPolicy, ClusterTier, Direction, Labels, ObjectName, PodScope};

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

/// A policy and the pods that it is about.
type Placed<'a> = (&'a ClusterPolicy, BTreeSet<&'a ObjectName>);

/// The warnings about `group`, which is in order.
fn meetings<'a>(pods: &Pods<'a>, group: &[&'a ClusterPolicy]) -> Vec<Diagnostic> {
    let placed = group
        .iter()
        .map(|policy| (*policy, pods.in_scope(&policy.subject).collect()));
    let placed: Vec<Placed<'a>> = placed.collect();
    let later = placed.iter().enumerate();
    let warnings = later.filter_map(|(place, later)| {
        let mut before = placed.iter().take(place);
        before.find_map(|before| meeting(before, later))
    });
    warnings.collect()
}

/// What is to be said of a policy and one before it, if both can match one connection of a pod and differ about it.
fn meeting((before, its_pods): &Placed<'_>, (policy, pods): &Placed<'_>) -> Option<Diagnostic> {
    let mut directions = Direction::ALL.into_iter();
    let direction = directions.find(|direction| may_contradict(before, policy, *direction))?;
    let pod = its_pods.intersection(pods).next()?;
    Some(warning(policy, before, (pod, direction)))
}

fn warning(
    policy: &ClusterPolicy,
    before: &ClusterPolicy,
    (pod, direction): (&ObjectName, Direction),
) -> Diagnostic {
    let message = format!(
        "{} has the priority of {} in tier {}, and both can match one connection in {direction} of pod {pod}: which of \
         them is asked first is not defined, and here it is {}",
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
