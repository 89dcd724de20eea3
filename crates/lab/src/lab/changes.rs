//! Changing a lab: planned and checked as a whole, then done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use anyhow::Context as _;
use ringfence_agent::protocol::{AgentKey, AgentObject};
use ringfence_model::{
    Input, LoadOptions, Namespace, Object, ObjectKey, ObjectKind, ObjectName, RenderStyle, Service,
    Severity, check_label,
};

use super::{ENFORCE_LIMIT, Lab, PodRecord, names, pods};
use crate::cluster::desired::DesiredPod;
use crate::cluster::workloads::{Objects, desired_pods, relabelled, same_but_labels};
use crate::cluster::{scheduler, service_addresses, system};
use crate::control::protocol::{Change, LabelTarget};

type Changes = Vec<(String, Change)>;

/// What a change comes to.
struct Plan {
    objects: Objects,
    services: Vec<Service>,
    /// Pods that stay as they are but for their labels.
    relabelled: Vec<DesiredPod>,
    created: Vec<DesiredPod>,
    deleted: Vec<ObjectName>,
}

impl Lab {
    /// Creates or changes the objects of manifests.
    ///
    /// # Errors
    /// If a manifest cannot be used: then nothing is changed. If something does not come up: then the text says what,
    /// and the rest stands.
    pub fn apply(
        self: &Arc<Self>,
        inputs: &[Input],
        namespace: &str,
        progress: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Changes> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = load(inputs, namespace, progress)?;
        let mut objects = self.lock().objects.clone();
        let mut changes = Vec::new();
        for object in loaded {
            let key = object.key();
            let change = match objects.get(&key) {
                None => Change::Created,
                Some(old) if old.same_content(&object) => Change::Unchanged,
                Some(_) => Change::Configured,
            };
            changes.push((key.to_string(), change));
            objects.insert(key, object);
        }
        self.settle(objects, progress)?;
        Ok(changes)
    }

    /// Deletes the objects that manifests name, and with a namespace all in it.
    ///
    /// # Errors
    /// If a manifest cannot be used or one of its objects does not exist: then nothing is changed.
    pub fn delete(
        self: &Arc<Self>,
        inputs: &[Input],
        namespace: &str,
        progress: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Changes> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = load(inputs, namespace, progress)?;
        let mut objects = self.lock().objects.clone();
        let mut changes = Vec::new();
        for object in loaded {
            let key = object.key();
            anyhow::ensure!(objects.contains_key(&key), "{key} does not exist");
            changes.push((key.to_string(), Change::Deleted));
            objects.retain(|other, _| *other != key && !is_inside(other, &key));
        }
        self.settle(objects, progress)?;
        Ok(changes)
    }

    /// Sets or removes labels.
    ///
    /// # Errors
    /// If the object does not exist or a label is malformed: then nothing is changed.
    pub fn label(
        self: &Arc<Self>,
        target: &LabelTarget,
        labels: &BTreeMap<String, Option<String>>,
    ) -> anyhow::Result<Changes> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in labels {
            check_label(key, value.as_deref().unwrap_or_default())?;
        }
        let mut objects = self.lock().objects.clone();
        let key = match target {
            LabelTarget::Namespace(name) => ObjectKey::cluster(ObjectKind::Namespace, name),
            LabelTarget::Pod(name) => ObjectKey::namespaced(ObjectKind::Pod, name),
        };
        let object = objects.get_mut(&key).with_context(|| {
            format!("{key} does not exist, or is made by a workload, whose template has its labels")
        })?;
        let before = object.clone();
        match object {
            Object::Namespace(namespace) => {
                let source = namespace.source.clone();
                let labels = relabelled(&namespace.labels, labels);
                *namespace = Namespace {
                    source,
                    ..Namespace::new(namespace.name.clone(), labels)
                };
            }
            Object::Pod(manifest) => manifest.pod.labels = relabelled(&manifest.pod.labels, labels),
            Object::Node(_)
            | Object::Workload(_)
            | Object::Service(_)
            | Object::NetworkPolicy(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_) => {}
        }
        let change = if *object == before {
            Change::Unchanged
        } else {
            Change::Configured
        };
        self.settle(objects, &mut |_| {})?;
        Ok(vec![(key.to_string(), change)])
    }

    /// The first change: nodes, system objects and the manifests of the configuration.
    pub(super) fn settle_first(self: &Arc<Self>, progress: &dyn Fn(&str)) -> anyhow::Result<()> {
        let mut objects = Objects::new();
        for namespace in system::namespaces() {
            let object = Object::Namespace(namespace);
            objects.insert(object.key(), object);
        }
        let mut tell = |text: &str| progress(text);
        for object in load(&self.config.manifests, "default", &mut tell)? {
            objects.insert(object.key(), object);
        }
        let nodes = system::nodes(&self.config.cluster, &self.plans);
        self.feed
            .change(nodes.into_iter().map(AgentObject::Node).collect(), vec![]);
        self.settle(objects, &mut tell)
    }

    /// Makes the lab what `objects` ask for, and waits until it is so on every node.
    fn settle(
        self: &Arc<Self>,
        objects: Objects,
        progress: &mut dyn FnMut(&str),
    ) -> anyhow::Result<()> {
        let plan = self.plan_change(objects)?;
        let created: Vec<ObjectName> = plan
            .created
            .iter()
            .map(|pod| pod.pod.name.clone())
            .collect();
        self.stop_pods(&plan.deleted);
        self.publish(plan);
        std::thread::scope(|scope| {
            for name in &created {
                scope.spawn(move || pods::run(self, name));
            }
        });
        self.wait_for_pods()?;
        if !created.is_empty() {
            progress(&format!("pods running: {}", names::join(&created)));
        }
        let (_, revision) = self.feed.cluster();
        self.feed.wait_enforced(revision, ENFORCE_LIMIT)?;
        self.names.wait_served(revision, ENFORCE_LIMIT)?;
        progress("every node enforces the policies");
        Ok(())
    }

    fn plan_change(&self, mut objects: Objects) -> anyhow::Result<Plan> {
        check_namespaces(&objects)?;
        let services = self.assign_addresses(&mut objects)?;
        let node_names: Vec<String> = self.workers();
        let mut wanted = desired_pods(&objects, &node_names)?;
        wanted.push(system::dns_pod(&self.config.cluster));
        let state = self.lock();
        let mut load: BTreeMap<String, usize> = BTreeMap::new();
        let mut plan = Plan {
            objects,
            services,
            relabelled: Vec::new(),
            created: Vec::new(),
            deleted: Vec::new(),
        };
        let mut kept = BTreeSet::new();
        for mut pod in wanted {
            let old = state
                .pods
                .get(&pod.pod.name)
                .filter(|old| same_but_labels(&old.desired, &pod));
            let node = match old {
                Some(old) => old.pod.node.clone().unwrap_or_default(),
                None => {
                    let wish = pod.pod.node.as_deref();
                    scheduler::choose(&self.candidates, wish, &pod.node_selector, &load)
                        .with_context(|| format!("pod {}", pod.pod.name))?
                        .to_owned()
                }
            };
            *load.entry(node.clone()).or_default() += 1;
            pod.pod.host_addresses = self.node_addresses(&node);
            pod.pod.node = Some(node);
            if old.is_some() {
                kept.insert(pod.pod.name.clone());
                plan.relabelled.push(pod);
            } else {
                plan.created.push(pod);
            }
        }
        plan.deleted = state
            .pods
            .keys()
            .filter(|name| !kept.contains(*name))
            .cloned()
            .collect();
        Ok(plan)
    }

    /// Nodes that pods of DaemonSets run on.
    fn workers(&self) -> Vec<String> {
        self.candidates
            .iter()
            .filter(|node| !node.reserved)
            .map(|node| node.name.clone())
            .collect()
    }

    /// Gives each Service its address; those that have one keep it.
    fn assign_addresses(&self, objects: &mut Objects) -> anyhow::Result<Vec<Service>> {
        let subnets = &self.config.cluster.service_subnets;
        let (before, _) = self.feed.cluster();
        let dns = system::dns_service(subnets);
        let mut taken: BTreeSet<_> = system::cluster_addresses(&dns).into_iter().collect();
        let mut services = vec![dns];
        let mut wanted: Vec<Service> = objects
            .values()
            .filter_map(|object| {
                if let Object::Service(service) = object {
                    Some(service.clone())
                } else {
                    None
                }
            })
            .collect();
        for service in &mut wanted {
            let unassigned = service.cluster_ip == ringfence_model::ClusterIp::Unassigned;
            if unassigned && let Some(old) = before.services.get(&service.name) {
                service.cluster_ip = old.cluster_ip.clone();
            }
        }
        // Those with an address first, so that nobody is given what another already has.
        wanted.sort_by_key(|service| service.cluster_ip == ringfence_model::ClusterIp::Unassigned);
        for mut service in wanted {
            service_addresses::assign(&mut service, subnets, &taken)?;
            taken.extend(system::cluster_addresses(&service));
            services.push(service);
        }
        Ok(services)
    }

    fn stop_pods(&self, names: &[ObjectName]) {
        let records: Vec<PodRecord> = {
            let mut state = self.lock();
            names
                .iter()
                .filter_map(|name| state.pods.remove(name))
                .collect()
        };
        std::thread::scope(|scope| {
            for record in records {
                scope.spawn(move || pods::stop(self, record));
            }
        });
    }

    /// Takes over a plan and tells the agents everything of it at once.
    fn publish(&self, plan: Plan) {
        let mut state = self.lock();
        state.objects = plan.objects;
        for desired in plan.relabelled {
            if let Some(record) = state.pods.get_mut(&desired.pod.name) {
                record.pod.labels.clone_from(&desired.pod.labels);
                record.pod.source.clone_from(&desired.pod.source);
                record.desired = desired;
            }
        }
        for desired in plan.created {
            state
                .pods
                .insert(desired.pod.name.clone(), PodRecord::new(desired));
        }
        let mut apply: Vec<AgentObject> = plan
            .services
            .into_iter()
            .map(AgentObject::Service)
            .collect();
        apply.extend(state.objects.values().filter_map(policy_view));
        apply.extend(state.pods.values().map(pods::object));
        let kept: BTreeSet<AgentKey> = apply.iter().map(AgentObject::key).collect();
        let delete = self
            .feed
            .keys()
            .into_iter()
            .filter(|key| !kept.contains(key) && !is_node(key))
            .collect();
        self.feed.change(apply, delete);
    }
}

const fn is_node(key: &AgentKey) -> bool {
    matches!(key, AgentKey::Node(_))
}

/// Objects that agents see as they are written; pods and Services are told with their addresses.
fn policy_view(object: &Object) -> Option<AgentObject> {
    match object {
        Object::Namespace(namespace) => Some(AgentObject::Namespace(namespace.clone())),
        Object::NetworkPolicy(policy) => Some(AgentObject::NetworkPolicy(policy.clone())),
        Object::Node(_)
        | Object::Pod(_)
        | Object::Workload(_)
        | Object::Service(_)
        | Object::Secret(_)
        | Object::ConfigMap(_)
        | Object::ServiceAccount(_)
        | Object::KindCluster(_) => None,
    }
}

fn is_inside(key: &ObjectKey, deleted: &ObjectKey) -> bool {
    deleted.kind == ObjectKind::Namespace && key.namespace.as_deref() == Some(&deleted.name)
}

fn check_namespaces(objects: &Objects) -> anyhow::Result<()> {
    for key in objects.keys() {
        let Some(namespace) = &key.namespace else {
            continue;
        };
        let wanted = ObjectKey::cluster(ObjectKind::Namespace, namespace);
        anyhow::ensure!(
            objects.contains_key(&wanted),
            "{key}: namespaces \"{namespace}\" not found; create it first, or in the same manifests"
        );
    }
    Ok(())
}

/// Reads manifests; the objects the lab can have, or every error at once.
fn load(
    inputs: &[Input],
    namespace: &str,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<Vec<Object>> {
    let options = LoadOptions {
        default_namespace: namespace.to_owned(),
    };
    let loaded = ringfence_model::load(inputs, &options);
    let render = |error: bool| {
        loaded
            .diagnostics
            .iter()
            .filter(|diagnostic| (diagnostic.severity == Severity::Error) == error)
            .map(|diagnostic| diagnostic.render(&loaded.sources, RenderStyle::Plain))
            .collect::<Vec<_>>()
    };
    let errors = render(true);
    anyhow::ensure!(
        errors.is_empty(),
        "the manifests cannot be used; nothing was changed\n{}",
        errors.join("\n")
    );
    for warning in render(false) {
        progress(&warning);
    }
    for object in &loaded.objects {
        let refused = matches!(object, Object::Node(_) | Object::KindCluster(_));
        anyhow::ensure!(
            !refused,
            "{}: nodes of a lab come from its kind configuration",
            object.key()
        );
    }
    Ok(loaded.objects)
}
