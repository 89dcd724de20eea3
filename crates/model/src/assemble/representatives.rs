//! The pods that stand for workloads (rules OB-8 to OB-10).

use std::collections::{BTreeMap, BTreeSet};

use crate::extract::policy_ports;
use crate::{Labels, Object, ObjectName, Owner, Phase, Pod, Workload, WorkloadKind};

/// One pod per workload, two where it has several, none where the workload's own pods are among `objects`.
pub(super) fn of<'a>(objects: impl Iterator<Item = &'a Object>) -> Vec<Pod> {
    let mut workloads = Workloads::default();
    let mut made = Vec::new();
    for object in objects {
        match object {
            Object::Workload(found) => {
                workloads.by_key.insert(key(found), found);
            }
            Object::Pod(found) => {
                made.extend(owner_key(&found.pod.name.namespace, found.owner.as_ref()));
            }
            Object::Namespace(_)
            | Object::Node(_)
            | Object::Service(_)
            | Object::NetworkPolicy(_)
            | Object::ClusterPolicy(_)
            | Object::Endpoints(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_) => {}
        }
    }
    let represented = workloads.represented(made);
    let left = workloads
        .by_key
        .iter()
        .filter(|(key, _)| !represented.contains(key));
    distinct(left.flat_map(|(_, workload)| pods(workload)).collect())
}

/// A workload by namespace, kind and name.
type Key = (String, Owner);

fn key(workload: &Workload) -> Key {
    let owner = Owner {
        kind: workload.kind.to_string(),
        name: workload.name.name.clone(),
    };
    (workload.name.namespace.clone(), owner)
}

fn owner_key(namespace: &str, owner: Option<&Owner>) -> Option<Key> {
    owner.map(|owner| (namespace.to_owned(), owner.clone()))
}

#[derive(Default)]
struct Workloads<'a> {
    by_key: BTreeMap<Key, &'a Workload>,
}

impl Workloads<'_> {
    /// The workloads that another one of them makes, and those that made a given pod: `made` and their owners.
    fn represented(&self, made: Vec<Key>) -> BTreeSet<Key> {
        let mut represented: BTreeSet<Key> = self
            .by_key
            .keys()
            .filter(|key| {
                self.owner(key)
                    .is_some_and(|owner| self.by_key.contains_key(&owner))
            })
            .cloned()
            .collect();
        let mut pending = made;
        while let Some(key) = pending.pop() {
            pending.extend(
                self.owner(&key)
                    .filter(|owner| !represented.contains(owner)),
            );
            represented.insert(key);
        }
        represented
    }

    fn owner(&self, key: &Key) -> Option<Key> {
        let workload = self.by_key.get(key)?;
        owner_key(&workload.name.namespace, workload.owner.as_ref())
    }
}

/// The pods that stand for `workload`.
fn pods(workload: &Workload) -> Vec<(WorkloadKind, Pod)> {
    let count = match workload.kind {
        WorkloadKind::DaemonSet => 2,
        WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::StatefulSet
        | WorkloadKind::Job
        | WorkloadKind::CronJob => workload.replicas.min(2),
    };
    (0..count)
        .map(|ordinal| (workload.kind, pod(workload, ordinal)))
        .collect()
}

/// Puts the kind into the names that several pods would have; a StatefulSet's names are real and stay.
fn distinct(pods: Vec<(WorkloadKind, Pod)>) -> Vec<Pod> {
    let mut uses: BTreeMap<ObjectName, usize> = BTreeMap::new();
    for (_, pod) in &pods {
        *uses.entry(pod.name.clone()).or_default() += 1;
    }
    pods.into_iter()
        .map(|(kind, mut pod)| {
            let shared = uses.get(&pod.name).is_some_and(|uses| *uses > 1);
            if shared && kind != WorkloadKind::StatefulSet {
                let suffix = kind.to_string().to_lowercase();
                pod.name.name = format!("{}-{suffix}", pod.name.name);
            }
            pod
        })
        .collect()
}

fn pod(workload: &Workload, ordinal: u32) -> Pod {
    let name = format!("{}-{ordinal}", workload.name.name);
    let spec = &workload.template.spec;
    Pod {
        labels: labels(workload, &name, ordinal),
        name: ObjectName::new(&workload.name.namespace, name),
        node: spec.node_name.clone(),
        host_network: spec.host_network,
        phase: Phase::Unknown,
        addresses: Vec::new(),
        host_addresses: Vec::new(),
        ports: policy_ports(spec),
        ready: true,
        workload: Some(key(workload).1),
        terminating: false,
        source: workload.source.clone(),
    }
}

/// The template's labels and those that the controller adds (rule OB-10).
fn labels(workload: &Workload, pod: &str, ordinal: u32) -> Labels {
    let mut labels = workload.template.labels.clone();
    let mut add = |key: &str, value: &str| labels.insert(key.to_owned(), value.to_owned());
    match workload.kind {
        WorkloadKind::StatefulSet => {
            add("statefulset.kubernetes.io/pod-name", pod);
            add("apps.kubernetes.io/pod-index", &ordinal.to_string());
        }
        WorkloadKind::Job => {
            add("job-name", &workload.name.name);
            add("batch.kubernetes.io/job-name", &workload.name.name);
        }
        WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::DaemonSet
        | WorkloadKind::CronJob => {}
    }
    labels
}
