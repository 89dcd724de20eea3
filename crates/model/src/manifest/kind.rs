use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{Labels, Source};

/// The name of a kind cluster that has none.
const DEFAULT_NAME: &str = "kind";

/// A kind cluster (`kind.x-k8s.io/v1alpha4`), defaulted as kind does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCluster {
    /// `name`.
    pub name: Option<String>,
    /// Its nodes, in order; at least one control plane.
    pub nodes: Vec<KindNode>,
    /// `networking.ipFamily`.
    pub ip_family: IpFamily,
    /// `networking.podSubnet`: one block, or one of each family.
    pub pod_subnets: Vec<IpNet>,
    /// `networking.serviceSubnet`: one block, or one of each family.
    pub service_subnets: Vec<IpNet>,
    /// `networking.disableDefaultCNI`: no network until one is installed.
    pub disable_default_cni: bool,
    /// Where it was written.
    pub source: Option<Source>,
}

impl KindCluster {
    /// The name, `kind` by default.
    #[must_use]
    pub fn cluster_name(&self) -> &str {
        self.name.as_deref().unwrap_or(DEFAULT_NAME)
    }

    /// The cluster under another name, as `kind create cluster --name` makes it: the nodes are named after it.
    #[must_use]
    pub fn renamed(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        let mut seen = Vec::new();
        for node in &mut self.nodes {
            node.name = node_name(name, node.role, &seen);
            seen.push(node.role);
        }
        self
    }
}

/// `<cluster>-<role>`, and a number from the second of a role on.
pub(crate) fn node_name(cluster: &str, role: KindRole, before: &[KindRole]) -> String {
    match before.iter().filter(|other| **other == role).count() {
        0 => format!("{cluster}-{role}"),
        earlier => format!("{cluster}-{role}{}", earlier + 1),
    }
}

/// A node of a kind cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindNode {
    /// Its name as kind makes it: `kind-control-plane`, `kind-worker`, `kind-worker2`.
    pub name: String,
    /// What it does.
    pub role: KindRole,
    /// Its labels.
    pub labels: Labels,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KindRole {
    /// Runs the control plane.
    ControlPlane,
    /// Runs pods.
    Worker,
}

impl fmt::Display for KindRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
        })
    }
}

/// Which address families pods and Services have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpFamily {
    /// IPv4 alone.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
    /// Both, IPv4 first.
    Dual,
}
