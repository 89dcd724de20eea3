//! What may be newly allowed and cannot be judged: names whose addresses nobody knows (rule AM-19), labels that only a
//! running cluster knows (rule OB-10), and policies for pods that are not there.

mod absent;
mod named;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, Object, ObjectKey, Pod, Source};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use super::Difference;
use crate::workload::{Groups, Member, Unit, by_workload};

pub(super) use absent::absent;
pub(crate) use named::{Accepted, accepted, places};

/// What cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// What it is about.
    pub what: Doubted,
    /// Workloads that it is about.
    pub units: BTreeSet<Unit>,
    /// Where it is written, if that is known.
    pub source: Option<Source>,
}

/// Why something cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubted {
    /// A rule accepts what has this name, of which nobody knows all addresses.
    Name {
        /// The name, as policies write it.
        name: String,
        /// Which connections are not allowed to everybody anyway.
        connections: ConnectionSet,
    },
    /// A policy, which was not there like that, selects by this label.
    Label {
        /// The policy.
        policy: ObjectKey,
        /// The label.
        label: String,
    },
    /// A policy, which is new, another one or gone, selects no pod of the manifests.
    Absent {
        /// The policy.
        policy: ObjectKey,
    },
}

impl Difference {
    /// The same with what cannot be judged of the names that are accepted, and of how policies select.
    pub(super) fn with_doubts(
        mut self,
        (before, after): (&Accepted, &Accepted),
        places: &BTreeMap<String, Source>,
        labels: Vec<Doubt>,
    ) -> Self {
        let mut by_name: BTreeMap<Doubted, BTreeSet<Unit>> = BTreeMap::new();
        for (key, connections) in after {
            let known = before.get(key);
            let new = known.map_or(connections.clone(), |known| connections.difference(known));
            if !new.is_empty() {
                let (unit, name) = key.clone();
                let what = Doubted::Name {
                    name,
                    connections: new,
                };
                by_name.entry(what).or_default().insert(unit);
            }
        }
        let names = by_name.into_iter().map(|(what, units)| Doubt {
            source: what.name().and_then(|name| places.get(name)).cloned(),
            what,
            units,
        });
        self.doubts = names.chain(labels).collect();
        self.doubts.sort();
        self
    }
}

impl Doubted {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Name { name, .. } => Some(name),
            Self::Label { .. } | Self::Absent { .. } => None,
        }
    }
}

/// The policies of `after` that select by labels which only a running cluster knows, and that `before` has not like that.
/// Those that no pod can be selected by are left out.
pub(super) fn labels(before: Option<&Cluster>, (engine, groups): (&Engine, &Groups)) -> Vec<Doubt> {
    let after = engine.cluster();
    let selectors = after.unknowable_selectors().into_iter();
    let is_new = |policy: &ObjectKey| before.is_none_or(|before| !is_same(before, after, policy));
    let new = selectors.filter(|found| is_new(&found.policy));
    let doubts = new.map(|found| {
        let judges = |unit: &&Unit| match (&found.namespace, unit.namespace()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(namespace)) => own == namespace,
        };
        Doubt {
            units: groups.units().filter(judges).cloned().collect(),
            what: Doubted::Label {
                policy: found.policy,
                label: found.label,
            },
            source: found.source,
        }
    });
    doubts.filter(|doubt| !doubt.units.is_empty()).collect()
}

/// Whether both have the same policy under this name.
fn is_same(before: &Cluster, after: &Cluster, policy: &ObjectKey) -> bool {
    let (one, other) = (written(before, policy), written(after, policy));
    matches!((one, other), (Some(one), Some(other)) if one.same_content(&other))
}

fn written(cluster: &Cluster, key: &ObjectKey) -> Option<Object> {
    let namespaced = cluster.network_policies.values().cloned();
    let scoped = cluster.cluster_policies.values().cloned();
    let mut all = namespaced
        .map(Object::NetworkPolicy)
        .chain(scoped.map(Object::ClusterPolicy));
    all.find(|object| object.key() == *key)
}

/// The workloads that have pods on the pod network which `wanted` of them.
fn units_of(
    cluster: &Cluster,
    wanted: impl Fn(&Pod) -> bool,
) -> impl Iterator<Item = (Unit, &Pod)> {
    let pods = cluster.pods.values();
    let pods = pods.filter(move |pod| pod.is_on_pod_network() && wanted(pod));
    pods.map(|pod| (by_workload(&Member::Pod(pod)), pod))
}
