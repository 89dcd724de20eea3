//! What a command asks of a lab and what the lab answers: one JSON line each, one request per connection.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use ringfence_agent::Record;
use ringfence_agent::flows::Flows;
use ringfence_agent::status::Rules;
use ringfence_agent::verification::Verification;
use ringfence_model::{Cluster, ClusterPolicyName, Input, KindCluster, KindRole, ObjectName};
use serde::{Deserialize, Serialize};

/// What a lab is started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabConfig {
    /// The lab's name.
    pub name: String,
    /// Nodes and networks; without control plane where a provider runs that.
    pub cluster: KindCluster,
    /// Who runs the control plane.
    pub control_plane: ControlPlane,
    /// Manifests to apply once the nodes are up.
    pub manifests: Vec<Input>,
    /// Whether policies are enforced. Off only for the control experiment: what would happen without.
    pub enforcement: bool,
    /// Which packets the nodes record.
    pub record: Record,
    /// Whether kubectl can speak to it.
    pub api: bool,
    /// The file from whose objects it goes on, and in which it keeps them. An absolute path.
    pub snapshot: Option<PathBuf>,
    /// How the nodes' agents hear of the cluster.
    pub agents: Agents,
    /// The folder with the images that containers run. An absolute path.
    pub images: Option<PathBuf>,
}

/// How the agents of a lab's nodes hear of the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Agents {
    /// The lab tells them, before a write is stored.
    #[default]
    Lab,
    /// They follow the lab's Kubernetes API, as on a cluster, with the settings, the account and the role that the chart installs.
    Kubernetes,
}

/// Who runs the control plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControlPlane {
    /// Nodes of the cluster.
    #[default]
    Nodes,
    /// A provider, who shows its API and neither its nodes nor their network.
    Provider,
}

impl ControlPlane {
    /// The nodes of `cluster` that one sees.
    ///
    /// # Errors
    /// If there is none.
    pub fn visible(self, mut cluster: KindCluster) -> anyhow::Result<KindCluster> {
        if self == Self::Provider {
            cluster.nodes.retain(|node| node.role == KindRole::Worker);
        }
        anyhow::ensure!(
            !cluster.nodes.is_empty(),
            "a cluster whose control plane a provider runs needs a worker: the kind configuration has none"
        );
        Ok(cluster)
    }
}

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Everything there is and how it is.
    Status,
    /// The cluster as policy sees it, with live addresses.
    Cluster,
    /// Create or change the objects of these manifests.
    Apply {
        /// Files by name and content.
        inputs: Vec<Input>,
        /// Namespace for objects that name none.
        namespace: String,
    },
    /// Delete the objects of these manifests.
    Delete {
        /// Files by name and content.
        inputs: Vec<Input>,
        /// Namespace for objects that name none.
        namespace: String,
    },
    /// Set or remove (`None`) labels of a namespace or pod.
    Label {
        /// What to label.
        target: LabelTarget,
        /// Labels by key.
        labels: BTreeMap<String, Option<String>>,
    },
    /// Run a command in a pod. Standard input, output and error travel beside this request as descriptors.
    Exec {
        /// The pod.
        pod: ObjectName,
        /// The command.
        command: Vec<String>,
        /// Whether the command is a part of ringfence (`internal ...`).
        builtin: bool,
    },
    /// Run a part of ringfence as a process of the outside host or of a node.
    ExecAt {
        /// Where.
        place: Place,
        /// Arguments of this binary.
        arguments: Vec<String>,
    },
    /// What stands in the kernel of each node.
    Rules {
        /// One node, or all of them.
        node: Option<String>,
    },
    /// Whether the table in the kernel of each node does what the policies ask, for all packets.
    Verify {
        /// One node, or all of them.
        node: Option<String>,
    },
    /// What became of packets, as the agents of the nodes recorded it.
    Flows {
        /// One node, or all of them.
        node: Option<String>,
        /// The number of the first record wanted, by node; all for those that are not named.
        from: BTreeMap<String, u64>,
    },
    /// What a pod's containers have printed.
    Logs {
        /// The pod.
        pod: ObjectName,
    },
    /// End a node's agent with SIGKILL; the lab starts it again.
    KillAgent {
        /// The node.
        node: String,
    },
    /// End the lab.
    Stop,
}

/// A place of the lab that is no pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// A node's own network.
    Node(String),
    /// The host outside of the cluster.
    Outside,
}

/// An object that can be labelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabelTarget {
    /// A namespace.
    Namespace(String),
    /// A pod.
    Pod(ObjectName),
}

/// One line of an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Something happened on the way; more lines follow.
    Progress(String),
    /// The request failed; nothing of it was done unless the text says so. Ends the answer.
    Failed(String),
    /// To [`Request::Status`].
    Status(Box<LabStatus>),
    /// To [`Request::Cluster`].
    Cluster(Box<Cluster>),
    /// To [`Request::Apply`] and [`Request::Delete`]: the objects by name and what happened to each.
    Changed(Vec<(String, Change)>),
    /// To [`Request::Exec`]: the command's exit code.
    Exited(u8),
    /// To [`Request::Rules`]: by node.
    Rules(BTreeMap<String, Rules>),
    /// To [`Request::Verify`]: by node.
    Verified(BTreeMap<String, Verification>),
    /// To [`Request::Flows`]: by node.
    Flows(BTreeMap<String, Flows>),
    /// To [`Request::Logs`].
    Logs(String),
    /// To the rest.
    Done,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Created,
    /// It is changed.
    Configured,
    /// It was as asked for.
    Unchanged,
    /// It is gone.
    Deleted,
}

impl Change {
    /// The word that kubectl prints.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
        }
    }
}

/// A lab and all in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabStatus {
    /// The lab's name.
    pub name: String,
    /// Whether policies are enforced.
    pub enforcement: bool,
    /// Milliseconds from its start until everything asked for at the start was ready.
    pub ready_after_ms: u64,
    /// The nodes.
    pub nodes: Vec<NodeStatus>,
    /// The pods.
    pub pods: Vec<PodStatus>,
    /// The Services.
    pub services: Vec<ServiceStatus>,
    /// NetworkPolicies by namespace and name.
    pub network_policies: Vec<ObjectName>,
    /// Policies of the cluster.
    pub cluster_policies: Vec<ClusterPolicyName>,
    /// The store's revision.
    pub revision: u64,
}

/// A node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// `control-plane` or `worker`.
    pub role: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its pods' blocks.
    pub pod_cidrs: Vec<ipnet::IpNet>,
    /// The last revision that its kernel enforces.
    pub enforced_revision: Option<u64>,
    /// How often its agent was started.
    pub agent_starts: u32,
    /// What the agent last complained of.
    pub trouble: Option<String>,
}

/// A pod.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PodStatus {
    /// Namespace and name.
    pub name: ObjectName,
    /// `Pending`, `Running`, `Failed`, ...
    pub phase: String,
    /// The reason, if it does not run.
    pub message: Option<String>,
    /// Its node.
    pub node: Option<String>,
    /// Whether it uses its node's network.
    pub host_network: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A Service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Namespace and name.
    pub name: ObjectName,
    /// Cluster addresses, empty for a headless one.
    pub cluster_addresses: Vec<IpAddr>,
    /// Ports as `80/TCP`.
    pub ports: Vec<String>,
    /// Number of backends.
    pub backends: usize,
}

/// What the lab tells the command that starts it, one JSON line each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum StartEvent {
    /// A step is done.
    Progress {
        /// What.
        message: String,
        /// Milliseconds since the start.
        at_ms: u64,
    },
    /// Everything asked for runs and is enforced.
    Ready {
        /// Milliseconds since the start.
        at_ms: u64,
        /// The file that makes kubectl speak to it, if that was asked for.
        kubeconfig: Option<String>,
    },
    /// The lab could not be started; it cleans up and ends.
    Failed(String),
}

/// What the command that starts a lab tells it, one JSON line each. A closed stream before [`StartCommand::Detach`]
/// means that the command is gone: the lab ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum StartCommand {
    /// What to build; the first line.
    Build(Box<LabConfig>),
    /// Live on without the command.
    Detach,
}
