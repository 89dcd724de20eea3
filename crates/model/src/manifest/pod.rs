use serde::{Deserialize, Serialize};

use crate::{ContainerPort, HostPort, Labels};

/// What runs in a pod, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSpec {
    /// `containers`.
    pub containers: Vec<Container>,
    /// `initContainers`, sidecars included.
    pub init_containers: Vec<Container>,
    /// `volumes`.
    pub volumes: Vec<Volume>,
    /// `hostNetwork`.
    pub host_network: bool,
    /// `nodeName`.
    pub node_name: Option<String>,
    /// `nodeSelector`.
    pub node_selector: Labels,
    /// `tolerations`.
    pub tolerations: Vec<Toleration>,
    /// `restartPolicy`, `Always` by default.
    pub restart_policy: RestartPolicy,
    /// `terminationGracePeriodSeconds`, 30 by default.
    pub termination_grace_seconds: u32,
    /// `hostname`.
    pub hostname: Option<String>,
    /// `subdomain`.
    pub subdomain: Option<String>,
    /// `serviceAccountName`.
    pub service_account: Option<String>,
}

/// When containers are started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RestartPolicy {
    /// Whenever they end.
    Always,
    /// When they end with an error.
    OnFailure,
    /// Never.
    Never,
}

/// A container, init container or sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name inside the pod.
    pub name: String,
    /// `image`.
    pub image: String,
    /// `command`: replaces the image's entry point.
    pub command: Vec<String>,
    /// `args`: replaces the image's arguments.
    pub args: Vec<String>,
    /// `env`, in order.
    pub env: Vec<EnvVar>,
    /// `envFrom`, in order; `env` wins over it.
    pub env_from: Vec<EnvFrom>,
    /// `ports`.
    pub ports: Vec<ContainerPort>,
    /// Those of them with a `hostPort`.
    #[serde(default)]
    pub host_ports: Vec<HostPort>,
    /// `volumeMounts`.
    pub volume_mounts: Vec<VolumeMount>,
    /// `workingDir`.
    pub working_dir: Option<String>,
    /// `stdin`.
    pub stdin: bool,
    /// `tty`.
    pub tty: bool,
    /// An init container with `restartPolicy: Always`, which runs beside the others (rule NP-36).
    pub sidecar: bool,
}

/// One environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Where its value comes from.
    pub value: EnvValue,
}

/// Where the value of an environment variable comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvValue {
    /// `value`; may name other variables as `$(NAME)`.
    Literal(String),
    /// `valueFrom.secretKeyRef`.
    Secret(KeyRef),
    /// `valueFrom.configMapKeyRef`.
    ConfigMap(KeyRef),
    /// `valueFrom.fieldRef.fieldPath`, such as `status.podIP`.
    Field(String),
    /// Another source, by its field name; the lab has no value for it.
    Other(String),
}

/// A key of a Secret or ConfigMap of the pod's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef {
    /// The object's name.
    pub name: String,
    /// The key in its data.
    pub key: String,
    /// Whether the pod may start without it.
    pub optional: bool,
}

/// All keys of a Secret or ConfigMap as variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvFrom {
    /// `secretRef`.
    Secret {
        /// The object's name.
        name: String,
        /// Put before every key.
        prefix: String,
        /// Whether the pod may start without it.
        optional: bool,
    },
    /// `configMapRef`.
    ConfigMap {
        /// The object's name.
        name: String,
        /// Put before every key.
        prefix: String,
        /// Whether the pod may start without it.
        optional: bool,
    },
}

/// A volume of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name inside the pod.
    pub name: String,
    /// What it holds.
    pub source: VolumeSource,
}

/// What a volume holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeSource {
    /// An empty directory that lives as long as the pod.
    EmptyDir,
    /// The keys of a Secret as files, by the object's name.
    Secret(String),
    /// The keys of a ConfigMap as files, by the object's name.
    ConfigMap(String),
    /// Any other source, by its field name.
    Other(String),
}

/// Where a container sees a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMount {
    /// The volume's name.
    pub name: String,
    /// `mountPath`.
    pub path: String,
    /// `subPath`.
    pub sub_path: Option<String>,
    /// `readOnly`.
    pub read_only: bool,
}

/// A taint that the pod puts up with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toleration {
    /// The taint's key; `None` stands for every key.
    pub key: Option<String>,
    /// Whether any value will do (`operator: Exists`).
    pub any_value: bool,
    /// The value otherwise.
    pub value: String,
    /// The taint's effect; `None` stands for every effect.
    pub effect: Option<String>,
}
