//! Whether this lab can have what was asked for. Nothing is done here.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_apiserver::object::{at, text};
use ringfence_model::{Object, ObjectKey, ObjectKind, Service, Source, SourceMap};

use super::super::Lab;
use super::super::api::key_of;
use crate::cluster::desired::DesiredPod;
use crate::cluster::scheduler::{self, Load, ScheduleError};
use crate::cluster::service_addresses;
use crate::cluster::workloads::{Objects, WorkloadError, desired_pods};
use crate::manifests::{Refusal, Refused};

/// A pod for which there is no node.
struct NotPlaced {
    pod: DesiredPod,
    error: ScheduleError,
}

/// Pods that are there.
#[derive(Default)]
struct Present {
    /// How many pods each object has.
    pods: BTreeMap<ObjectKey, usize>,
    /// What each node carries.
    load: BTreeMap<String, Load>,
}

impl Lab {
    /// Checks whether there can be `objects`, of which those of `asked_for` are new or changed; `sources` are quoted in what
    /// is refused.
    pub(super) fn check(
        &self,
        objects: &Objects,
        asked_for: &BTreeSet<ObjectKey>,
        sources: &SourceMap,
    ) -> Result<(), Refused> {
        let mut refusals = check_namespaces(objects, asked_for);
        self.check_addresses(objects, &mut refusals);
        let asked: Objects = objects
            .iter()
            .filter(|(key, _)| asked_for.contains(key) || is_referable(key))
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect();
        match desired_pods(&asked, &self.candidates) {
            Ok(pods) => {
                refusals.extend(check_pod_names(&pods));
                refusals.extend(not_placed(self.place_all(pods)));
            }
            Err(error) => {
                let WorkloadError::MissingReference {
                    owner, variable, ..
                } = &error;
                let source = objects.get(owner).and_then(Object::source);
                refusals.push(Refusal::new(error.to_string(), source).at(variable));
            }
        }
        Refused::unless_empty(refusals, sources)
    }

    /// Those of `pods` for which there is no place beside what there is.
    fn place_all(&self, pods: Vec<DesiredPod>) -> Vec<NotPlaced> {
        let mut present = self.present();
        let mut homeless = Vec::new();
        for pod in pods {
            let key = pod
                .owner
                .clone()
                .unwrap_or_else(|| ObjectKey::namespaced(ObjectKind::Pod, &pod.pod.name));
            let count = present.pods.entry(key).or_default();
            let is_there = *count > 0;
            *count = count.saturating_sub(1);
            if let Err(error) = self.place(&pod, is_there, &mut present.load) {
                homeless.push(NotPlaced { pod, error });
            }
        }
        homeless
    }

    fn present(&self) -> Present {
        let mut present = Present::default();
        for pod in self.stored("pods") {
            if matches!(text(&pod, &["status", "phase"]), "Succeeded" | "Failed") {
                continue;
            }
            if let Some(key) = key_of(&self.root_of(&pod)) {
                *present.pods.entry(key).or_default() += 1;
            }
            let node = text(&pod, &["spec", "nodeName"]).to_owned();
            let has_address = at(&pod, &["spec", "hostNetwork"]) != Some(&true.into());
            present.load.entry(node).or_default().add(has_address);
        }
        present
    }

    /// One that is there has its address already.
    fn place(
        &self,
        pod: &DesiredPod,
        is_there: bool,
        load: &mut BTreeMap<String, Load>,
    ) -> Result<(), ScheduleError> {
        let has_address = !pod.pod.host_network;
        let wish = scheduler::Wish {
            node: pod.pod.node.as_deref(),
            selector: &pod.node_selector,
            needs_address: has_address && !is_there,
        };
        let node = scheduler::choose(&self.candidates, &wish, load)?.to_owned();
        if !is_there {
            load.entry(node).or_default().add(has_address);
        }
        Ok(())
    }

    /// Whether each Service can have the address that it asks for, or one at all.
    fn check_addresses(&self, objects: &Objects, refusals: &mut Vec<Refusal>) {
        let subnets = &self.config.cluster.service_subnets;
        let (before, _) = self.feed.cluster();
        let wanted = services_of(objects).cloned();
        let mut taken = BTreeSet::new();
        for mut service in service_addresses::in_turn(wanted, &before.services) {
            match service_addresses::assign(&mut service, subnets, &taken) {
                Ok(()) => taken.extend(service.cluster_addresses()),
                Err(error) => {
                    refusals.push(
                        Refusal::new(error.to_string(), service.source.as_ref()).at("clusterIP"),
                    );
                }
            }
        }
    }
}

/// Whether variables of pods may refer to it.
fn is_referable(key: &ObjectKey) -> bool {
    matches!(key.kind, ObjectKind::Secret | ObjectKind::ConfigMap)
}

fn services_of(objects: &Objects) -> impl Iterator<Item = &Service> {
    objects.values().filter_map(|object| {
        if let Object::Service(service) = object {
            Some(service)
        } else {
            None
        }
    })
}

/// A StatefulSet `web` and a pod `web-0` cannot both be.
fn check_pod_names(wanted: &[DesiredPod]) -> Vec<Refusal> {
    let mut seen = BTreeSet::new();
    let second = wanted.iter().filter(|pod| !seen.insert(&pod.pod.name));
    second
        .map(|pod| {
            let message = format!(
                "Pod {}: two objects make a pod of this name; rename one of them",
                pod.pod.name
            );
            Refusal::new(message, pod.pod.source.as_ref())
        })
        .collect()
}

/// One refusal for all pods of an object, which mostly fail for the same reason.
fn not_placed(pods: Vec<NotPlaced>) -> Vec<Refusal> {
    let mut by_object: BTreeMap<Option<Source>, Vec<NotPlaced>> = BTreeMap::new();
    for refused in pods {
        let source = refused.pod.pod.source.clone();
        by_object.entry(source).or_default().push(refused);
    }
    let refuse = |(source, pods): (Option<Source>, Vec<NotPlaced>)| {
        let first = pods.first()?;
        let who = match &first.pod.owner {
            Some(owner) => format!("{owner}: {} of its pods", pods.len()),
            None => format!("Pod {}", first.pod.pod.name),
        };
        let message = format!("{who}: {}", first.error);
        let word = match first.error {
            ScheduleError::NoSuchNode { .. } => "nodeName",
            ScheduleError::NoNodeMatches { .. } => "nodeSelector",
            ScheduleError::NoAddress { .. } => "replicas",
        };
        Some(Refusal::new(message, source.as_ref()).at(word))
    };
    by_object.into_iter().filter_map(refuse).collect()
}

fn check_namespaces(objects: &Objects, asked_for: &BTreeSet<ObjectKey>) -> Vec<Refusal> {
    let asked_for = asked_for
        .iter()
        .filter_map(|key| objects.get(key).map(|object| (key, object)));
    let homeless = asked_for.filter_map(|(key, object)| {
        let namespace = key.namespace.as_deref()?;
        let wanted = ObjectKey::cluster(ObjectKind::Namespace, namespace);
        let message = format!(
            "{key}: namespaces \"{namespace}\" not found; create it first, or in the same manifests"
        );
        (!objects.contains_key(&wanted))
            .then(|| Refusal::new(message, object.source()).at("namespace"))
    });
    homeless.collect()
}
