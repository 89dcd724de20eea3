//! The policies in the words of terms, by number.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{ClusterPolicyName, Direction, ObjectName};

use crate::class::entry::Entry;
use crate::class::table::ClassTable;
use crate::class::{ClassId, ClassSet};
use crate::rule::Policy;

/// The number of a policy as it was written once: one that is written anew gets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PolicyId(u32);

/// Kind and name of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PolicyKey {
    Network(ObjectName),
    Cluster(ClusterPolicyName),
    /// What closes a node, by the name of the node (rule HF-2).
    Host(String),
}

/// All policies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    next: u32,
    by_id: BTreeMap<PolicyId, Policy>,
    ids: BTreeMap<PolicyKey, PolicyId>,
    of_namespace: BTreeMap<String, BTreeSet<PolicyId>>,
    /// Those of the cluster, in order of judgement.
    ranked: Vec<PolicyId>,
}

impl Policies {
    /// A number that no policy has had.
    pub(crate) fn new_id(&mut self) -> PolicyId {
        let id = PolicyId(self.next);
        self.next += 1;
        id
    }

    pub(crate) fn get(&self, id: PolicyId) -> Option<&Policy> {
        self.by_id.get(&id)
    }

    pub(crate) fn insert(&mut self, key: PolicyKey, id: PolicyId, policy: Policy) {
        match &key {
            PolicyKey::Network(name) => {
                let same = self.of_namespace.entry(name.namespace.clone()).or_default();
                same.insert(id);
            }
            PolicyKey::Cluster(_) => {
                let before = |other: &PolicyId| {
                    let other = self.by_id.get(other);
                    other.is_some_and(|other| other.rank < policy.rank)
                };
                let at = self.ranked.partition_point(before);
                self.ranked.insert(at, id);
            }
            PolicyKey::Host(_) => {}
        }
        self.ids.insert(key, id);
        self.by_id.insert(id, policy);
    }

    pub(crate) fn remove(&mut self, key: &PolicyKey) -> Option<(PolicyId, Policy)> {
        let id = self.ids.remove(key)?;
        match key {
            PolicyKey::Network(name) => {
                if let Some(same) = self.of_namespace.get_mut(&name.namespace) {
                    same.remove(&id);
                    if same.is_empty() {
                        self.of_namespace.remove(&name.namespace);
                    }
                }
            }
            PolicyKey::Cluster(_) => self.ranked.retain(|other| *other != id),
            PolicyKey::Host(_) => {}
        }
        Some((id, self.by_id.remove(&id)?))
    }

    /// Every policy: NetworkPolicies by number, then those of the cluster in order of judgement.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (PolicyId, &Policy)> {
        let network = self.by_id.iter().map(|(id, policy)| (*id, policy));
        let network = network.filter(|(_, policy)| policy.rank.is_none());
        let ranked = self.ranked.iter();
        network.chain(ranked.filter_map(|id| Some((*id, self.get(*id)?))))
    }

    /// Puts a policy where it belongs among others in order.
    pub(crate) fn insert_in_order(&self, id: PolicyId, others: &mut Vec<PolicyId>) {
        let order = |id: PolicyId| (self.get(id).map(|policy| &policy.rank), id);
        let at = others.partition_point(|other| order(*other) < order(id));
        others.insert(at, id);
    }

    /// The number of the policy with this name.
    pub(crate) fn id_of(&self, key: &PolicyKey) -> Option<PolicyId> {
        self.ids.get(key).copied()
    }

    /// The policies that could select a class: of pods those of its namespace, then those of the cluster in order; of a
    /// node what closes it.
    fn candidates(&self, entry: &Entry) -> Vec<PolicyId> {
        if let Some(node) = entry.node() {
            let own = self.id_of(&PolicyKey::Host(node.to_owned()));
            return own.into_iter().collect();
        }
        let Some(namespace) = entry.namespace() else {
            return Vec::new();
        };
        let own = self.of_namespace.get(namespace).into_iter().flatten();
        own.chain(&self.ranked).copied().collect()
    }

    /// The policies that select a class and have a say in `direction`.
    pub(crate) fn selecting(
        &self,
        direction: Direction,
        class: ClassId,
        entry: &Entry,
    ) -> Vec<PolicyId> {
        let mut found = self.candidates(entry);
        found.retain(|id| {
            self.get(*id).is_some_and(|policy| {
                policy.rules.get(direction).is_some() && policy.subject.contains(class)
            })
        });
        found
    }

    /// A class is new, or its namespace has other labels: finds out which policies select it.
    pub(crate) fn select(&mut self, class: ClassId, classes: &ClassTable) {
        let entry = classes.entry(class);
        let namespace = classes.namespace_of(class).map(|found| &found.labels);
        for id in self.candidates(entry) {
            if let Some(policy) = self.by_id.get_mut(&id) {
                if policy.selects.matches(entry, namespace) {
                    policy.subject.insert(class);
                } else {
                    policy.subject.remove(class);
                }
            }
        }
    }

    /// A class goes.
    pub(crate) fn deselect(&mut self, class: ClassId, entry: &Entry) {
        for id in self.candidates(entry) {
            if let Some(policy) = self.by_id.get_mut(&id) {
                policy.subject.remove(class);
            }
        }
    }

    /// The classes that a policy selects.
    pub(crate) fn subject(&self, id: PolicyId) -> ClassSet {
        let policy = self.get(id);
        policy.map_or_else(ClassSet::new, |policy| policy.subject.clone())
    }
}
