//! The cluster with strangers in it: pods that nobody knows, to be judged like any other.

mod cast;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, Labels, ObjectName};
use ringfence_net::Family;
use ringfence_policy::{ClassId, ClassSet, Engine};

use super::internet::Internet;
use super::{Options, Subject};
use cast::Cast;

/// A pod that nobody knows.
pub(super) struct Stranger {
    pub(super) class: ClassId,
    pub(super) name: ObjectName,
}

/// Strangers with labels that policies ask for, one of each class.
#[derive(Default)]
pub(super) struct Labelled {
    pub(super) classes: ClassSet,
    pub(super) pods: BTreeMap<ClassId, (ObjectName, Labels)>,
}

/// The cluster with the strangers, and who is who.
pub(super) struct Stage {
    pub(super) engine: Engine,
    /// Pods without labels in a namespace that nobody has heard of, one for each sort of address that pods may have.
    pub(super) foreign: Vec<Stranger>,
    /// Pods without labels in each namespace that has pods.
    own: BTreeMap<String, Vec<Stranger>>,
    /// The classes of these.
    neighbours: ClassSet,
    /// Pods of the unknown namespace with labels that policies ask for: anybody may give them to a pod.
    pub(super) labelled: Labelled,
    /// Pods in each namespace with labels that its policies only ask to be there.
    own_labelled: BTreeMap<String, Labelled>,
    /// Pods of that unknown namespace with labels that pods of the cluster have, and the classes of those.
    pub(super) twins: Vec<(ClassId, ClassSet)>,
    /// Every class with a pod of the cluster.
    pub(super) real: ClassSet,
    of_namespace: BTreeMap<String, ClassSet>,
    pub(super) internet: Internet,
    pub(super) families: BTreeSet<Family>,
    /// Whether it is not known where pods have their addresses from, so that the strangers have them from everywhere. What
    /// is open to some of them alone may then be open to nobody.
    pub(super) is_anywhere: bool,
    /// The same of the nodes.
    pub(super) has_stand_in_nodes: bool,
}

impl Stage {
    pub(super) fn new(subject: &Subject<'_>, options: &Options) -> Self {
        let families = cast::families(subject, &options.pod_blocks);
        let cast = Cast::of(subject, &options.pod_blocks, &families);
        let engine = Engine::new(cast.on_stage(subject.cluster));
        let internet = Internet::of(&engine, &families);
        let mut stage = Self {
            foreign: strangers(&engine, &cast.foreign),
            own: BTreeMap::new(),
            neighbours: ClassSet::new(),
            labelled: labelled(&engine, &cast.labelled),
            own_labelled: BTreeMap::new(),
            twins: Vec::new(),
            real: ClassSet::new(),
            of_namespace: BTreeMap::new(),
            internet,
            families,
            is_anywhere: cast.is_anywhere,
            has_stand_in_nodes: cast.has_nodes(),
            engine,
        };
        for (namespace, names) in &cast.own {
            let own = strangers(&stage.engine, names);
            for stranger in &own {
                stage.neighbours.insert(stranger.class);
            }
            stage.own.insert(namespace.clone(), own);
        }
        for (namespace, pods) in &cast.own_labelled {
            let own = labelled(&stage.engine, pods);
            stage.own_labelled.insert(namespace.clone(), own);
        }
        stage.find_pods(subject.cluster, &cast);
        stage
    }

    fn find_pods(&mut self, cluster: &Cluster, cast: &Cast<'_>) {
        let mut alike: BTreeMap<&ObjectName, ClassSet> = BTreeMap::new();
        for pod in cluster.pods.values() {
            let Some(class) = self.engine.class_of_pod(&pod.name) else {
                continue;
            };
            self.real.insert(class);
            let namespace = self.of_namespace.entry(pod.name.namespace.clone());
            namespace.or_default().insert(class);
            if let Some(twin) = cast.twins.get(&pod.labels) {
                alike.entry(twin).or_default().insert(class);
            }
        }
        let twins = alike.into_iter().filter_map(|(twin, classes)| {
            let twin = self.engine.class_of_pod(twin)?;
            Some((twin, classes))
        });
        self.twins = twins.collect();
    }

    /// Pods without labels in `namespace`.
    pub(super) fn own(&self, namespace: &str) -> &[Stranger] {
        self.own.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The classes of such pods of all namespaces.
    pub(super) const fn neighbours(&self) -> &ClassSet {
        &self.neighbours
    }

    /// Each of these classes with its namespace.
    pub(super) fn strangers_of_namespaces(&self) -> impl Iterator<Item = (ClassId, &str)> {
        self.own.iter().flat_map(|(namespace, strangers)| {
            let classes = strangers.iter().map(|stranger| stranger.class);
            classes.map(move |class| (class, namespace.as_str()))
        })
    }

    /// Such pods that are among `some`, in other namespaces than this.
    pub(super) fn strangers_outside(
        &self,
        namespace: &str,
        some: &ClassSet,
    ) -> impl Iterator<Item = (ClassId, ObjectName)> {
        let others = self.own.iter().filter(move |(own, _)| *own != namespace);
        let strangers = others.flat_map(|(_, strangers)| strangers);
        let strangers = strangers.filter(|stranger| some.contains(stranger.class));
        strangers.map(|stranger| (stranger.class, stranger.name.clone()))
    }

    /// Pods in `namespace` with labels that its policies only ask to be there.
    pub(super) fn own_labelled(&self, namespace: &str) -> Option<&Labelled> {
        self.own_labelled.get(namespace)
    }

    /// The classes of the pods of `namespace`.
    pub(super) fn classes_of(&self, namespace: &str) -> Option<&ClassSet> {
        self.of_namespace.get(namespace)
    }

    /// Whether pods live in more than one namespace.
    pub(super) fn has_several_namespaces(&self) -> bool {
        self.of_namespace.len() > 1
    }
}

fn strangers(engine: &Engine, names: &[ObjectName]) -> Vec<Stranger> {
    let stranger = |name: &ObjectName| {
        let class = engine.class_of_pod(name)?;
        let name = name.clone();
        Some(Stranger { class, name })
    };
    names.iter().filter_map(stranger).collect()
}

fn labelled(engine: &Engine, pods: &[(ObjectName, Labels)]) -> Labelled {
    let mut labelled = Labelled::default();
    for pod in pods {
        if let Some(class) = engine.class_of_pod(&pod.0) {
            labelled.classes.insert(class);
            labelled.pods.entry(class).or_insert_with(|| pod.clone());
        }
    }
    labelled
}
