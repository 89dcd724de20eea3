//! From what was asked for to the pods that should exist. Pure: the same objects give the same pods, names included,
//! so that a change shows in the difference of two results.

use std::collections::BTreeMap;

use ringfence_model::{
    Container, ContainerPort, EnvFrom, EnvValue, KeyRef, Labels, Object, ObjectKey, ObjectKind,
    ObjectName, Phase, Pod, PodSpec, RestartPolicy, Workload, WorkloadKind,
};

use super::desired::{DesiredContainer, DesiredPod, Program};

/// The characters of generated names: no vowels, so that no words appear.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The objects that the lab was given.
pub type Objects = BTreeMap<ObjectKey, Object>;

/// Why pods cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// An environment variable refers to something that is not there.
    #[error("pod {pod}: variable {variable} needs {wanted}, which does not exist")]
    MissingReference {
        /// The pod.
        pod: ObjectName,
        /// The variable.
        variable: String,
        /// What it refers to.
        wanted: String,
    },
}

/// Every pod that `objects` ask for, on the given nodes.
///
/// # Errors
/// [`WorkloadError`] for the first pod that cannot be made.
pub fn desired_pods(objects: &Objects, nodes: &[String]) -> Result<Vec<DesiredPod>, WorkloadError> {
    let mut pods = Vec::new();
    for object in objects.values() {
        match object {
            Object::Pod(manifest) => {
                pods.push(desired(objects, manifest.pod.clone(), &manifest.spec)?)
            }
            Object::Workload(workload) => {
                for pod in workload_pods(workload, nodes) {
                    pods.push(desired(objects, pod, &workload.template.spec)?);
                }
            }
            Object::Namespace(_)
            | Object::Node(_)
            | Object::Service(_)
            | Object::NetworkPolicy(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_) => {}
        }
    }
    Ok(pods)
}

fn workload_pods(workload: &Workload, nodes: &[String]) -> Vec<Pod> {
    let template = hash(&format!("{:?}", workload.template));
    let name = &workload.name.name;
    let numbered = |index: u32| match workload.kind {
        WorkloadKind::StatefulSet => format!("{name}-{index}"),
        WorkloadKind::Deployment => {
            format!(
                "{name}-{}-{}",
                generated(template, 8),
                generated(hash(&format!("{template} {index}")), 5)
            )
        }
        WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::DaemonSet
        | WorkloadKind::Job
        | WorkloadKind::CronJob => {
            format!(
                "{name}-{}",
                generated(hash(&format!("{template} {index}")), 5)
            )
        }
    };
    let mut pods: Vec<Pod> = (0..count(workload, nodes))
        .map(|index| pod(workload, numbered(index), index))
        .collect();
    match workload.kind {
        WorkloadKind::DaemonSet => {
            for (pod, node) in pods.iter_mut().zip(nodes) {
                pod.node = Some(node.clone());
            }
        }
        WorkloadKind::Deployment => {
            for pod in &mut pods {
                pod.labels
                    .insert("pod-template-hash".to_owned(), generated(template, 8));
            }
        }
        WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::StatefulSet
        | WorkloadKind::Job
        | WorkloadKind::CronJob => {}
    }
    pods
}

fn count(workload: &Workload, nodes: &[String]) -> u32 {
    match workload.kind {
        WorkloadKind::DaemonSet => u32::try_from(nodes.len()).unwrap_or(u32::MAX),
        // The lab has no clock for schedules: a CronJob waits for ever.
        WorkloadKind::CronJob => 0,
        WorkloadKind::Job if workload.suspended => 0,
        WorkloadKind::Job
        | WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::StatefulSet => workload.replicas,
    }
}

fn pod(workload: &Workload, name: String, index: u32) -> Pod {
    let spec = &workload.template.spec;
    let mut labels = workload.template.labels.clone();
    let own = workload.name.name.clone();
    match workload.kind {
        WorkloadKind::StatefulSet => {
            labels.insert(
                "statefulset.kubernetes.io/pod-name".to_owned(),
                name.clone(),
            );
            labels.insert("apps.kubernetes.io/pod-index".to_owned(), index.to_string());
        }
        WorkloadKind::Job => {
            labels.insert("job-name".to_owned(), own.clone());
            labels.insert("batch.kubernetes.io/job-name".to_owned(), own);
        }
        WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::DaemonSet
        | WorkloadKind::CronJob => {}
    }
    Pod {
        name: ObjectName::new(&workload.name.namespace, name),
        labels,
        node: spec.node_name.clone(),
        host_network: spec.host_network,
        phase: Phase::Pending,
        addresses: Vec::new(),
        host_addresses: Vec::new(),
        ports: ports(spec),
        ready: false,
        terminating: false,
        source: workload.source.clone(),
    }
}

/// Ports of containers and sidecars, in order (rules NP-36, OB-11).
fn ports(spec: &PodSpec) -> Vec<ContainerPort> {
    running(spec)
        .flat_map(|container| container.ports.iter().cloned())
        .collect()
}

fn running(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.containers.iter().chain(
        spec.init_containers
            .iter()
            .filter(|container| container.sidecar),
    )
}

fn desired(objects: &Objects, pod: Pod, spec: &PodSpec) -> Result<DesiredPod, WorkloadError> {
    let containers = running(spec)
        .map(|container| {
            Ok(DesiredContainer {
                name: container.name.clone(),
                image: container.image.clone(),
                program: program(container),
                environment: environment(objects, &pod.name, container)?,
                ports: container.ports.clone(),
            })
        })
        .collect::<Result<_, WorkloadError>>()?;
    Ok(DesiredPod {
        hostname: spec
            .hostname
            .clone()
            .unwrap_or_else(|| pod.name.name.clone()),
        node_selector: spec.node_selector.clone(),
        restart: spec.restart_policy == RestartPolicy::Always,
        pod: Pod {
            node: spec.node_name.clone().or_else(|| pod.node.clone()),
            ..pod
        },
        containers,
    })
}

/// What runs for a container: an applet that ringfence has, a program of this machine, or a stand-in. Images are not
/// pulled, so a container that names no command gets the stand-in, and so does one whose command is a shell that would
/// end at once for want of input.
fn program(container: &Container) -> Program {
    let mut words = container.command.iter().chain(&container.args).cloned();
    let Some(first) = words.next() else {
        return Program::Responder;
    };
    let agnhost_image = container.image.contains("agnhost") && container.command.is_empty();
    if agnhost_image {
        return Program::Agnhost(std::iter::once(first).chain(words).collect());
    }
    if first.ends_with("/agnhost") || first == "agnhost" {
        return Program::Agnhost(words.collect());
    }
    let waits_for_input = container.stdin || container.tty;
    if container.command.is_empty() || waits_for_input {
        return Program::Responder;
    }
    Program::Machine(std::iter::once(first).chain(words).collect())
}

fn environment(
    objects: &Objects,
    pod: &ObjectName,
    container: &Container,
) -> Result<BTreeMap<String, String>, WorkloadError> {
    let mut variables = BTreeMap::new();
    for source in &container.env_from {
        let (kind, name, prefix, optional) = match source {
            EnvFrom::Secret {
                name,
                prefix,
                optional,
            } => (ObjectKind::Secret, name, prefix, optional),
            EnvFrom::ConfigMap {
                name,
                prefix,
                optional,
            } => (ObjectKind::ConfigMap, name, prefix, optional),
        };
        match data(objects, kind, &pod.namespace, name) {
            Some(data) => {
                for (key, value) in data {
                    variables.insert(
                        format!("{prefix}{key}"),
                        String::from_utf8_lossy(value).into_owned(),
                    );
                }
            }
            None if *optional => {}
            None => return Err(missing(pod, "envFrom", format!("{kind} {name}"))),
        }
    }
    for variable in &container.env {
        if let Some(value) = value(objects, pod, &variable.name, &variable.value)? {
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

fn value(
    objects: &Objects,
    pod: &ObjectName,
    variable: &str,
    value: &EnvValue,
) -> Result<Option<String>, WorkloadError> {
    let from = |kind: ObjectKind, key: &KeyRef| {
        let found =
            data(objects, kind, &pod.namespace, &key.name).and_then(|data| data.get(&key.key));
        match found {
            Some(value) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
            None if key.optional => Ok(None),
            None => Err(missing(
                pod,
                variable,
                format!("key {} of {kind} {}", key.key, key.name),
            )),
        }
    };
    match value {
        EnvValue::Literal(text) => Ok(Some(text.clone())),
        EnvValue::Secret(key) => from(ObjectKind::Secret, key),
        EnvValue::ConfigMap(key) => from(ObjectKind::ConfigMap, key),
        EnvValue::Field(path) => Ok(match path.as_str() {
            "metadata.name" => Some(pod.name.clone()),
            "metadata.namespace" => Some(pod.namespace.clone()),
            _ => None,
        }),
        EnvValue::Other(_) => Ok(None),
    }
}

fn missing(pod: &ObjectName, variable: &str, wanted: String) -> WorkloadError {
    WorkloadError::MissingReference {
        pod: pod.clone(),
        variable: variable.to_owned(),
        wanted,
    }
}

fn data<'a>(
    objects: &'a Objects,
    kind: ObjectKind,
    namespace: &str,
    name: &str,
) -> Option<&'a BTreeMap<String, Vec<u8>>> {
    let key = ObjectKey::namespaced(kind, &ObjectName::new(namespace, name));
    match objects.get(&key)? {
        Object::Secret(secret) => Some(&secret.data),
        Object::ConfigMap(map) => Some(&map.data),
        Object::Namespace(_)
        | Object::Node(_)
        | Object::Pod(_)
        | Object::Workload(_)
        | Object::Service(_)
        | Object::NetworkPolicy(_)
        | Object::ServiceAccount(_)
        | Object::KindCluster(_) => None,
    }
}

/// Whether a running pod can become `wanted` by new labels alone: where it runs and where it was written may differ.
#[must_use]
pub fn same_but_labels(running: &DesiredPod, wanted: &DesiredPod) -> bool {
    let placed_elsewhere = wanted.pod.node.is_some() && wanted.pod.node != running.pod.node;
    let relabelled = DesiredPod {
        pod: Pod {
            labels: running.pod.labels.clone(),
            source: running.pod.source.clone(),
            node: running.pod.node.clone(),
            host_addresses: running.pod.host_addresses.clone(),
            ..wanted.pod.clone()
        },
        ..wanted.clone()
    };
    !placed_elsewhere && *running == relabelled
}

/// FNV-1a: stable over versions of ringfence and Rust, so that pods keep their names.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn generated(mut number: u64, length: usize) -> String {
    (0..length)
        .map(|_| {
            let digit = usize::try_from(number % ALPHABET.len() as u64).unwrap_or_default();
            number /= ALPHABET.len() as u64;
            char::from(ALPHABET.get(digit).copied().unwrap_or(b'x'))
        })
        .collect()
}

/// Labels of a namespace or pod after a change by key; `None` removes.
#[must_use]
pub fn relabelled(labels: &Labels, changes: &BTreeMap<String, Option<String>>) -> Labels {
    let mut labels = labels.clone();
    for (key, value) in changes {
        match value {
            Some(value) => drop(labels.insert(key.clone(), value.clone())),
            None => drop(labels.remove(key)),
        }
    }
    labels
}
