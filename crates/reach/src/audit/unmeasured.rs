//! Objects of other projects' kinds that may make pods, of which nothing is known.

use std::collections::BTreeMap;

use ringfence_model::{Described, Object, Source};

use super::Subject;
use crate::foreign::{is_foreign_version, may_make_pods};

/// Objects of one kind that may make pods which are not measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmeasured {
    /// The kind with its group: `ScaledJob.keda.sh`.
    pub kind: String,
    /// How many objects.
    pub objects: usize,
    /// Where the first of them was written.
    pub first: Source,
}

/// By kind. Those that have a pod template are workloads like others (rule OB-25).
pub(super) fn unmeasured(subject: &Subject<'_>) -> Vec<Unmeasured> {
    let mut kinds: BTreeMap<String, Unmeasured> = BTreeMap::new();
    for field in subject.documents.objects_of_versions(is_foreign_version) {
        let Some(object) = Described::of(&field, "") else {
            continue;
        };
        if !may_make_pods(&object) || is_workload(subject, &object) {
            continue;
        }
        let kind = format!("{}.{}", object.kind, object.group);
        let known = kinds.entry(kind).or_insert_with_key(|kind| Unmeasured {
            kind: kind.clone(),
            objects: 0,
            first: object.field.location().source,
        });
        known.objects += 1;
    }
    kinds.into_values().collect()
}

fn is_workload(subject: &Subject<'_>, object: &Described<'_>) -> bool {
    let place = object.field.location().source;
    subject.objects.iter().any(|known| match known {
        Object::Workload(found) => {
            found.custom_kind.is_some() && found.source.as_ref() == Some(&place)
        }
        Object::Namespace(_)
        | Object::Node(_)
        | Object::Pod(_)
        | Object::Service(_)
        | Object::NetworkPolicy(_)
        | Object::ClusterPolicy(_)
        | Object::HostFirewall(_)
        | Object::Endpoints(_)
        | Object::Secret(_)
        | Object::ConfigMap(_)
        | Object::ServiceAccount(_)
        | Object::KindCluster(_) => false,
    })
}
