//! Selectors by labels that manifests cannot tell (rule OB-10).

use crate::diagnostic::{Diagnostic, Severity};
use crate::label::UNKNOWN_LABEL_VALUE;
use crate::{
    Cluster, ClusterPeer, ClusterPolicy, LabelSelector, NetworkPolicy, ObjectKey, ObjectKind,
    PolicyPeer, Source, WorkloadKind,
};

/// Labels that controllers add with values that manifests do not tell.
const UNKNOWABLE: [&str; 6] = [
    "batch.kubernetes.io/controller-uid",
    "controller-revision-hash",
    "controller-uid",
    "pod-template-generation",
    "pod-template-hash",
    "rollouts-pod-template-hash",
];

/// Those with the name of a Job: each run of a `CronJob` has one of its own.
pub(super) const OF_RUNS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

/// Whether `key` is a label that pods of some workload get with a value that manifests do not tell.
pub(super) fn may_be_unknown(key: &str) -> bool {
    UNKNOWABLE.contains(&key) || OF_RUNS.contains(&key)
}

/// The labels of which only a running cluster knows the values, of the pods that a workload of this kind makes.
pub(super) const fn unknown_labels(kind: WorkloadKind) -> &'static [&'static str] {
    match kind {
        WorkloadKind::Deployment => &["pod-template-hash"],
        WorkloadKind::StatefulSet => &["controller-revision-hash"],
        WorkloadKind::DaemonSet => &["controller-revision-hash", "pod-template-generation"],
        WorkloadKind::Job => &["batch.kubernetes.io/controller-uid", "controller-uid"],
        WorkloadKind::CronJob => &[
            "batch.kubernetes.io/controller-uid",
            "batch.kubernetes.io/job-name",
            "controller-uid",
            "job-name",
        ],
        WorkloadKind::Custom => &["rollouts-pod-template-hash"],
        WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => &[],
    }
}

/// A policy that selects pods by a label that only a running cluster knows (rule OB-10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknowableSelector {
    /// The policy.
    pub policy: ObjectKey,
    /// The namespace whose pods it judges; `None` if it judges those of all.
    pub namespace: Option<String>,
    /// The label.
    pub label: String,
    /// Where the rule with the selector is written, else the policy.
    pub source: Option<Source>,
}

impl Cluster {
    /// The policies that select pods by a label that controllers add with values that no manifest tells, each by the
    /// first such label (rule OB-10). Judged by manifests, such a selector meets pods that have the label with a value that nobody
    /// names.
    #[must_use]
    pub fn unknowable_selectors(&self) -> Vec<UnknowableSelector> {
        let unknowable = |key: &str| self.is_unknowable(key);
        let namespaced = self.network_policies.values().filter_map(|policy| {
            let selectors = of_network_policy(policy);
            let (label, source) = first(selectors, unknowable)?;
            Some(UnknowableSelector {
                policy: ObjectKey::namespaced(ObjectKind::NetworkPolicy, &policy.name),
                namespace: Some(policy.name.namespace.clone()),
                label,
                source,
            })
        });
        let cluster_scoped = self.cluster_policies.values().filter_map(|policy| {
            let selectors = of_cluster_policy(policy);
            let (label, source) = first(selectors, unknowable)?;
            Some(UnknowableSelector {
                policy: ObjectKey::cluster(policy.name.kind.into(), &policy.name.name),
                namespace: None,
                label,
                source,
            })
        });
        namespaced.chain(cluster_scoped).collect()
    }

    /// Whether controllers give pods a label `key` of which manifests do not tell the value (rule OB-10).
    #[must_use]
    pub fn is_unknowable(&self, key: &str) -> bool {
        let values = self.pods.values().filter_map(|pod| pod.labels.get(key));
        let mut values = values.peekable();
        let is_given = values.peek().is_some();
        (UNKNOWABLE.contains(&key) && !is_given) || values.any(|value| value == UNKNOWN_LABEL_VALUE)
    }
}

/// A warning for each policy that selects pods by a label that no representative pod has.
pub(super) fn warnings(cluster: &Cluster) -> Vec<Diagnostic> {
    let found = cluster.unknowable_selectors().into_iter();
    found.map(warning).collect()
}

fn warning(found: UnknowableSelector) -> Diagnostic {
    let UnknowableSelector {
        policy,
        label,
        source,
        ..
    } = found;
    let message = format!("{policy} selects by `{label}`, which only a running cluster knows");
    Diagnostic::new(Severity::Warning, message)
        .with_rule("OB-10")
        .with_source(source)
        .with_help(
            "select by labels that the template of the pods has: pods that get this one are judged here as having it with a value \
             that nobody names",
        )
}

/// A selector of pods, and where it is written.
type Selector<'a> = (&'a LabelSelector, Option<&'a Source>);

/// The selectors of pods in `policy`.
fn of_network_policy(policy: &NetworkPolicy) -> impl Iterator<Item = Selector<'_>> {
    let rules = policy.ingress.iter().chain(&policy.egress);
    let peers = rules.flat_map(|rule| {
        let peers = rule.peers.iter().filter_map(|peer| match peer {
            PolicyPeer::Pods(selector) => selector.pods.as_ref(),
            PolicyPeer::IpBlock(_) => None,
        });
        peers.map(|selector| (selector, rule.source.as_ref().or(policy.source.as_ref())))
    });
    let own = (&policy.pod_selector, policy.source.as_ref());
    std::iter::once(own).chain(peers)
}

/// The selectors of pods in `policy`.
fn of_cluster_policy(policy: &ClusterPolicy) -> impl Iterator<Item = Selector<'_>> {
    let rules = policy.ingress.iter().chain(&policy.egress);
    let peers = rules.flat_map(|rule| {
        let peers = rule.peers.iter().filter_map(|peer| match peer {
            ClusterPeer::Pods(scope) => scope.pods.as_ref(),
            ClusterPeer::Networks(_)
            | ClusterPeer::Nodes(_)
            | ClusterPeer::DomainNames(_)
            | ClusterPeer::Unrecognized => None,
        });
        peers.map(|selector| (selector, rule.source.as_ref().or(policy.source.as_ref())))
    });
    let own = policy.subject.pods.iter();
    let own = own.map(|selector| (selector, policy.source.as_ref()));
    own.chain(peers)
}

/// The first label of `selectors` that is `unknowable`, and where it is written.
fn first<'a>(
    selectors: impl Iterator<Item = Selector<'a>>,
    unknowable: impl Fn(&str) -> bool,
) -> Option<(String, Option<Source>)> {
    let mut keys = selectors.flat_map(|(selector, source)| {
        let listed = selector.match_expressions.iter().map(|found| &found.key);
        let keys = selector.match_labels.keys().chain(listed);
        keys.map(move |key| (key, source))
    });
    let (key, source) = keys.find(|(key, _)| unknowable(key))?;
    Some((key.clone(), source.cloned()))
}
