//! The workloads that are measured, each once, however many pods it has.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, Object, ObjectName, Pod, PodSpec, Source};
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassId, Engine};

use super::exposure::exposed;
use super::store::{is_etcd, store_ports};
use super::{Options, Subject};
use crate::workload::{Member, Unit, by_workload};

/// One workload.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) unit: Unit,
    /// Pods of the pod network: one of each class.
    pub(super) parts: BTreeMap<ClassId, ObjectName>,
    /// Pods on the network of their nodes.
    pub(super) host_pods: usize,
    /// What Services offer of it to everybody.
    pub(super) exposed: ConnectionSet,
    /// Its ports as a sensitive store, if it is one.
    pub(super) store: Option<ConnectionSet>,
    /// Whether it is the store that the API server keeps everything in.
    pub(super) is_etcd: bool,
    /// Whether it has a service account of its own.
    pub(super) has_account: bool,
    pub(super) source: Option<Source>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Workloads {
    list: Vec<Workload>,
    of_class: BTreeMap<ClassId, Vec<usize>>,
    /// The namespaces that workloads live in, with their labels.
    pub(super) namespaces: BTreeSet<String>,
}

impl Workloads {
    pub(super) fn of(subject: &Subject<'_>, options: &Options, engine: &Engine) -> Self {
        let (specs, written) = (specs(subject), written(subject));
        let units = by_unit(subject.cluster);
        let exposed = exposed(subject, &units);
        let list: Vec<Workload> = units
            .into_iter()
            .map(|(unit, pods)| {
                let specs = specs.get(&unit).map_or(&[][..], Vec::as_slice);
                let source = written.get(&unit).copied();
                let mut found = workload(unit, &pods, specs, options, engine, &exposed);
                found.source = source.cloned().or(found.source);
                found
            })
            .collect();
        let mut of_class: BTreeMap<ClassId, Vec<usize>> = BTreeMap::new();
        for (place, workload) in list.iter().enumerate() {
            for class in workload.parts.keys() {
                of_class.entry(*class).or_default().push(place);
            }
        }
        let namespaces = list.iter().filter_map(|one| one.unit.namespace());
        Self {
            namespaces: namespaces.map(str::to_owned).collect(),
            of_class,
            list,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Workload> {
        self.list.iter()
    }

    /// The workload at this place of [`Workloads::iter`].
    pub(super) fn get(&self, place: usize) -> Option<&Workload> {
        self.list.get(place)
    }

    /// The places of the workloads with a pod of this class.
    pub(super) fn places(&self, class: ClassId) -> &[usize] {
        self.of_class.get(&class).map_or(&[], Vec::as_slice)
    }

    /// The workloads with a pod of this class.
    pub(super) fn of_class(&self, class: ClassId) -> impl Iterator<Item = &Workload> {
        let places = self.places(class).iter();
        places.filter_map(|place| self.list.get(*place))
    }

    /// A pod of the cluster of this class.
    pub(super) fn pod_of(&self, class: ClassId) -> Option<&ObjectName> {
        self.of_class(class).next()?.parts.get(&class)
    }

    /// Where `unit`, a workload or a namespace, was written.
    pub(super) fn source(&self, cluster: &Cluster, unit: &Unit) -> Option<Source> {
        match unit {
            Unit::Namespace(name) => cluster.namespaces.get(name)?.source.clone(),
            Unit::Workload { .. }
            | Unit::Zone(_)
            | Unit::Nodes
            | Unit::Node(_)
            | Unit::Place(_) => self.find(unit)?.source.clone(),
        }
    }

    /// `unit`, if it is one of them and has pods of the pod network.
    pub(super) fn with_pods(&self, unit: &Unit) -> Option<&Workload> {
        self.find(unit)
            .filter(|workload| !workload.parts.is_empty())
    }

    fn find(&self, unit: &Unit) -> Option<&Workload> {
        let place = self.list.binary_search_by(|one| one.unit.cmp(unit)).ok()?;
        self.list.get(place)
    }
}

impl Workload {
    pub(super) fn namespace(&self) -> &str {
        self.unit.namespace().unwrap_or_default()
    }
}

/// Live pods by workload.
fn by_unit(cluster: &Cluster) -> BTreeMap<Unit, Vec<&Pod>> {
    let mut units: BTreeMap<Unit, Vec<&Pod>> = BTreeMap::new();
    for pod in cluster.pods.values().filter(|pod| pod.is_live()) {
        let unit = by_workload(&Member::Pod(pod));
        units.entry(unit).or_default().push(pod);
    }
    units
}

fn workload(
    unit: Unit,
    pods: &[&Pod],
    specs: &[&PodSpec],
    options: &Options,
    engine: &Engine,
    exposed: &BTreeMap<ObjectName, ConnectionSet>,
) -> Workload {
    let mut parts = BTreeMap::new();
    for pod in pods {
        if let Some(class) = engine.class_of_pod(&pod.name) {
            parts.entry(class).or_insert_with(|| pod.name.clone());
        }
    }
    let offered = pods.iter().filter_map(|pod| exposed.get(&pod.name));
    let offered = offered.fold(ConnectionSet::none(), |all, more| all.union(more));
    Workload {
        parts,
        host_pods: pods.iter().filter(|pod| pod.host_network).count(),
        exposed: offered,
        store: store_ports(&unit, pods, specs, options),
        is_etcd: specs.iter().any(|spec| is_etcd(spec)),
        has_account: specs.iter().any(|spec| has_account(spec)),
        source: pods.iter().find_map(|pod| pod.source.clone()),
        unit,
    }
}

/// A service account that was made for it says that it needs the API server.
fn has_account(spec: &PodSpec) -> bool {
    let account = spec.service_account.as_deref();
    account.is_some_and(|account| account != "default")
}

fn unit_of(workload: &ringfence_model::Workload) -> Unit {
    let name = &workload.name;
    Unit::workload(&name.namespace, workload.kind_name(), &name.name)
}

/// Where each workload itself was written: pods that run are objects of their own, without what its author noted on it.
fn written<'a>(subject: &Subject<'a>) -> BTreeMap<Unit, &'a Source> {
    let workloads = subject.objects.iter().filter_map(Object::workload);
    let found = workloads.filter_map(|found| Some((unit_of(found), found.source.as_ref()?)));
    found.collect()
}

/// What runs in the pods of each workload, as far as the manifests say.
fn specs<'a>(subject: &Subject<'a>) -> BTreeMap<Unit, Vec<&'a PodSpec>> {
    let mut specs: BTreeMap<Unit, Vec<&PodSpec>> = BTreeMap::new();
    for object in subject.objects {
        match object {
            Object::Pod(found) => {
                if let Some(pod) = subject.cluster.pods.get(&found.pod.name) {
                    let unit = by_workload(&Member::Pod(pod));
                    specs.entry(unit).or_default().push(&found.spec);
                }
            }
            Object::Workload(found) => {
                let unit = unit_of(found);
                specs.entry(unit).or_default().push(&found.template.spec);
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
    specs
}
