//! What an agent is told: from a file, the environment and the command line; checked as a whole.

mod check;
mod file;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use ipnet::IpNet;
use ringfence_agent::departure::Departure;
use ringfence_agent::{AgentConfig, Capacity, Enforcement, NetworkConfig, Record};
use ringfence_cni::installation::{Chained, Folders, Network};
use ringfence_kube::Scope;
use serde::{Deserialize, Serialize};

pub(in crate::commands) use file::read;

/// Where the records of endpoints are, and `status.sock`: as `dataDir` of the CNI configuration.
const STATE_DIR: &str = "/run/ringfence/node";
/// Where the CNI plugin looks for the agent.
const CNI_SOCKET: &str = "/run/ringfence/agent.sock";

/// Where runtimes look, unless they are told otherwise.
const CNI_BIN_DIR: &str = "/opt/cni/bin";
const CNI_CONF_DIR: &str = "/etc/cni/net.d";

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
    /// Who brings packets to the pods of other nodes: the network between nodes, or routes of the agent [default: underlay]
    #[arg(long, value_enum)]
    network: Option<NetworkMode>,
    /// Name of the nftables table of family inet [default: ringfence]
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Folder of endpoint records and of status.sock; `dataDir` of the CNI configuration [default: /run/ringfence/node]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    state_dir: Option<PathBuf>,
    /// Where the CNI plugin asks; `agentSocket` of the CNI configuration [default: /run/ringfence/agent.sock]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    cni_socket: Option<PathBuf>,
    /// Where the container runtime looks for networks: the agent, once ready, writes 10-ringfence.conflist there; not without it
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    cni_conf_dir: Option<PathBuf>,
    /// Where the container runtime looks for plugins: the agent puts ringfence-cni there before; goes with --cni-conf-dir
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    cni_bin_dir: Option<PathBuf>,
    /// Plugin of the CNI project that the runtime calls after ringfence-cni; may be given again
    #[arg(long, value_name = "PLUGIN", value_enum)]
    #[serde(default)]
    cni_chain: Vec<ChainedPlugin>,
    /// Bytes that a packet of a pod may have [default: 1450]
    #[arg(long, value_name = "BYTES")]
    mtu: Option<u32>,
    /// Where /healthz, /readyz and /metrics are answered; nowhere without it
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// UDP port on which nodes receive packets for pods from each other (VXLAN); closed to everybody else
    #[arg(long, value_name = "PORT")]
    tunnel_port: Option<u16>,
    /// Where the node's cgroups are mounted (v2): policies then judge pods in the node's network too, if they ask for it
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    host_cgroups: Option<PathBuf>,
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

/// Who brings packets to the pods of other nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NetworkMode {
    /// The network between nodes, such as a cloud's routes
    #[default]
    Underlay,
    /// The agent: a route to each other node, which has to be in a subnet of this one
    Routes,
}

/// A plugin that is called after ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChainedPlugin {
    /// `hostPort` of containers
    Portmap,
    /// The annotations kubernetes.io/ingress-bandwidth and kubernetes.io/egress-bandwidth
    Bandwidth,
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
    pub(super) network: NetworkMode,
    pub(super) table: String,
    pub(super) state_dir: PathBuf,
    pub(super) cni_socket: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cni_conf_dir: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cni_bin_dir: Option<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cni_chain: Vec<ChainedPlugin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mtu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tunnel_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host_cgroups: Option<PathBuf>,
    pub(super) record: Recorded,
    pub(super) log: LogFormat,
}

impl Settings {
    /// These; where they say nothing, `others`.
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            node: self.node.or(others.node),
            kubeconfig: self.kubeconfig.or(others.kubeconfig),
            context: self.context.or(others.context),
            pod_cidrs: any(self.pod_cidrs, others.pod_cidrs),
            service_cidrs: any(self.service_cidrs, others.service_cidrs),
            services: self.services.or(others.services),
            network: self.network.or(others.network),
            table: self.table.or(others.table),
            state_dir: self.state_dir.or(others.state_dir),
            cni_socket: self.cni_socket.or(others.cni_socket),
            cni_conf_dir: self.cni_conf_dir.or(others.cni_conf_dir),
            cni_bin_dir: self.cni_bin_dir.or(others.cni_bin_dir),
            cni_chain: any(self.cni_chain, others.cni_chain),
            mtu: self.mtu.or(others.mtu),
            listen: self.listen.or(others.listen),
            tunnel_port: self.tunnel_port.or(others.tunnel_port),
            host_cgroups: self.host_cgroups.or(others.host_cgroups),
            record: self.record.or(others.record),
            log: self.log.or(others.log),
        }
    }

    /// Where an agent with these settings left its things; where they say nothing, the usual places.
    pub(in crate::commands) fn departure(self) -> Departure {
        let or = |given: Option<PathBuf>, usual: &str| given.unwrap_or_else(|| usual.into());
        let table = self.table;
        Departure {
            folders: Folders {
                programs: or(self.cni_bin_dir, CNI_BIN_DIR),
                networks: or(self.cni_conf_dir, CNI_CONF_DIR),
            },
            table: table.unwrap_or_else(|| ringfence_agent::TABLE_NAME.to_owned()),
            data_dir: or(self.state_dir, STATE_DIR),
            cni_socket: or(self.cni_socket, CNI_SOCKET),
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
            network: self.network.unwrap_or_default(),
            table: self
                .table
                .unwrap_or_else(|| ringfence_agent::TABLE_NAME.to_owned()),
            state_dir: self.state_dir.unwrap_or_else(|| STATE_DIR.into()),
            cni_socket: self.cni_socket.unwrap_or_else(|| CNI_SOCKET.into()),
            cni_conf_dir: self.cni_conf_dir,
            cni_bin_dir: self.cni_bin_dir,
            cni_chain: self.cni_chain,
            mtu: self.mtu,
            listen: self.listen,
            tunnel_port: self.tunnel_port,
            host_cgroups: self.host_cgroups,
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

/// `own`, if there are any.
fn any<T>(own: Vec<T>, others: Vec<T>) -> Vec<T> {
    if own.is_empty() { others } else { own }
}

impl Plan {
    /// Where the runtime looks, if the agent installs the plugin.
    pub(super) fn folders(&self) -> Option<Folders> {
        Some(Folders {
            programs: self.cni_bin_dir.clone()?,
            networks: self.cni_conf_dir.clone()?,
        })
    }

    /// What is installed on a node with these blocks.
    pub(super) fn pod_network(&self, pod_cidrs: Vec<IpNet>) -> Network {
        Network {
            pod_cidrs,
            data_dir: self.state_dir.clone(),
            agent_socket: self.cni_socket.clone(),
            mtu: self.mtu,
            chained: self.cni_chain.iter().map(|it| it.of_plugin()).collect(),
        }
    }

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
            host_cgroups: self.host_cgroups.clone(),
        }
    }
}

impl ChainedPlugin {
    const fn of_plugin(self) -> Chained {
        match self {
            Self::Portmap => Chained::Portmap,
            Self::Bandwidth => Chained::Bandwidth,
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
