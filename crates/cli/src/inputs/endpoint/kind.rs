//! The kinds that an endpoint can be of, by the words that kubectl knows.

use ringfence_model::WorkloadKind;

/// A kind of endpoint that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pod,
    Workload(WorkloadKind),
    Service,
    Node,
}

/// Singular first, then as kubectl abbreviates it.
const WORDS: &[(Kind, &[&str])] = &[
    (Kind::Pod, &["pod", "pods", "po"]),
    (
        Kind::Workload(WorkloadKind::Deployment),
        &["deployment", "deployments", "deploy"],
    ),
    (
        Kind::Workload(WorkloadKind::ReplicaSet),
        &["replicaset", "replicasets", "rs"],
    ),
    (
        Kind::Workload(WorkloadKind::ReplicationController),
        &["replicationcontroller", "replicationcontrollers", "rc"],
    ),
    (
        Kind::Workload(WorkloadKind::StatefulSet),
        &["statefulset", "statefulsets", "sts"],
    ),
    (
        Kind::Workload(WorkloadKind::DaemonSet),
        &["daemonset", "daemonsets", "ds"],
    ),
    (Kind::Workload(WorkloadKind::Job), &["job", "jobs"]),
    (
        Kind::Workload(WorkloadKind::CronJob),
        &["cronjob", "cronjobs", "cj"],
    ),
    (Kind::Service, &["service", "services", "svc"]),
    (Kind::Node, &["node", "nodes", "no"]),
];

impl Kind {
    /// The kind that `word` stands for, in any case of letters.
    pub(super) fn of(word: &str) -> Option<Self> {
        let named = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        let (kind, _) = WORDS.iter().find(|(_, words)| named(words))?;
        Some(*kind)
    }

    /// The words for this kind.
    pub(super) fn own_words(self) -> &'static [&'static str] {
        let own = WORDS.iter().find(|(kind, _)| *kind == self);
        own.map_or(&[], |(_, words)| words)
    }

    /// Every word for a kind.
    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        WORDS.iter().flat_map(|(_, words)| words.iter().copied())
    }

    /// The kind in lower case.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Workload(WorkloadKind::Deployment) => "deployment",
            Self::Workload(WorkloadKind::ReplicaSet) => "replicaset",
            Self::Workload(WorkloadKind::ReplicationController) => "replicationcontroller",
            Self::Workload(WorkloadKind::StatefulSet) => "statefulset",
            Self::Workload(WorkloadKind::DaemonSet) => "daemonset",
            Self::Workload(WorkloadKind::Job) => "job",
            Self::Workload(WorkloadKind::CronJob) => "cronjob",
            Self::Workload(WorkloadKind::Custom) => "workload",
            Self::Service => "service",
            Self::Node => "node",
        }
    }
}
