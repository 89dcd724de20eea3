//! What the pods are: nothing but a place, that asks for no right and gets no traffic of others.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use serde_json::{Value, json};

use super::{PROBE_LABEL, ProbePod, RunningPod};

/// Pods that nobody removed end after this many seconds.
const LIFE: u32 = 3600;
/// Later than the pod ends: it is never found ready, so that no Service sends anybody to it.
const NEVER_READY: u32 = 24 * 3600;
/// What its container is called; others may be added on the way.
pub(super) const CONTAINER: &str = "probe";
/// `nobody`, in every image.
const NOBODY: u32 = 65534;

/// Reasons for which a container waits that do not go away by themselves.
const STUCK: [&str; 7] = [
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
];

/// How far a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Running(RunningPod),
    /// It may come to run; what it waits for.
    Starting(String),
    /// It does not come to run without somebody's help.
    Stuck(String),
}

/// The pod `name` as the level `restricted` of the Pod Security Standards lets it in. It belongs to its namespace, of which
/// `owner` is the `metadata.uid`: a controller whose selector its labels match would make a pod without owner its own.
pub(super) fn manifest(
    wanted: &ProbePod,
    name: &str,
    run: &str,
    image: &str,
    owner: &str,
) -> Value {
    let mut labels = wanted.labels.clone();
    labels.insert(PROBE_LABEL.to_owned(), run.to_owned());
    let ports = wanted.ports.iter();
    let ports = ports.map(|(name, number, protocol)| json!({"name": name, "containerPort": number, "protocol": protocol}));
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": wanted.namespace,
            "labels": labels,
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Namespace", "name": wanted.namespace, "uid": owner, "controller": true,
            }],
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LIFE,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": NOBODY,
                "seccompProfile": {"type": "RuntimeDefault"},
                // For whoever serves there in place of another pod.
                "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
            },
            "containers": [{
                "name": CONTAINER,
                "image": image,
                "command": ["/agnhost", "pause"],
                "ports": ports.collect::<Vec<Value>>(),
                "readinessProbe": {
                    "exec": {"command": ["/agnhost", "help"]}, "initialDelaySeconds": NEVER_READY,
                },
                "resources": {
                    "requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
}

/// How far `pod` is, as its node told.
pub(super) fn stage(pod: Pod) -> Stage {
    let status = pod.status.unwrap_or_default();
    if matches!(status.phase.as_deref(), Some("Failed" | "Succeeded")) {
        let reason = status.message.or(status.reason);
        return Stage::Stuck(reason.unwrap_or_else(|| "it ended".to_owned()));
    }
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    if let Some((reason, message)) = containers.iter().find_map(waiting)
        && STUCK.contains(&reason)
    {
        return Stage::Stuck(format!("{reason}: {message}"));
    }
    let runs = |one: &ContainerStatus| {
        one.state
            .as_ref()
            .is_some_and(|state| state.running.is_some())
    };
    let addresses = addresses(&status);
    if addresses.is_empty() || containers.is_empty() || !containers.iter().all(runs) {
        return Stage::Starting(reason(&status));
    }
    Stage::Running(RunningPod {
        namespace: pod.metadata.namespace.unwrap_or_default(),
        name: pod.metadata.name.unwrap_or_default(),
        labels: pod.metadata.labels.unwrap_or_default(),
        addresses,
        node: pod.spec.and_then(|spec| spec.node_name),
    })
}

fn addresses(status: &PodStatus) -> Vec<IpAddr> {
    let all = status.pod_ips.iter().flatten().map(|one| one.ip.as_str());
    let addresses: Vec<IpAddr> = all.filter_map(|address| address.parse().ok()).collect();
    if addresses.is_empty() {
        return status
            .pod_ip
            .iter()
            .filter_map(|address| address.parse().ok())
            .collect();
    }
    addresses
}

/// Why a container waits.
fn waiting(container: &ContainerStatus) -> Option<(&str, &str)> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let message = waiting.message.as_deref().unwrap_or_default();
    Some((waiting.reason.as_deref()?, message))
}

/// What a pod waits for: a node, or its containers.
fn reason(status: &PodStatus) -> String {
    let mut conditions = status.conditions.iter().flatten();
    let unscheduled = conditions.find(|one| one.type_ == "PodScheduled" && one.status == "False");
    let unscheduled = unscheduled.and_then(|one| one.message.clone());
    let mut containers = status.container_statuses.iter().flatten();
    let waiting = || containers.find_map(|one| Some(waiting(one)?.0.to_owned()));
    unscheduled
        .or_else(waiting)
        .unwrap_or_else(|| "no node has started it yet".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage_of(status: Value) -> Stage {
        let metadata = json!({"name": "p", "namespace": "a"});
        let pod = json!({"metadata": metadata, "status": status});
        stage(serde_json::from_value(pod).unwrap())
    }

    fn waits_for(reason: &str) -> Value {
        let state = json!({"waiting": {"reason": reason, "message": "why"}});
        let container = json!({
            "name": "probe", "image": "x", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        });
        json!({"phase": "Pending", "containerStatuses": [container]})
    }

    #[test]
    fn what_keeps_a_pod_is_told_and_what_does_not_pass_ends_the_wait() {
        assert_eq!(
            stage_of(waits_for("ContainerCreating")),
            Stage::Starting("ContainerCreating".to_owned())
        );
        assert_eq!(
            stage_of(waits_for("ImagePullBackOff")),
            Stage::Stuck("ImagePullBackOff: why".to_owned())
        );
        let condition = json!({"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"});
        let unscheduled = json!({"phase": "Pending", "conditions": [condition]});
        assert_eq!(
            stage_of(unscheduled),
            Stage::Starting("0/3 nodes are available".to_owned())
        );
        let failed = json!({"phase": "Failed", "message": "Pod was rejected"});
        assert_eq!(
            stage_of(failed),
            Stage::Stuck("Pod was rejected".to_owned())
        );
    }

    #[test]
    fn a_pod_runs_when_it_has_an_address_and_its_container_runs() {
        let container = json!({
            "name": "probe", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"running": {"startedAt": null}},
        });
        let mut status = json!({"phase": "Running", "containerStatuses": [container]});
        assert!(matches!(stage_of(status.clone()), Stage::Starting(_)));
        status["podIPs"] = json!([{"ip": "10.0.0.7"}, {"ip": "fd00::7"}]);
        let Stage::Running(pod) = stage_of(status) else {
            panic!("it runs")
        };
        assert_eq!((pod.namespace.as_str(), pod.name.as_str()), ("a", "p"));
        assert_eq!(pod.addresses.len(), 2);
    }

    /// What the level `restricted` asks for, and what keeps others from it.
    #[test]
    fn it_asks_for_nothing_and_is_nobodys() {
        let wanted = ProbePod {
            namespace: "a".to_owned(),
            ports: vec![(Some("http".to_owned()), 8080, "TCP".to_owned())],
            ..ProbePod::default()
        };
        let pod = manifest(&wanted, "p", "r", "image", "u");
        serde_json::from_value::<Pod>(pod.clone()).unwrap();
        let spec = &pod["spec"];
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
        let container = &spec["containers"][0]["securityContext"];
        assert_eq!(container["allowPrivilegeEscalation"], false);
        assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(pod["metadata"]["ownerReferences"][0]["controller"], true);
        assert_eq!(pod["metadata"]["labels"][PROBE_LABEL], "r");
        assert_eq!(spec["containers"][0]["ports"][0]["name"], "http");
    }
}
