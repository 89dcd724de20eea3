//! The pods that stand for workloads (rules OB-8 to OB-10).

use std::collections::{BTreeMap, BTreeSet};

use super::mentions::{COMPLETION_INDEX, Mentions, POD_INDEX, POD_NAME};
use super::owners::{Key, Workloads, key};
use super::unknowable::{OF_RUNS, unknown_labels};
use crate::extract::{host_ports, policy_ports};
use crate::label::UNKNOWN_LABEL_VALUE;
use crate::{Labels, ObjectName, Phase, Pod, PodManifest, Workload, WorkloadKind};

/// The kind whose pods come to an end.
const JOB: &str = "Job";

/// One pod per workload, two where it has several and more where `mentions` tell its pods apart, none where the workload's
/// own pods are among `given`. Those that have finished are no more (rule Q-4): the next ones of a CronJob, or of a Deployment
/// whose pods have failed, are represented, and a Job is done.
pub(super) fn of<'a>(
    workloads: &Workloads<'_>,
    given: impl Iterator<Item = &'a PodManifest>,
    mentions: &Mentions,
) -> Vec<Pod> {
    let made = given.filter_map(|pod| Some((workloads.maker(pod)?, pod.pod.is_live())));
    let (live, finished): (Vec<_>, Vec<_>) = made.partition(|(_, is_live)| *is_live);
    let mut represented = represented(workloads, live.into_iter().map(|(key, _)| key).collect());
    let done = finished.into_iter().map(|(key, _)| key);
    represented.extend(done.filter(|(_, owner)| owner.kind == JOB));
    let left = workloads
        .by_key
        .iter()
        .filter(|(key, _)| !represented.contains(key));
    distinct(
        left.flat_map(|(_, workload)| pods(workloads, workload, mentions))
            .collect(),
    )
}

/// The workloads that another one of them makes, and those that made a given pod: `made` and their owners.
fn represented(workloads: &Workloads<'_>, made: Vec<Key>) -> BTreeSet<Key> {
    let mut represented: BTreeSet<Key> = workloads
        .by_key
        .keys()
        .filter(|key| {
            workloads
                .owner(key)
                .is_some_and(|owner| workloads.by_key.contains_key(&owner))
        })
        .cloned()
        .collect();
    let mut pending = made;
    while let Some(key) = pending.pop() {
        pending.extend(
            workloads
                .owner(&key)
                .filter(|owner| !represented.contains(owner)),
        );
        represented.insert(key);
    }
    represented
}

/// The pods that stand for `workload`.
fn pods<'a>(
    workloads: &Workloads<'_>,
    workload: &'a Workload,
    mentions: &Mentions,
) -> Vec<(&'a str, Pod)> {
    ordinals(workload, mentions)
        .into_iter()
        .map(|ordinal| {
            (
                workload.kind_name(),
                pod(workloads, workload, (ordinal, mentions)),
            )
        })
        .collect()
}

/// Which of the workload's pods there are: the first ones, those that are mentioned, and as many that are not, all the
/// rest of which is like them.
fn ordinals(workload: &Workload, mentions: &Mentions) -> BTreeSet<u32> {
    let count = match workload.kind {
        WorkloadKind::DaemonSet => 2,
        WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::StatefulSet
        | WorkloadKind::Job
        | WorkloadKind::CronJob
        | WorkloadKind::Custom => workload.replicas.min(2),
    };
    let Some(all) = workload.ordinals.clone().filter(|_| count > 0) else {
        return (0..count).collect();
    };
    let a_few = usize::try_from(count).unwrap_or(usize::MAX);
    let mut chosen = mentions.ordinals(workload, &common_labels(workload, mentions));
    let others = all.clone().filter(|ordinal| !chosen.contains(ordinal));
    let others: Vec<u32> = others.take(a_few).collect();
    chosen.extend(others);
    chosen.extend(all.take(a_few));
    chosen
}

/// Puts the kind into the names that several pods would have; a StatefulSet's names are real and stay.
fn distinct(pods: Vec<(&str, Pod)>) -> Vec<Pod> {
    let mut uses: BTreeMap<ObjectName, usize> = BTreeMap::new();
    for (_, pod) in &pods {
        *uses.entry(pod.name.clone()).or_default() += 1;
    }
    pods.into_iter()
        .map(|(kind, mut pod)| {
            let shared = uses.get(&pod.name).is_some_and(|uses| *uses > 1);
            if shared && kind != WorkloadKind::StatefulSet.to_string() {
                let suffix = kind.to_lowercase();
                pod.name.name = format!("{}-{suffix}", pod.name.name);
            }
            pod
        })
        .collect()
}

fn pod(
    workloads: &Workloads<'_>,
    workload: &Workload,
    (ordinal, mentions): (u32, &Mentions),
) -> Pod {
    let name = format!("{}-{ordinal}", workload.name.name);
    let spec = &workload.template.spec;
    Pod {
        labels: labels(workload, &name, (ordinal, mentions)),
        name: ObjectName::new(&workload.name.namespace, name),
        node: spec.node_name.clone(),
        host_network: spec.host_network,
        phase: Phase::Unknown,
        addresses: Vec::new(),
        host_addresses: Vec::new(),
        ports: policy_ports(spec),
        host_ports: host_ports(spec),
        ready: true,
        workload: Some(workloads.top(key(workload))),
        terminating: false,
        uid: None,
        source: workload.source.clone(),
    }
}

/// The template's labels and those that the controller adds (rule OB-10).
fn labels(workload: &Workload, pod: &str, (ordinal, mentions): (u32, &Mentions)) -> Labels {
    let mut labels = common_labels(workload, mentions);
    let mut add = |key: &str, value: &str| labels.insert(key.to_owned(), value.to_owned());
    match workload.kind {
        WorkloadKind::StatefulSet => {
            add(POD_NAME, pod);
            add(POD_INDEX, &ordinal.to_string());
        }
        WorkloadKind::Job | WorkloadKind::CronJob => {
            if workload.ordinals.is_some() {
                add(COMPLETION_INDEX, &ordinal.to_string());
            }
        }
        WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::DaemonSet
        | WorkloadKind::Custom => {}
    }
    labels
}

/// The labels of all of the workload's pods. Of those that only a running cluster knows they have the ones that `mentions` ask
/// for, with a value that no selector can name.
fn common_labels(workload: &Workload, mentions: &Mentions) -> Labels {
    let mut labels = workload.template.labels.clone();
    if workload.kind == WorkloadKind::Job {
        for key in OF_RUNS {
            labels.insert(key.to_owned(), workload.name.name.clone());
        }
    }
    let unknown = unknown_labels(workload.kind).iter();
    for key in unknown.filter(|key| mentions.ask(key)) {
        let value = || UNKNOWN_LABEL_VALUE.to_owned();
        labels.entry((*key).to_owned()).or_insert_with(value);
    }
    labels
}
