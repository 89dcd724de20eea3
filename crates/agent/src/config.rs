use std::net::SocketAddr;
use std::path::PathBuf;

pub use ringfence_compile::{Capacity, Enforcement, NetworkConfig, Record};
use serde::{Deserialize, Serialize};

/// The name of the table in production.
pub const TABLE_NAME: &str = "ringfence";

/// What an agent is told once, when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The node's name, as in `spec.nodeName`.
    pub node: String,
    /// The Unix socket of the store, see [`crate::protocol`]; none where [`crate::run_with`] is told otherwise.
    pub store: Option<PathBuf>,
    /// The Unix socket on which the CNI plugin finds the agent; made by the agent.
    pub cni_socket: PathBuf,
    /// The folder of the endpoint records; `status.sock` is made in it.
    pub data_dir: PathBuf,
    /// Address blocks and sizes.
    pub network: NetworkConfig,
    /// Whether policies count.
    #[serde(default = "on")]
    pub enforcement: Enforcement,
    /// The name of the agent's nftables table.
    #[serde(default = "table_name")]
    pub table_name: String,
    /// Whether the kernel shall refuse changes of the table by other programs while the agent runs, where it can (Linux
    /// since 6.9). Else they are repaired afterwards.
    #[serde(default = "yes")]
    pub protect_table: bool,
    /// Where `/healthz`, `/readyz` and `/metrics` are answered; nowhere without it.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// Where the node's cgroups (v2) are, so that policies can judge pods in the node's network (rule HN-1). Without it they cannot, and
    /// the agent says so where a policy asks for it.
    #[serde(default)]
    pub host_cgroups: Option<PathBuf>,
}

impl AgentConfig {
    /// Where [`crate::status::StatusRequest`]s are answered.
    #[must_use]
    pub fn status_socket(&self) -> PathBuf {
        self.data_dir.join("status.sock")
    }

    /// Where DNS servers of the cluster say what they are about to answer, in the words of [`ringfence_model::Lesson`].
    #[must_use]
    pub fn names_socket(&self) -> PathBuf {
        self.data_dir.join("names.sock")
    }
}

const fn on() -> Enforcement {
    Enforcement::On
}

const fn yes() -> bool {
    true
}

/// Name of the table that stands beside the one with this name while that is replaced.
pub(crate) fn interim_name(table: &str) -> String {
    format!("{table}-interim")
}

/// Name of the table that judges pods in the network of the node, beside the one with this name.
pub(crate) fn host_pods_name(table: &str) -> String {
    format!("{table}-host-pods")
}

fn table_name() -> String {
    TABLE_NAME.to_owned()
}
