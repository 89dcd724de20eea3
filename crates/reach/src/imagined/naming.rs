//! Which rules name pods that are not there.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPolicyName, ClusterPort, ClusterRuleRef, Direction,
    LabelSelector, Labels, METADATA_NAME_LABEL, Namespace, ObjectName, PeerSelector, PodScope,
    PolicyPeer, PolicyPort, Requirement, RuleRef, in_brackets,
};

use super::{Imagined, fitting};
use crate::workload::{Member, Unit, by_workload};

/// A rule, wherever it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RuleId {
    policy: PolicyId,
    pub(super) direction: Direction,
    index: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PolicyId {
    Namespaced(ObjectName),
    Cluster(ClusterPolicyName),
}

/// The rules of one direction of a policy.
pub(super) type List = (PolicyId, Direction);

impl RuleId {
    pub(super) fn list(&self) -> List {
        (self.policy.clone(), self.direction)
    }

    pub(super) fn of(rule: &RuleRef) -> Self {
        Self {
            policy: PolicyId::Namespaced(rule.policy.name.clone()),
            direction: rule.direction,
            index: rule.index,
        }
    }

    pub(super) fn of_cluster(rule: &ClusterRuleRef) -> Self {
        Self {
            policy: PolicyId::Cluster(rule.policy.clone()),
            direction: rule.direction,
            index: rule.index,
        }
    }
}

/// What a rule names that is not there, and whom it judges.
#[derive(Clone, Debug, Default)]
pub(super) struct Naming {
    pub(super) pods: BTreeSet<ObjectName>,
    pub(super) units: BTreeSet<Unit>,
}

impl Naming {
    pub(super) fn extend(&mut self, other: &Self) {
        self.pods.extend(other.pods.iter().cloned());
        self.units.extend(other.units.iter().cloned());
    }

    /// Source and destination of what the rule judges.
    pub(super) fn pairs(&self, direction: Direction) -> impl Iterator<Item = (Unit, Unit)> {
        let pods = self.pods.iter();
        let pods = pods.map(|pod| Unit::pod(&pod.namespace, &pod.name));
        pods.flat_map(move |pod| {
            let units = self.units.iter().cloned();
            units.map(move |unit| match direction {
                Direction::Ingress => (pod.clone(), unit),
                Direction::Egress => (unit, pod.clone()),
            })
        })
    }
}

/// A rule with its peers that are pods.
pub(super) struct Named<'a> {
    pub(super) rule: RuleId,
    /// The namespace of its policy, if it has one.
    pub(super) namespace: &'a str,
    pub(super) subject: PeerSelector,
    pub(super) peers: Vec<PeerSelector>,
    pub(super) said: Said<'a>,
}

/// What a rule says of its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    Admits(&'a [PolicyPort]),
    Decides(ClusterAction, &'a [ClusterPort]),
}

pub(super) fn imagined(cluster: &Cluster) -> Imagined {
    let mut census = Census::of(cluster);
    let mut imagined = Imagined::default();
    let mut judged: BTreeMap<(PeerSelector, &str), BTreeSet<Unit>> = BTreeMap::new();
    for named in rules(cluster) {
        let peers = named.peers.iter();
        let absent: Vec<_> = peers
            .filter(|peer| !census.has(peer, named.namespace))
            .collect();
        if absent.is_empty() {
            continue;
        }
        let subject = (named.subject.clone(), named.namespace);
        let units = judged
            .entry(subject)
            .or_insert_with_key(|(subject, namespace)| units(cluster, subject, namespace));
        if units.is_empty() {
            continue;
        }
        let mut naming = Naming {
            pods: BTreeSet::new(),
            units: units.clone(),
        };
        for peer in absent {
            for (namespace, labels) in pods(cluster, peer, named.namespace, named.rule.direction) {
                naming.pods.insert(imagined.add_pod(&namespace, labels));
            }
        }
        if !naming.pods.is_empty() {
            imagined.rules.insert(named.rule, naming);
        }
    }
    imagined
}

/// Every rule in force.
pub(super) fn rules(cluster: &Cluster) -> impl Iterator<Item = Named<'_>> {
    let namespaced = cluster.network_policies.values().flat_map(|policy| {
        let in_force = Direction::ALL.into_iter();
        let in_force = in_force.filter(move |direction| policy.isolates(*direction));
        in_force.flat_map(move |direction| {
            let rules = policy.rules(direction).iter().enumerate();
            rules.map(move |(index, rule)| Named {
                rule: RuleId {
                    policy: PolicyId::Namespaced(policy.name.clone()),
                    direction,
                    index,
                },
                namespace: policy.name.namespace.as_str(),
                subject: PeerSelector {
                    namespaces: None,
                    pods: Some(policy.pod_selector.clone()),
                },
                peers: rule.peers.iter().filter_map(of_peer).collect(),
                said: Said::Admits(&rule.ports),
            })
        })
    });
    let scoped = cluster.cluster_policies.values().flat_map(|policy| {
        Direction::ALL.into_iter().flat_map(move |direction| {
            let rules = policy.rules(direction).iter().enumerate();
            rules.map(move |(index, rule)| Named {
                rule: RuleId {
                    policy: PolicyId::Cluster(policy.name.clone()),
                    direction,
                    index,
                },
                namespace: "",
                subject: of_scope(&policy.subject),
                peers: rule.peers.iter().filter_map(of_cluster_peer).collect(),
                said: Said::Decides(rule.action, &rule.ports),
            })
        })
    });
    namespaced.chain(scoped)
}

fn of_peer(peer: &PolicyPeer) -> Option<PeerSelector> {
    match peer {
        PolicyPeer::Pods(selector) => Some(selector.clone()),
        PolicyPeer::IpBlock(_) => None,
    }
}

fn of_cluster_peer(peer: &ClusterPeer) -> Option<PeerSelector> {
    match peer {
        ClusterPeer::Pods(scope) => Some(of_scope(scope)),
        ClusterPeer::Networks(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => None,
    }
}

fn of_scope(scope: &PodScope) -> PeerSelector {
    PeerSelector {
        namespaces: Some(scope.namespaces.clone().unwrap_or_default()),
        pods: scope.pods.clone(),
    }
}

/// The workloads with pods that `subject` of a policy in `namespace` selects.
pub(super) fn units(cluster: &Cluster, subject: &PeerSelector, namespace: &str) -> BTreeSet<Unit> {
    let pods = cluster.pods.values();
    let judged = pods.filter(|pod| cluster.peer_matches(subject, namespace, pod));
    judged.map(|pod| by_workload(&Member::Pod(pod))).collect()
}

/// Whom there is to be named, so that thousands of rules can ask.
pub(super) struct Census<'a> {
    pub(super) cluster: &'a Cluster,
    /// The labels of the pods of each namespace.
    pods: BTreeMap<&'a str, BTreeSet<&'a Labels>>,
    namespaces: BTreeMap<&'a str, Labels>,
    asked: BTreeMap<(PeerSelector, String), bool>,
}

impl<'a> Census<'a> {
    pub(super) fn of(cluster: &'a Cluster) -> Self {
        let mut pods: BTreeMap<&str, BTreeSet<&Labels>> = BTreeMap::new();
        for pod in cluster.pods.values().filter(|pod| pod.is_on_pod_network()) {
            let of_namespace = pods.entry(&pod.name.namespace).or_default();
            of_namespace.insert(&pod.labels);
        }
        let namespaces = pods.keys();
        Self {
            cluster,
            namespaces: namespaces
                .map(|name| (*name, cluster.namespace_labels(name)))
                .collect(),
            pods,
            asked: BTreeMap::new(),
        }
    }

    /// Whether there is a pod that `peer` of a policy in `namespace` matches.
    pub(super) fn has(&mut self, peer: &PeerSelector, namespace: &str) -> bool {
        let key = (peer.clone(), namespace.to_owned());
        if let Some(known) = self.asked.get(&key) {
            return *known;
        }
        let mut namespaces = self.namespaces.iter().filter(|(name, labels)| {
            let selector = peer.namespaces.as_ref();
            selector.map_or(**name == namespace, |selector| selector.matches(labels))
        });
        let matches = |labels: &Labels| {
            let selector = peer.pods.as_ref();
            selector.is_none_or(|selector: &LabelSelector| selector.matches(labels))
        };
        let found = namespaces.any(|(name, _)| {
            let mut pods = self.pods.get(name).into_iter().flatten();
            pods.any(|labels| matches(labels))
        });
        self.asked.insert(key, found);
        found
    }
}

/// Where any value of a label will do.
pub(super) const UNNAMED: &str = "any";

/// The pods to imagine for `peer`, which a rule in `direction` of a policy in `namespace` names: each with its namespace.
pub(super) fn pods(
    cluster: &Cluster,
    peer: &PeerSelector,
    namespace: &str,
    direction: Direction,
) -> Vec<(Namespace, Labels)> {
    let wanted = peer.pods.as_ref();
    let wanted = wanted.map_or_else(Vec::new, LabelSelector::requirements);
    let Some(labels) = fitting(&wanted, UNNAMED) else {
        return Vec::new();
    };
    let home = match &peer.namespaces {
        None => Some(existing(cluster, namespace)),
        Some(selector) => home(cluster, selector, |name| {
            is_held(cluster, name, &labels, direction)
        }),
    };
    let Some(home) = home else {
        return Vec::new();
    };
    let mut all = BTreeSet::from([labels]);
    all.extend(let_through(cluster, &home.name, &wanted, direction));
    let each = all.into_iter();
    each.map(|labels| (home.clone(), labels)).collect()
}

fn existing(cluster: &Cluster, name: &str) -> Namespace {
    let known = cluster.namespaces.get(name).cloned();
    known.unwrap_or_else(|| Namespace::new(name, Labels::new()))
}

/// Whether policies of `namespace` hold a pod there with `labels`, whatever rules in `direction` say of it elsewhere.
fn is_held(cluster: &Cluster, namespace: &str, labels: &Labels, direction: Direction) -> bool {
    let mut policies = cluster.policies_in(namespace);
    policies
        .any(|policy| policy.isolates(direction.opposite()) && policy.pod_selector.matches(labels))
}

/// Labels of pods that are `wanted` and that policies of `namespace` let through what rules in `direction` open elsewhere.
fn let_through(
    cluster: &Cluster,
    namespace: &str,
    wanted: &[Requirement],
    direction: Direction,
) -> Vec<Labels> {
    let opposite = direction.opposite();
    let policies = cluster.policies_in(namespace);
    let letting = policies.filter(|policy| {
        policy.isolates(opposite)
            && !policy.rules(opposite).is_empty()
            && !policy.pod_selector.is_empty()
    });
    let labels = letting.filter_map(|policy| {
        let of_both = [wanted, &policy.pod_selector.requirements()].concat();
        fitting(&of_both, UNNAMED)
    });
    labels.collect()
}

/// A namespace that `selector` matches: one that is asked for by name, the only one that there is, or else one that there is
/// not. In the latter no policy holds a pod; an existing one where one does is passed over, as others may come.
fn home(
    cluster: &Cluster,
    selector: &LabelSelector,
    is_held: impl Fn(&str) -> bool,
) -> Option<Namespace> {
    let requirements = selector.requirements();
    let labels = fitting(&requirements, UNNAMED)?;
    let known = cluster.namespaces.values();
    let mut known = known.filter(|namespace| selector.matches(&namespace.labels));
    let first = known.next();
    if let Some(name) = labels.get(METADATA_NAME_LABEL) {
        let made_up = || Namespace::new(name.clone(), labels.clone());
        let is_free = !cluster.namespaces.contains_key(name);
        return first.cloned().or_else(|| is_free.then(made_up));
    }
    if let (Some(only), None) = (first, known.next())
        && !is_held(&only.name)
    {
        return Some(only.clone());
    }
    let made_up = Namespace::new(in_brackets(&labels), labels);
    selector.matches(&made_up.labels).then_some(made_up)
}
