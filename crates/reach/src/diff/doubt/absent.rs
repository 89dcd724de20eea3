//! Policies for pods that manifests do not hold.

use std::collections::BTreeMap;

use ringfence_model::{
    Cluster, ClusterAction, ClusterPolicy, ClusterTier, Direction, LabelSelector, Labels,
    NetworkPolicy, Object, ObjectKey, ObjectName, in_brackets,
};

use super::{Doubt, Doubted};
use crate::imagined::fitting;
use crate::workload::Unit;

#[derive(Clone, Copy)]
enum Policy<'a> {
    Namespaced(&'a NetworkPolicy),
    Scoped(&'a ClusterPolicy),
}

/// A policy that selects no pod of its cluster, and a pod that it is for.
struct Orphan<'a> {
    policy: Policy<'a>,
    pod: ObjectName,
    labels: Labels,
}

/// The policies that select no pod of their cluster and that the other one has not like that, as far as they may allow what was
/// not allowed before: a new one only by what it admits of pods that others hold.
pub(in crate::diff) fn absent(before: &Cluster, after: &Cluster) -> Vec<Doubt> {
    let mut orphans = orphans(before);
    orphans.extend(self::orphans(after));
    let changed = orphans.into_iter().filter(|(_, orphan)| {
        let [old, new] = [before, after].map(|cluster| orphan.policy.within(cluster));
        match [old, new] {
            [Some(old), Some(new)] => !old.same_content(&new),
            [None, Some(_)] => orphan.admits(before),
            [_, None] => true,
        }
    });
    let doubts = changed.map(|(policy, orphan)| Doubt {
        what: Doubted::Absent { policy },
        units: [Unit::pod(&orphan.pod.namespace, &orphan.pod.name)].into(),
        source: orphan.policy.object().source().cloned(),
    });
    doubts.collect()
}

fn orphans(cluster: &Cluster) -> BTreeMap<ObjectKey, Orphan<'_>> {
    let namespaced = cluster.network_policies.values();
    let namespaced = namespaced.filter_map(|policy| namespaced_orphan(cluster, policy));
    let scoped = cluster.cluster_policies.values();
    let scoped = scoped.filter_map(|policy| scoped_orphan(cluster, policy));
    let all = namespaced.chain(scoped);
    all.map(|orphan| (orphan.policy.object().key(), orphan))
        .collect()
}

fn namespaced_orphan<'a>(cluster: &Cluster, policy: &'a NetworkPolicy) -> Option<Orphan<'a>> {
    let namespace = &policy.name.namespace;
    let is_in_force = Direction::ALL.iter().any(|one| policy.isolates(*one));
    let pods = cluster.pods.range(ObjectName::new(namespace, "")..);
    let mut pods = pods.take_while(|(name, _)| name.namespace == *namespace);
    let is_meant =
        pods.any(|(_, pod)| pod.is_on_pod_network() && policy.pod_selector.matches(&pod.labels));
    if !is_in_force || is_meant {
        return None;
    }
    let labels = labels(Some(&policy.pod_selector))?;
    Some(Orphan {
        pod: ObjectName::by_labels(namespace, &labels),
        policy: Policy::Namespaced(policy),
        labels,
    })
}

fn scoped_orphan<'a>(cluster: &Cluster, policy: &'a ClusterPolicy) -> Option<Orphan<'a>> {
    let subject = &policy.subject;
    let is_subject = |namespace: &str, labels: &Labels| {
        let selector = subject.namespaces.as_ref();
        let is_there = selector
            .is_none_or(|one: &LabelSelector| one.matches(&cluster.namespace_labels(namespace)));
        let pods = subject.pods.as_ref();
        is_there && pods.is_none_or(|one: &LabelSelector| one.matches(labels))
    };
    let mut pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
    if pods.any(|pod| is_subject(&pod.name.namespace, &pod.labels)) {
        return None;
    }
    let namespace = labels(subject.namespaces.as_ref())?;
    let labels = labels(subject.pods.as_ref())?;
    Some(Orphan {
        pod: ObjectName::by_labels(&in_brackets(&namespace), &labels),
        policy: Policy::Scoped(policy),
        labels,
    })
}

fn labels(selector: Option<&LabelSelector>) -> Option<Labels> {
    let wanted = selector.map(LabelSelector::requirements);
    fitting(&wanted.unwrap_or_default(), "any")
}

impl Policy<'_> {
    fn object(self) -> Object {
        match self {
            Self::Namespaced(policy) => Object::NetworkPolicy(policy.clone()),
            Self::Scoped(policy) => Object::ClusterPolicy(policy.clone()),
        }
    }

    /// The policy of that name in `cluster`.
    fn within(self, cluster: &Cluster) -> Option<Object> {
        let found = match self {
            Self::Namespaced(policy) => {
                let found = cluster.network_policies.get(&policy.name);
                found.map(Policy::Namespaced)
            }
            Self::Scoped(policy) => {
                let found = cluster.cluster_policies.get(&policy.name);
                found.map(Policy::Scoped)
            }
        };
        found.map(Policy::object)
    }
}

impl Orphan<'_> {
    /// Whether something that the policy accepts may have been denied in a cluster without it.
    fn admits(&self, before: &Cluster) -> bool {
        match self.policy {
            Policy::Namespaced(policy) => Direction::ALL.into_iter().any(|direction| {
                let accepts = policy.isolates(direction) && !policy.rules(direction).is_empty();
                accepts && self.is_held(before, direction)
            }),
            Policy::Scoped(policy) => {
                let directions = Direction::ALL.into_iter();
                let mut rules = directions.flat_map(|direction| policy.rules(direction));
                rules.any(|rule| rule.action != ClusterAction::Deny)
            }
        }
    }

    /// Whether the pod was isolated, or a baseline may have denied it something.
    fn is_held(&self, cluster: &Cluster, direction: Direction) -> bool {
        let mut isolating = cluster.policies_in(&self.pod.namespace);
        let mut baseline = cluster.cluster_policies.values();
        isolating
            .any(|policy| policy.isolates(direction) && policy.pod_selector.matches(&self.labels))
            || baseline.any(|policy| {
                policy.tier == ClusterTier::Baseline && !policy.rules(direction).is_empty()
            })
    }
}
