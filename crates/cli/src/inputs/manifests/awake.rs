//! Workloads that are scaled to none: what somebody needs to know of them does not go away with their pods.

use ringfence_model::{Cluster, Object};
use ringfence_reach::workload::Unit;

use super::{LoadedManifests, ManifestOptions};

/// The manifests as if each workload had a pod.
#[derive(Clone, Debug)]
pub(crate) struct Awake {
    pub(crate) objects: Vec<Object>,
    pub(crate) cluster: Cluster,
    /// The workloads that have none.
    pub(crate) asleep: Vec<Unit>,
}

impl ManifestOptions {
    /// Gives a pod to workloads that are scaled to none; `None` if there is no such workload. Workloads of others are left as
    /// they are, such as the earlier ReplicaSets of a Deployment.
    pub(crate) fn awake(&self, loaded: &LoadedManifests) -> Option<Awake> {
        let asleep: Vec<Unit> = loaded.objects.iter().filter_map(asleep).collect();
        if asleep.is_empty() {
            return None;
        }
        let mut objects = loaded.objects.clone();
        objects.iter_mut().for_each(wake);
        Some(Awake {
            cluster: self.assemble(&objects),
            objects,
            asleep,
        })
    }
}

fn asleep(object: &Object) -> Option<Unit> {
    let Object::Workload(workload) = object else {
        return None;
    };
    let name = &workload.name;
    let is_asleep = workload.replicas == 0 && workload.owner.is_none();
    is_asleep.then(|| Unit::workload(&name.namespace, workload.kind_name(), &name.name))
}

fn wake(object: &mut Object) {
    if asleep(object).is_none() {
        return;
    }
    if let Object::Workload(workload) = object {
        workload.replicas = 1;
        if let Some(ordinals) = &mut workload.ordinals {
            ordinals.end = ordinals.start.saturating_add(1);
        }
    }
}
