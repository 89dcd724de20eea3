//! What a pod's manifest says of how its containers run: probes, hooks, volumes, folders. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What stands in the specification of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodDetails {
    /// `containers`.
    pub containers: Vec<ContainerDetails>,
    /// `initContainers`, sidecars included.
    pub init_containers: Vec<ContainerDetails>,
    /// `volumes`.
    pub volumes: Vec<Volume>,
    /// `securityContext`, as far as it is about who processes are.
    pub security_context: SecurityContext,
    /// `enableServiceLinks`; as if it were `true` if it is not there.
    pub enable_service_links: Option<bool>,
}

impl PodDetails {
    /// The specification of a pod as the API stores it; what cannot be read is as if it were not there.
    #[must_use]
    pub fn of(pod: &Value) -> Self {
        let spec = pod.get("spec").cloned().unwrap_or_default();
        serde_json::from_value(spec).unwrap_or_default()
    }

    /// What it says of a container or init container.
    #[must_use]
    pub fn container(&self, name: &str) -> ContainerDetails {
        let mut all = self.init_containers.iter().chain(&self.containers);
        let found = all.find(|container| container.name == name);
        found.cloned().unwrap_or_default()
    }
}

/// What stands in the specification of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerDetails {
    /// Its name.
    pub name: String,
    /// `workingDir`.
    pub working_dir: String,
    /// `securityContext`, as far as it is about who processes are and what they may write.
    pub security_context: SecurityContext,
    /// `volumeMounts`.
    pub volume_mounts: Vec<VolumeMount>,
    /// Whether it has begun, so that the other probes make sense.
    pub startup_probe: Option<Probe>,
    /// Whether Services may send it traffic.
    pub readiness_probe: Option<Probe>,
    /// Whether it may go on.
    pub liveness_probe: Option<Probe>,
    /// What is to be done after its start and before its end; nobody does it.
    pub lifecycle: Option<Value>,
}

/// Who processes are and what they may write; only images heed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    /// `runAsUser`.
    pub run_as_user: Option<u32>,
    /// `runAsGroup`.
    pub run_as_group: Option<u32>,
    /// `runAsNonRoot`.
    pub run_as_non_root: Option<bool>,
    /// `supplementalGroups`, of a pod.
    pub supplemental_groups: Vec<u32>,
    /// `fsGroup`, of a pod.
    pub fs_group: Option<u32>,
    /// `readOnlyRootFilesystem`, of a container.
    pub read_only_root_filesystem: bool,
}

/// Where a container sees a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeMount {
    /// The volume.
    pub name: String,
    /// Where it is seen.
    pub mount_path: String,
    /// What of it is seen; all if empty.
    pub sub_path: String,
    /// Whether it cannot be written there.
    pub read_only: bool,
}

/// Something to do with a container. One of the fields is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Action {
    /// A command to run in it.
    pub exec: Option<ExecAction>,
    /// A page to get from it.
    pub http_get: Option<HttpGet>,
    /// A port to connect to.
    pub tcp_socket: Option<TcpSocket>,
    /// A service to ask; nobody does.
    pub grpc: Option<Value>,
}

/// `exec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ExecAction {
    /// Program and arguments.
    pub command: Vec<String>,
}

/// `httpGet`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpGet {
    /// The path, with its query.
    pub path: String,
    /// The number of the port, or its name.
    pub port: Value,
    /// Another host than the pod.
    pub host: String,
    /// `HTTP` or `HTTPS`.
    pub scheme: String,
    /// Header fields.
    pub http_headers: Vec<Header>,
}

/// A header field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// `tcpSocket`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TcpSocket {
    /// The number of the port, or its name.
    pub port: Value,
    /// Another host than the pod.
    pub host: String,
}

/// A probe: what is tried, when, and how often it may fail.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Probe {
    /// What is tried.
    #[serde(flatten)]
    pub action: Action,
    /// How long nothing is tried after the start.
    pub initial_delay_seconds: u64,
    /// How long an answer may take.
    pub timeout_seconds: u64,
    /// How long after an attempt the next one begins.
    pub period_seconds: u64,
    /// How many successes in a row are a success.
    pub success_threshold: u32,
    /// How many failures in a row are a failure.
    pub failure_threshold: u32,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            action: Action::default(),
            initial_delay_seconds: 0,
            timeout_seconds: 1,
            period_seconds: 10,
            success_threshold: 1,
            failure_threshold: 3,
        }
    }
}

/// A volume. One of the sources is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// Its name inside the pod.
    pub name: String,
    /// An empty folder that lives as long as the pod.
    pub empty_dir: Option<Value>,
    /// A folder or file of the machine.
    pub host_path: Option<HostPath>,
    /// The keys of a ConfigMap as files.
    pub config_map: Option<Keys>,
    /// The keys of a Secret as files.
    pub secret: Option<Keys>,
    /// What is known of the pod, as files.
    #[serde(rename = "downwardAPI")]
    pub downward_api: Option<Downward>,
    /// Several of these in one folder.
    pub projected: Option<Projected>,
}

/// `hostPath`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HostPath {
    /// The path on the machine.
    pub path: String,
}

/// The keys of a ConfigMap or Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Keys {
    /// The object.
    #[serde(alias = "secretName")]
    pub name: String,
    /// Which keys become which files; all of them under their own names if nothing is said.
    pub items: Option<Vec<KeyPath>>,
    /// Whether the pod may start without it.
    pub optional: bool,
    /// The mode of files.
    pub default_mode: Option<u32>,
}

/// A key and its file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KeyPath {
    /// The key.
    pub key: String,
    /// The file, from the volume's folder on.
    pub path: String,
    /// The file's mode.
    pub mode: Option<u32>,
}

/// `downwardAPI`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Downward {
    /// Its files.
    pub items: Vec<DownwardItem>,
    /// The mode of files.
    pub default_mode: Option<u32>,
}

/// A file that says something of the pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DownwardItem {
    /// The file, from the volume's folder on.
    pub path: String,
    /// What it says.
    pub field_ref: FieldRef,
    /// The file's mode.
    pub mode: Option<u32>,
}

/// A field of the pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldRef {
    /// Such as `metadata.labels`.
    pub field_path: String,
}

/// `projected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Projected {
    /// What is in the folder.
    pub sources: Vec<Projection>,
    /// The mode of files.
    pub default_mode: Option<u32>,
}

/// One of several sources. One of the fields is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Projection {
    /// The keys of a ConfigMap as files.
    pub config_map: Option<Keys>,
    /// The keys of a Secret as files.
    pub secret: Option<Keys>,
    /// What is known of the pod, as files.
    #[serde(rename = "downwardAPI")]
    pub downward_api: Option<Downward>,
}

/// What is known of a pod that runs: what its variables and files may refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    fields: BTreeMap<&'static str, String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    /// Variables that name the Services of its namespace.
    pub services: BTreeMap<String, String>,
}

impl Facts {
    /// Those of a pod as the API stores it, with the addresses that it has by now.
    #[must_use]
    pub fn of(pod: &Value, addresses: &[String], host_addresses: &[String]) -> Self {
        let word = |path: &[&str]| {
            let found = path.iter().try_fold(pod, |value, field| value.get(field));
            found.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let pairs = |field| {
            let found = pod.get("metadata").and_then(|metadata| metadata.get(field));
            found
                .and_then(|found| serde_json::from_value(found.clone()).ok())
                .unwrap_or_default()
        };
        let first = |list: &[String]| list.first().cloned().unwrap_or_default();
        let account = word(&["spec", "serviceAccountName"]);
        Self {
            fields: BTreeMap::from([
                ("metadata.name", word(&["metadata", "name"])),
                ("metadata.namespace", word(&["metadata", "namespace"])),
                ("metadata.uid", word(&["metadata", "uid"])),
                ("spec.nodeName", word(&["spec", "nodeName"])),
                ("spec.serviceAccountName", account),
                ("status.podIP", first(addresses)),
                ("status.podIPs", addresses.join(",")),
                ("status.hostIP", first(host_addresses)),
                ("status.hostIPs", host_addresses.join(",")),
            ]),
            labels: pairs("labels"),
            annotations: pairs("annotations"),
            services: BTreeMap::new(),
        }
    }

    /// The text of a field such as `status.podIP` or `metadata.labels['app']`; `None` if there is no such field.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<String> {
        if let Some(value) = self.fields.get(path) {
            return Some(value.clone());
        }
        for (name, pairs) in [
            ("metadata.labels", &self.labels),
            ("metadata.annotations", &self.annotations),
        ] {
            let Some(rest) = path.strip_prefix(name) else {
                continue;
            };
            if rest.is_empty() {
                return Some(lines(pairs));
            }
            let key = rest.strip_prefix("['")?.strip_suffix("']")?;
            return Some(pairs.get(key).cloned().unwrap_or_default());
        }
        None
    }
}

fn lines(pairs: &BTreeMap<String, String>) -> String {
    let lines = pairs.iter().map(|(key, value)| format!("{key}={value:?}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn probes_and_volumes_are_read_as_the_api_stores_them() {
        let pod = json!({"spec": {
            "containers": [{
                "name": "c", "readinessProbe": {"httpGet": {"path": "/ok", "port": "web"}, "periodSeconds": 2},
            }],
            "volumes": [
                {"name": "s", "secret": {"secretName": "keys", "items": [{"key": "a", "path": "b", "mode": 256}]}},
                {"name": "d", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            ],
        }});
        let details = PodDetails::of(&pod);
        let container = details.container("c");
        let probe = container.readiness_probe.unwrap();
        assert_eq!((probe.period_seconds, probe.failure_threshold), (2, 3));
        assert_eq!(probe.action.http_get.unwrap().port, json!("web"));
        let secret = details.volumes[0].secret.as_ref().unwrap();
        assert_eq!(secret.name, "keys");
        assert_eq!(secret.items.as_ref().unwrap()[0].mode, Some(0o400));
        assert!(details.volumes[1].downward_api.is_some());
    }

    #[test]
    fn fields_of_a_pod_are_found_by_their_path() {
        let pod = json!({"metadata": {
            "name": "p", "namespace": "n", "labels": {"app": "web", "x.io/y": "z"},
        }});
        let addresses = ["10.0.0.1".to_owned(), "fd00::1".to_owned()];
        let facts = Facts::of(&pod, &addresses, &[]);
        for (path, expected) in [
            ("metadata.name", Some("p")),
            ("status.podIP", Some("10.0.0.1")),
            ("status.podIPs", Some("10.0.0.1,fd00::1")),
            ("status.hostIP", Some("")),
            ("metadata.labels['x.io/y']", Some("z")),
            ("metadata.labels['none']", Some("")),
            ("metadata.labels", Some("app=\"web\"\nx.io/y=\"z\"")),
            ("spec.containers", None),
        ] {
            assert_eq!(facts.field(path).as_deref(), expected, "{path}");
        }
    }
}
