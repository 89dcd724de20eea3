//! What a change comes to, and whether this lab can have it. Nothing is done here.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Object, ObjectKey, ObjectKind, ObjectName, Service, Source, SourceMap, add_endpoints,
};

use super::super::{Lab, PodRecord};
use crate::cluster::desired::DesiredPod;
use crate::cluster::scheduler::{self, Load, ScheduleError};
use crate::cluster::workloads::{Objects, WorkloadError, desired_pods, same_but_labels};
use crate::cluster::{service_addresses, system};
use crate::manifests::{Refusal, Refused};

/// A pod for which there is no node.
struct NotPlaced {
    pod: DesiredPod,
    error: ScheduleError,
}

/// What a change comes to.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) objects: Objects,
    pub(super) services: Vec<Service>,
    /// Pods that stay as they are but for their labels.
    pub(super) relabelled: Vec<DesiredPod>,
    pub(super) created: Vec<DesiredPod>,
    pub(super) deleted: Vec<ObjectName>,
}

impl Lab {
    /// Plans the way from what there is to what `objects` ask for; `sources` are quoted in what is refused.
    pub(super) fn plan(&self, objects: Objects, sources: &SourceMap) -> Result<Plan, Refused> {
        let mut refusals = check_namespaces(&objects);
        let services = self.assign_addresses(&objects, &mut refusals);
        let mut wanted = match desired_pods(&objects, &self.candidates) {
            Ok(pods) => pods,
            Err(error) => {
                let WorkloadError::MissingReference {
                    owner, variable, ..
                } = &error;
                let source = objects.get(owner).and_then(Object::source);
                refusals.push(Refusal::new(error.to_string(), source).at(variable));
                Vec::new()
            }
        };
        wanted.push(system::dns_pod(&self.config.cluster));
        refusals.extend(check_pod_names(&wanted));
        let state = self.lock();
        for pod in &mut wanted {
            pod.pod.labels = state.labels_of(pod);
        }
        let stays = |pod: &DesiredPod| {
            let old = state.pods.get(&pod.pod.name);
            old.is_some_and(|old| same_but_labels(&old.desired, pod))
        };
        let (kept, new): (Vec<_>, Vec<_>) = wanted.into_iter().partition(stays);
        let names: BTreeSet<_> = kept.iter().map(|pod| pod.pod.name.clone()).collect();
        let mut load = BTreeMap::<String, Load>::new();
        let relabelled = kept
            .into_iter()
            .map(|pod| self.keep(pod, &state.pods, &mut load))
            .collect();
        let (mut created, mut homeless) = (Vec::new(), Vec::new());
        for pod in new {
            match self.place(pod, &mut load) {
                Ok(pod) => created.push(pod),
                Err(refused) => homeless.push(*refused),
            }
        }
        refusals.extend(not_placed(homeless));
        Refused::unless_empty(refusals, sources)?;
        let deleted = state.pods.keys().filter(|name| !names.contains(*name));
        Ok(Plan {
            objects,
            services,
            relabelled,
            created,
            deleted: deleted.cloned().collect(),
        })
    }

    /// A pod that stays where it is.
    fn keep(
        &self,
        pod: DesiredPod,
        running: &BTreeMap<ObjectName, PodRecord>,
        load: &mut BTreeMap<String, Load>,
    ) -> DesiredPod {
        let old = running.get(&pod.pod.name);
        let node = old.and_then(|old| old.pod.node.clone()).unwrap_or_default();
        let ended = old.is_some_and(PodRecord::has_ended);
        self.on_node(pod, node, !ended, load)
    }

    /// A pod that is new.
    fn place(
        &self,
        pod: DesiredPod,
        load: &mut BTreeMap<String, Load>,
    ) -> Result<DesiredPod, Box<NotPlaced>> {
        let wish = scheduler::Wish {
            node: pod.pod.node.as_deref(),
            selector: &pod.node_selector,
            needs_address: !pod.pod.host_network,
        };
        match scheduler::choose(&self.candidates, &wish, load) {
            Ok(node) => {
                let node = node.to_owned();
                Ok(self.on_node(pod, node, true, load))
            }
            Err(error) => Err(Box::new(NotPlaced { pod, error })),
        }
    }

    fn on_node(
        &self,
        mut pod: DesiredPod,
        node: String,
        has_address: bool,
        load: &mut BTreeMap<String, Load>,
    ) -> DesiredPod {
        let load = load.entry(node.clone()).or_default();
        load.add(has_address && !pod.pod.host_network);
        pod.pod.host_addresses = self.node_addresses(&node);
        pod.pod.node = Some(node);
        pod
    }

    /// Gives each Service its address, and the endpoints that are listed for it; those that have an address keep it.
    fn assign_addresses(&self, objects: &Objects, refusals: &mut Vec<Refusal>) -> Vec<Service> {
        let subnets = &self.config.cluster.service_subnets;
        let (before, _) = self.feed.cluster();
        let given = services_of(objects).cloned();
        let wanted = std::iter::once(system::dns_service(subnets)).chain(given);
        let mut taken = BTreeSet::new();
        let mut services = Vec::new();
        for mut service in service_addresses::in_turn(wanted, &before.services) {
            match service_addresses::assign(&mut service, subnets, &taken) {
                Ok(()) => {
                    taken.extend(system::cluster_addresses(&service));
                    services.push(service);
                }
                Err(error) => {
                    refusals.push(
                        Refusal::new(error.to_string(), service.source.as_ref()).at("clusterIP"),
                    );
                }
            }
        }
        add_endpoints(&mut services, objects.values());
        services
    }
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
        let others = match pods.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more like it"),
        };
        let message = format!("Pod {}{others}: {}", first.pod.pod.name, first.error);
        let word = match first.error {
            ScheduleError::NoSuchNode { .. } => "nodeName",
            ScheduleError::NoNodeMatches { .. } => "nodeSelector",
            ScheduleError::NoAddress { .. } => "replicas",
        };
        Some(Refusal::new(message, source.as_ref()).at(word))
    };
    by_object.into_iter().filter_map(refuse).collect()
}

fn check_namespaces(objects: &Objects) -> Vec<Refusal> {
    let homeless = objects.iter().filter_map(|(key, object)| {
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
