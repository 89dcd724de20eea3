//! What runs for a pod, and, for checks beforehand, the pods that objects ask for. Pure.

use std::collections::BTreeMap;

use ringfence_model::{
    Container, ContainerPort, EnvFrom, EnvValue, KeyRef, Object, ObjectKey, ObjectKind, ObjectName,
    Phase, Pod, PodManifest, PodSpec, Workload, WorkloadKind,
};

use super::desired::{DesiredContainer, DesiredPod, Program};
use super::details::{ContainerDetails, Facts, PodDetails};
use super::scheduler::{Candidate, allows};

/// The characters of generated names: no vowels, so that no words appear.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The objects that the lab was given.
pub type Objects = BTreeMap<ObjectKey, Object>;

/// Characters of `pod-template-hash` in the names of a Deployment's pods.
const TEMPLATE_HASH_LENGTH: usize = 8;
/// Characters at the end of generated names, as Kubernetes has them.
const NAME_SUFFIX_LENGTH: usize = 5;
/// What runs where a container waits for input and names no command.
const SHELL: &str = "sh";

/// Why pods cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// An environment variable refers to something that is not there.
    #[error("{owner}: variable {variable} needs {wanted}, which does not exist")]
    MissingReference {
        /// The pod, or the workload whose template it is in.
        owner: ObjectKey,
        /// The variable.
        variable: String,
        /// What it refers to.
        wanted: String,
    },
}

/// Every pod that `objects` ask for; those of DaemonSets already with their nodes.
///
/// # Errors
/// [`WorkloadError`] for the first pod that cannot be made.
pub fn desired_pods(
    objects: &Objects,
    nodes: &[Candidate],
) -> Result<Vec<DesiredPod>, WorkloadError> {
    let mut pods = Vec::new();
    for object in objects.values() {
        match object {
            Object::Pod(manifest) => {
                pods.push(desired(
                    objects,
                    &object.key(),
                    manifest.pod.clone(),
                    &manifest.spec,
                    &Facts::default(),
                )?);
            }
            Object::Workload(workload) => {
                for pod in workload_pods(workload, nodes) {
                    pods.push(desired(
                        objects,
                        &object.key(),
                        pod,
                        &workload.template.spec,
                        &Facts::default(),
                    )?);
                }
            }
            Object::Namespace(_)
            | Object::Node(_)
            | Object::Service(_)
            | Object::NetworkPolicy(_)
            | Object::ClusterPolicy(_)
            | Object::HostFirewall(_)
            | Object::Endpoints(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_) => {}
        }
    }
    Ok(pods)
}

/// What runs for a pod that is there, of which these `facts` are known.
///
/// # Errors
/// [`WorkloadError`] if it cannot be made.
pub fn desired_pod(
    objects: &Objects,
    manifest: &PodManifest,
    facts: &Facts,
) -> Result<DesiredPod, WorkloadError> {
    let owner = ObjectKey::namespaced(ObjectKind::Pod, &manifest.pod.name);
    desired(objects, &owner, manifest.pod.clone(), &manifest.spec, facts)
}

fn workload_pods(workload: &Workload, nodes: &[Candidate]) -> Vec<Pod> {
    let template = hash(&format!("{:?}", workload.template));
    let numbered = |index| pod(workload, pod_name(workload, template, index), index);
    match workload.kind {
        WorkloadKind::DaemonSet => (0..)
            .zip(daemon_nodes(workload, nodes))
            .map(|(index, node)| Pod {
                node: Some(node.name.clone()),
                ..numbered(index)
            })
            .collect(),
        // The lab has no clock for schedules: a CronJob waits for ever.
        WorkloadKind::CronJob => Vec::new(),
        // Nobody here makes pods of it.
        WorkloadKind::Custom => Vec::new(),
        WorkloadKind::Job if workload.suspended => Vec::new(),
        WorkloadKind::Deployment => (0..workload.replicas)
            .map(numbered)
            .map(|mut pod| {
                let hash = generated(template, TEMPLATE_HASH_LENGTH);
                pod.labels.insert("pod-template-hash".to_owned(), hash);
                pod
            })
            .collect(),
        WorkloadKind::Job
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::StatefulSet => (0..workload.replicas).map(numbered).collect(),
    }
}

fn daemon_nodes<'a>(
    workload: &Workload,
    nodes: &'a [Candidate],
) -> impl Iterator<Item = &'a Candidate> {
    let selector = &workload.template.spec.node_selector;
    nodes.iter().filter(|node| allows(node, selector))
}

fn pod_name(workload: &Workload, template: u64, index: u32) -> String {
    let name = &workload.name.name;
    let own = || generated(hash(&format!("{template} {index}")), NAME_SUFFIX_LENGTH);
    match workload.kind {
        WorkloadKind::StatefulSet => format!("{name}-{index}"),
        WorkloadKind::Deployment => {
            let template = generated(template, TEMPLATE_HASH_LENGTH);
            format!("{name}-{template}-{}", own())
        }
        WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::DaemonSet
        | WorkloadKind::Job
        | WorkloadKind::CronJob
        | WorkloadKind::Custom => format!("{name}-{}", own()),
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
        | WorkloadKind::CronJob
        | WorkloadKind::Custom => {}
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
        workload: None,
        terminating: false,
        uid: None,
        host_ports: Vec::new(),
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

fn desired(
    objects: &Objects,
    owner: &ObjectKey,
    pod: Pod,
    spec: &PodSpec,
    facts: &Facts,
) -> Result<DesiredPod, WorkloadError> {
    let references = References {
        objects,
        owner,
        pod: &pod.name,
        facts,
    };
    let wanted = |container: &Container| wanted(&references, container);
    let containers = running(spec).map(wanted).collect::<Result<_, _>>()?;
    let init = spec.init_containers.iter();
    let init = init.filter(|container| !container.sidecar).map(wanted);
    let init = init.collect::<Result<_, _>>()?;
    Ok(DesiredPod {
        hostname: spec
            .hostname
            .clone()
            .unwrap_or_else(|| pod.name.name.clone()),
        owner: (owner.kind != ObjectKind::Pod).then(|| owner.clone()),
        node_selector: spec.node_selector.clone(),
        restart: spec.restart_policy,
        pod: Pod {
            node: spec.node_name.clone().or_else(|| pod.node.clone()),
            ..pod
        },
        init,
        containers,
        details: PodDetails::default(),
    })
}

fn wanted(
    references: &References<'_>,
    container: &Container,
) -> Result<DesiredContainer, WorkloadError> {
    let environment = environment(references, container)?;
    let expanded = |words: &[String]| {
        let words = words.iter().map(|word| expand(word, &environment));
        words.collect()
    };
    let container = Container {
        host_ports: Vec::new(),
        command: expanded(&container.command),
        args: expanded(&container.args),
        ..container.clone()
    };
    Ok(DesiredContainer {
        program: program(&container),
        interactive: interactive(&container),
        command: container.command,
        args: container.args,
        name: container.name,
        image: container.image,
        environment,
        ports: container.ports,
        details: ContainerDetails::default(),
    })
}

/// The text with `$(NAME)` replaced by that variable where there is one; `$$` stands for `$`.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result += before;
        let named = after.strip_prefix('(').and_then(|it| it.split_once(')'));
        let known = named.and_then(|(name, rest)| Some((variables.get(name)?, rest)));
        if let Some((value, after)) = known {
            result += value;
            rest = after;
        } else {
            result.push('$');
            rest = after.strip_prefix('$').unwrap_or(after);
        }
    }
    result + rest
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
    if container.stdin || container.tty {
        return Program::Responder;
    }
    let words = std::iter::once(first).chain(words).collect();
    if container.command.is_empty() {
        return Program::Arguments(words);
    }
    Program::Machine(words)
}

/// What a container that waits for input runs when it gets some: its command, or a shell in place of its image's.
fn interactive(container: &Container) -> Option<Vec<String>> {
    let waits_for_input = container.stdin || container.tty;
    let is_stand_in = program(container) == Program::Responder;
    let words = container.command.iter().chain(&container.args).cloned();
    let mut words: Vec<String> = words.collect();
    if words.is_empty() {
        words.push(SHELL.to_owned());
    }
    (waits_for_input && is_stand_in).then_some(words)
}

/// What the variables of a pod may refer to.
struct References<'a> {
    objects: &'a Objects,
    owner: &'a ObjectKey,
    pod: &'a ObjectName,
    facts: &'a Facts,
}

fn environment(
    references: &References<'_>,
    container: &Container,
) -> Result<BTreeMap<String, String>, WorkloadError> {
    let mut variables = references.facts.services.clone();
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
        match data(references.objects, kind, &references.pod.namespace, name) {
            Some(data) => {
                for (key, value) in data {
                    variables.insert(
                        format!("{prefix}{key}"),
                        String::from_utf8_lossy(value).into_owned(),
                    );
                }
            }
            None if *optional => {}
            None => return Err(missing(references, "envFrom", format!("{kind} {name}"))),
        }
    }
    for variable in &container.env {
        if let Some(value) = value(references, &variable.name, &variable.value)? {
            let value = if matches!(variable.value, EnvValue::Literal(_)) {
                expand(&value, &variables)
            } else {
                value
            };
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

fn value(
    references: &References<'_>,
    variable: &str,
    value: &EnvValue,
) -> Result<Option<String>, WorkloadError> {
    let from = |kind: ObjectKind, key: &KeyRef| {
        let namespace = &references.pod.namespace;
        let found = data(references.objects, kind, namespace, &key.name)
            .and_then(|data| data.get(&key.key));
        match found {
            Some(value) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
            None if key.optional => Ok(None),
            None => Err(missing(
                references,
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
            "metadata.name" => Some(references.pod.name.clone()),
            "metadata.namespace" => Some(references.pod.namespace.clone()),
            path => references.facts.field(path),
        }),
        EnvValue::Other(_) => Ok(None),
    }
}

fn missing(references: &References<'_>, variable: &str, wanted: String) -> WorkloadError {
    WorkloadError::MissingReference {
        owner: references.owner.clone(),
        variable: variable.to_owned(),
        wanted,
    }
}

/// The content of a Secret or ConfigMap.
pub(super) fn data<'a>(
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
        | Object::ClusterPolicy(_)
        | Object::HostFirewall(_)
        | Object::Endpoints(_)
        | Object::ServiceAccount(_)
        | Object::KindCluster(_) => None,
    }
}

/// FNV-1a: the same in every process, so that pods have the same names each time a lab is started.
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

#[cfg(test)]
mod tests;
