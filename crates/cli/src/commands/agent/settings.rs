//! What an agent is told: from a file, the environment and the command line; checked as a whole.

mod check;
mod file;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use ipnet::IpNet;
use ringfence_agent::{AgentConfig, Capacity, Enforcement, NetworkConfig, Record};
use ringfence_kube::Scope;
use serde::{Deserialize, Serialize};

pub(super) use file::read;

/// Where the records of endpoints are, and `status.sock`: as `dataDir` of the CNI configuration.
const STATE_DIR: &str = "/run/ringfence/node";
/// Where the CNI plugin looks for the agent.
const CNI_SOCKET: &str = "/run/ringfence/agent.sock";

/// As they are given, in part.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    /// Name of this node, as in `spec.nodeName` of its pods
    #[arg(long, value_name = "NAME", env = "NODE_NAME")]
    node: Option<String>,
    /// Which cluster; without it KUBECONFIG, ~/.kube/config, or the cluster of the pod that this runs in
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; without it the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Block that pod addresses of the whole cluster come from; one of each family
    #[arg(long = "pod-cidr", value_name = "BLOCK")]
    #[serde(default)]
    pod_cidrs: Vec<IpNet>,
    /// Block that Service addresses come from; one of each family
    #[arg(long = "service-cidr", value_name = "BLOCK")]
    #[serde(default)]
    service_cidrs: Vec<IpNet>,
    /// Who translates Service addresses: this table, or somebody else, such as kube-proxy [default: nftables]
    #[arg(long, value_enum)]
    services: Option<Services>,
    /// Name of the nftables table of family inet [default: ringfence]
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Folder of endpoint records and of status.sock; `dataDir` of the CNI configuration [default: /run/ringfence/node]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    state_dir: Option<PathBuf>,
    /// Where the CNI plugin asks; `agentSocket` of the CNI configuration [default: /run/ringfence/agent.sock]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    cni_socket: Option<PathBuf>,
    /// Where /healthz, /readyz and /metrics are answered; nowhere without it
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// UDP port on which nodes receive packets for pods from each other (VXLAN); closed to everybody else
    #[arg(long, value_name = "PORT")]
    tunnel_port: Option<u16>,
    /// Which packets are recorded for `ringfence flows` [default: denied]
    #[arg(long, value_enum)]
    record: Option<Recorded>,
    /// How messages are written to standard error [default: text]
    #[arg(long, value_enum)]
    log: Option<LogFormat>,
}

/// Who translates Service addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Services {
    /// Somebody else, such as kube-proxy
    None,
    /// The agent's table
    #[default]
    Nftables,
}

/// Which packets are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Recorded {
    /// Those that are dropped
    #[default]
    Denied,
    /// Those that open a connection, too
    All,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogFormat {
    /// A line for people
    #[default]
    Text,
    /// An object of JSON a line
    Json,
}

/// Settings that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    pub(super) node: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kubeconfig: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<String>,
    pub(super) pod_cidrs: Vec<IpNet>,
    pub(super) service_cidrs: Vec<IpNet>,
    pub(super) services: Services,
    pub(super) table: String,
    pub(super) state_dir: PathBuf,
    pub(super) cni_socket: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tunnel_port: Option<u16>,
    pub(super) record: Recorded,
    pub(super) log: LogFormat,
}

impl Settings {
    /// These; where they say nothing, `others`.
    pub(super) fn or(self, others: Self) -> Self {
        let blocks = |own: Vec<IpNet>, others| if own.is_empty() { others } else { own };
        Self {
            node: self.node.or(others.node),
            kubeconfig: self.kubeconfig.or(others.kubeconfig),
            context: self.context.or(others.context),
            pod_cidrs: blocks(self.pod_cidrs, others.pod_cidrs),
            service_cidrs: blocks(self.service_cidrs, others.service_cidrs),
            services: self.services.or(others.services),
            table: self.table.or(others.table),
            state_dir: self.state_dir.or(others.state_dir),
            cni_socket: self.cni_socket.or(others.cni_socket),
            listen: self.listen.or(others.listen),
            tunnel_port: self.tunnel_port.or(others.tunnel_port),
            record: self.record.or(others.record),
            log: self.log.or(others.log),
        }
    }

    /// What they come to.
    ///
    /// # Errors
    /// All that keeps them from being used.
    pub(super) fn check(self) -> Result<Plan, Vec<String>> {
        let plan = Plan {
            node: self.node.unwrap_or_default(),
            kubeconfig: self.kubeconfig,
            context: self.context,
            pod_cidrs: self.pod_cidrs,
            service_cidrs: self.service_cidrs,
            services: self.services.unwrap_or_default(),
            table: self
                .table
                .unwrap_or_else(|| ringfence_agent::TABLE_NAME.to_owned()),
            state_dir: self.state_dir.unwrap_or_else(|| STATE_DIR.into()),
            cni_socket: self.cni_socket.unwrap_or_else(|| CNI_SOCKET.into()),
            listen: self.listen,
            tunnel_port: self.tunnel_port,
            record: self.record.unwrap_or_default(),
            log: self.log.unwrap_or_default(),
        };
        let problems = check::problems(&plan);
        if problems.is_empty() {
            Ok(plan)
        } else {
            Err(problems)
        }
    }
}

impl Plan {
    pub(super) fn agent(&self) -> AgentConfig {
        AgentConfig {
            node: self.node.clone(),
            store: None,
            cni_socket: self.cni_socket.clone(),
            data_dir: self.state_dir.clone(),
            network: NetworkConfig {
                pod_cidrs: self.pod_cidrs.clone(),
                service_cidrs: self.service_cidrs.clone(),
                tunnel_port: self.tunnel_port,
                record: self.record.of_table(),
                capacity: Capacity::default(),
            },
            enforcement: Enforcement::On,
            table_name: self.table.clone(),
            protect_table: true,
            listen: self.listen,
        }
    }
}

impl Recorded {
    const fn of_table(self) -> Record {
        match self {
            Self::Denied => Record::Denied,
            Self::All => Record::All,
        }
    }
}

impl Services {
    pub(super) const fn scope(self) -> Scope {
        match self {
            Self::Nftables => Scope::Everything,
            Self::None => Scope::WithoutServices,
        }
    }
}
