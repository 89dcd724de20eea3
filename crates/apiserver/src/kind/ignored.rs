//! Fields that are stored and that nobody here carries out: whoever writes them is warned, once for each reason.

use serde_json::Value;

use crate::object::at;

/// Fields, and what is done instead.
#[derive(Debug)]
pub(crate) struct Ignored {
    /// Paths such as `containers[].lifecycle`, of which an empty value means nothing.
    pub(crate) fields: &'static [&'static str],
    /// Values that ask for what is done anyway.
    pub(crate) except: &'static [&'static str],
    /// What is done instead.
    pub(crate) instead: &'static str,
}

pub(crate) const fn ignored(fields: &'static [&'static str], instead: &'static str) -> Ignored {
    Ignored {
        fields,
        except: &[],
        instead,
    }
}

/// Of the specification of a pod.
const POD: &[Ignored] = &[
    ignored(
        &[
            "securityContext",
            "containers[].securityContext",
            "initContainers[].securityContext",
            "ephemeralContainers[].securityContext",
            "hostUsers",
        ],
        "programs run as whoever runs this cluster, with the same rights in all containers; images that run take users and groups from it",
    ),
    ignored(
        &[
            "containers[].resources",
            "initContainers[].resources",
            "ephemeralContainers[].resources",
            "resources",
            "overhead",
            "resourceClaims",
            "containers[].resizePolicy",
        ],
        "nothing is reserved and nothing is limited",
    ),
    ignored(&["hostAliases"], "/etc/hosts has the pod's own name alone"),
    ignored(&["dnsConfig"], "/etc/resolv.conf is the same in all pods"),
    Ignored {
        fields: &["dnsPolicy"],
        except: &["ClusterFirst", "ClusterFirstWithHostNet"],
        instead: "/etc/resolv.conf is the same in all pods",
    },
    ignored(
        &["hostPID", "hostIPC"],
        "a pod has its own processes and its own System V objects",
    ),
    ignored(
        &["hostnameOverride", "setHostnameAsFQDN"],
        "a pod is called by `hostname`, or by its name",
    ),
    ignored(
        &[
            "affinity.podAffinity",
            "affinity.podAntiAffinity",
            "topologySpreadConstraints",
            "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution",
        ],
        "pods are spread by how many a node has",
    ),
    ignored(
        &["priorityClassName", "priority", "preemptionPolicy"],
        "no pod gives way to another",
    ),
    ignored(
        &["schedulingGates", "schedulingGroup"],
        "a pod gets a node as soon as one will do",
    ),
    ignored(
        &["readinessGates"],
        "a pod is ready when its containers are",
    ),
    ignored(
        &["activeDeadlineSeconds"],
        "the pod may take as long as it likes",
    ),
    ignored(
        &["runtimeClassName"],
        "programs of this machine run, without a runtime",
    ),
    ignored(
        &["automountServiceAccountToken"],
        "no token is put into pods",
    ),
    ignored(
        &["containers[].lifecycle", "initContainers[].lifecycle"],
        "the hooks are not carried out",
    ),
    ignored(
        &[
            "containers[].livenessProbe.grpc",
            "containers[].readinessProbe.grpc",
            "containers[].startupProbe.grpc",
        ],
        "the probe is taken to succeed",
    ),
    ignored(
        &[
            "containers[].ports[].hostPort",
            "initContainers[].ports[].hostPort",
        ],
        "the port is not opened at the node; use a Service of type NodePort",
    ),
    ignored(
        &[
            "containers[].volumeDevices",
            "ephemeralContainers[].volumeDevices",
            "containers[].restartPolicyRules",
        ],
        "nothing of it is done",
    ),
    Ignored {
        fields: &["containers[].terminationMessagePolicy"],
        except: &["File"],
        instead: "the status of a container that ended has no message",
    },
    Ignored {
        fields: &["containers[].terminationMessagePath"],
        except: &["/dev/termination-log"],
        instead: "the status of a container that ended has no message",
    },
    ignored(
        &[
            "volumes[].awsElasticBlockStore",
            "volumes[].azureDisk",
            "volumes[].azureFile",
            "volumes[].cephfs",
            "volumes[].cinder",
            "volumes[].csi",
            "volumes[].ephemeral",
            "volumes[].fc",
            "volumes[].flexVolume",
            "volumes[].flocker",
            "volumes[].gcePersistentDisk",
            "volumes[].gitRepo",
            "volumes[].glusterfs",
            "volumes[].image",
            "volumes[].iscsi",
            "volumes[].nfs",
            "volumes[].persistentVolumeClaim",
            "volumes[].photonPersistentDisk",
            "volumes[].portworxVolume",
            "volumes[].quobyte",
            "volumes[].rbd",
            "volumes[].scaleIO",
            "volumes[].storageos",
            "volumes[].vsphereVolume",
        ],
        "the volume is an empty folder that goes with the pod",
    ),
];

/// What a pod, or the pods of a template, ask for at `path` in vain.
pub(crate) fn ignored_of_pods(object: &Value, path: &[&str]) -> Vec<String> {
    ignored_of(object, path, POD)
}

/// What is written below `path` in vain.
pub(crate) fn ignored_of(object: &Value, path: &[&str], table: &[Ignored]) -> Vec<String> {
    let Some(value) = at(object, path) else {
        return Vec::new();
    };
    let told = table.iter().filter_map(|row| {
        let fields = row.fields.iter();
        let found = fields.flat_map(|field| written(value, field, path.join("."), row.except));
        let found: Vec<String> = found.collect();
        let (first, rest) = found.split_first()?;
        let more = match rest.len() {
            0 => String::new(),
            1 => " and one more field".to_owned(),
            count => format!(" and {count} more fields"),
        };
        Some(format!(
            "{first}{more}: stored, but not carried out: {}",
            row.instead
        ))
    });
    told.collect()
}

/// Where in `value`, which stands at `place`, the field has a value that means something.
fn written(value: &Value, field: &str, place: String, except: &[&str]) -> Vec<String> {
    let Some((step, rest)) = split(field) else {
        let means = means_something(value) && !except.iter().any(|one| value == one);
        return means.then_some(place).into_iter().collect();
    };
    let (name, is_list) = step
        .strip_suffix("[]")
        .map_or((step, false), |name| (name, true));
    let Some(inner) = value.get(name) else {
        return Vec::new();
    };
    let place = if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    };
    if !is_list {
        return written(inner, rest, place, except);
    }
    let items = inner.as_array().into_iter().flatten().enumerate();
    items
        .flat_map(|(index, item)| written(item, rest, format!("{place}[{index}]"), except))
        .collect()
}

fn split(field: &str) -> Option<(&str, &str)> {
    (!field.is_empty()).then(|| field.split_once('.').unwrap_or((field, "")))
}

fn means_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_nobody_carries_out_are_told_with_their_place() {
        let pod = json!({"spec": {
            "securityContext": {}, "dnsPolicy": "Default", "hostPID": false, "hostAliases": [],
            "containers": [
                {"name": "a", "securityContext": {"runAsUser": 1000}, "resources": {"limits": {"cpu": "1"}}},
                {"name": "b", "securityContext": {"runAsUser": 1000}, "terminationMessagePolicy": "File"},
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "tmp", "emptyDir": {}}],
        }});
        let expected = [
            "spec.containers[0].securityContext and one more field: stored, but not carried out: \
             programs run as whoever runs this cluster, with the same rights in all containers; images that run take users and groups from it",
            "spec.containers[0].resources: stored, but not carried out: nothing is reserved and nothing is limited",
            "spec.dnsPolicy: stored, but not carried out: /etc/resolv.conf is the same in all pods",
            "spec.volumes[0].persistentVolumeClaim: stored, but not carried out: \
             the volume is an empty folder that goes with the pod",
        ];
        assert_eq!(ignored_of_pods(&pod, &["spec"]), expected);
        assert!(ignored_of_pods(&json!({}), &["spec"]).is_empty());
    }

    /// A field that Kubernetes renames would be accepted in silence.
    #[test]
    fn every_field_of_the_table_is_one_of_pods() {
        let pod = ringfence_model::schema("v1", "Pod").unwrap();
        for field in POD.iter().flat_map(|row| row.fields) {
            let mut known = pod.field("spec");
            for step in field.split('.') {
                let name = step.trim_end_matches("[]");
                known = match known {
                    Some(ringfence_model::Type::Object(schema)) => schema.field(name),
                    Some(_) | None => None,
                };
                if let (Some(ringfence_model::Type::List(item)), true) =
                    (known, step.ends_with("[]"))
                {
                    known = Some(item);
                }
            }
            assert!(known.is_some(), "{field}");
        }
    }
}
