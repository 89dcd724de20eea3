//! Single pods of workloads that number theirs, as selectors and people name them (rules OB-9, OB-10), and labels of controllers
//! that selectors ask for.

use std::collections::BTreeSet;

use super::unknowable::may_be_unknown;
use crate::{
    ClusterPeer, ClusterPolicy, LabelSelector, Labels, NetworkPolicy, Object, ObjectName,
    PolicyPeer, Service, Workload,
};

/// The label of a StatefulSet's pod that has its name as value.
pub(super) const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
/// The label of a StatefulSet's pod that has its ordinal as value.
pub(super) const POD_INDEX: &str = "apps.kubernetes.io/pod-index";
/// The label of an indexed Job's pod that has its index as value.
pub(super) const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";

const NUMBERING: [&str; 3] = [POD_NAME, POD_INDEX, COMPLETION_INDEX];

/// Which pods of StatefulSets and indexed Jobs are named one by one. Each of them that its workload makes is a
/// representative of its own (rule OB-9), since what holds for it may hold for no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    selected: BTreeSet<Selected>,
    pods: BTreeSet<ObjectName>,
    /// Labels with values that only a running cluster knows.
    labels: BTreeSet<String>,
}

/// A selector with values of labels that number pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Selected {
    /// Where the pods are; `None` in any namespace.
    namespace: Option<String>,
    /// Names of pods and numbers, whatever is asked of them: a pod that is excepted is told apart as well.
    values: BTreeSet<String>,
    /// What is asked of other labels.
    besides: LabelSelector,
}

impl Mentions {
    /// Those of the selectors of policies and Services among `objects`.
    #[must_use]
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut found = Self::default();
        for object in objects {
            found.add(object);
        }
        found
    }

    /// These and those of `other`: what two clusters have to be seen with that are compared.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            selected: &self.selected | &other.selected,
            pods: &self.pods | &other.pods,
            labels: &self.labels | &other.labels,
        }
    }

    /// These and `pods`, as somebody asks about them.
    #[must_use]
    pub fn with_pods(mut self, pods: impl IntoIterator<Item = ObjectName>) -> Self {
        self.pods.extend(pods);
        self
    }

    /// Whether a selector asks for the label `key`, whose value only a running cluster knows.
    pub(super) fn ask(&self, key: &str) -> bool {
        self.labels.contains(key)
    }

    /// The numbers of the pods of `workload` that are named, of those that it has. Its pods have `labels` in common.
    pub(super) fn ordinals(&self, workload: &Workload, labels: &Labels) -> BTreeSet<u32> {
        let namespace = &workload.name.namespace;
        let here = self.selected.iter().filter(|selected| {
            let there = selected.namespace.as_ref();
            there.is_none_or(|there| there == namespace)
        });
        let mut found = BTreeSet::new();
        for selected in here {
            let mut numbers = numbers(workload, &selected.values).peekable();
            if numbers.peek().is_some() && selected.besides.matches(labels) {
                found.extend(numbers);
            }
        }
        let asked = self.pods.iter().filter(|pod| pod.namespace == *namespace);
        found.extend(asked.filter_map(|pod| ordinal(workload, &pod.name)));
        found
    }

    fn add(&mut self, object: &Object) {
        match object {
            Object::NetworkPolicy(policy) => self.add_network_policy(policy),
            Object::ClusterPolicy(policy) => self.add_cluster_policy(policy),
            Object::Service(service) => self.add_service(service),
            Object::Endpoints(list) => {
                let named = list.pods.iter().map(|pod| pod.name.clone());
                self.pods.extend(named);
            }
            Object::Namespace(_)
            | Object::Node(_)
            | Object::Pod(_)
            | Object::Workload(_)
            | Object::HostFirewall(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_) => {}
        }
    }

    fn add_network_policy(&mut self, policy: &NetworkPolicy) {
        let own = Some(policy.name.namespace.as_str());
        self.add_selector(own, &policy.pod_selector);
        let rules = policy.ingress.iter().chain(&policy.egress);
        for peer in rules.flat_map(|rule| &rule.peers) {
            match peer {
                PolicyPeer::Pods(peer) => {
                    let namespace = own.filter(|_| peer.namespaces.is_none());
                    let pods = peer.pods.iter();
                    pods.for_each(|pods| self.add_selector(namespace, pods));
                }
                PolicyPeer::IpBlock(_) => {}
            }
        }
    }

    fn add_cluster_policy(&mut self, policy: &ClusterPolicy) {
        let subject = policy.subject.pods.iter();
        subject.for_each(|pods| self.add_selector(None, pods));
        let rules = policy.ingress.iter().chain(&policy.egress);
        for peer in rules.flat_map(|rule| &rule.peers) {
            match peer {
                ClusterPeer::Pods(scope) => {
                    let pods = scope.pods.iter();
                    pods.for_each(|pods| self.add_selector(None, pods));
                }
                ClusterPeer::Networks(_)
                | ClusterPeer::Nodes(_)
                | ClusterPeer::DomainNames(_)
                | ClusterPeer::Unrecognized => {}
            }
        }
    }

    fn add_service(&mut self, service: &Service) {
        let selector = LabelSelector {
            match_labels: service.selector.clone(),
            match_expressions: Vec::new(),
        };
        self.add_selector(Some(&service.name.namespace), &selector);
    }

    fn add_selector(&mut self, namespace: Option<&str>, selector: &LabelSelector) {
        let listed = selector.match_expressions.iter().map(|one| &one.key);
        let keys = selector.match_labels.keys().chain(listed);
        let unknown = keys.filter(|key| may_be_unknown(key)).cloned();
        self.labels.extend(unknown);
        let values = values(selector);
        if values.is_empty() {
            return;
        }
        let mut besides = selector.clone();
        besides.match_labels.retain(|key, _| !numbers_pods(key));
        besides
            .match_expressions
            .retain(|requirement| !numbers_pods(&requirement.key));
        self.selected.insert(Selected {
            namespace: namespace.map(ToOwned::to_owned),
            values,
            besides,
        });
    }
}

fn numbers_pods(key: &str) -> bool {
    NUMBERING.contains(&key)
}

/// What `selector` says of the labels that number pods.
fn values(selector: &LabelSelector) -> BTreeSet<String> {
    let equal = selector.match_labels.iter();
    let equal = equal.filter(|(key, _)| numbers_pods(key));
    let listed = selector.match_expressions.iter();
    let listed = listed.filter(|requirement| numbers_pods(&requirement.key));
    let listed = listed.flat_map(|requirement| &requirement.values);
    equal
        .map(|(_, value)| value)
        .chain(listed)
        .cloned()
        .collect()
}

/// The pods of `workload` that `values` name.
fn numbers(workload: &Workload, values: &BTreeSet<String>) -> impl Iterator<Item = u32> {
    let numbers = values.iter();
    numbers.filter_map(|value| number(workload, value).or_else(|| ordinal(workload, value)))
}

/// The number of the pod called `name`, if `workload` makes one that is.
fn ordinal(workload: &Workload, name: &str) -> Option<u32> {
    let number_of = name.strip_prefix(workload.name.name.as_str())?;
    number(workload, number_of.strip_prefix('-')?)
}

/// `text` as the number of a pod of `workload`, written as controllers write it.
fn number(workload: &Workload, text: &str) -> Option<u32> {
    let ordinals = workload.ordinals.as_ref()?;
    let number: u32 = text.parse().ok()?;
    (ordinals.contains(&number) && number.to_string() == text).then_some(number)
}
