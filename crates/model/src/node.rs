use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Labels, Source};

/// A node: what policy needs of it (rule OB-16), and what the lab adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// InternalIP and ExternalIP entries of `status.addresses` (rule Q-5).
    pub addresses: Vec<IpAddr>,
    /// `spec.podCIDRs`.
    pub pod_cidrs: Vec<ipnet::IpNet>,
    /// Where its kubelet listens, as far as `status.daemonEndpoints` says so (rule HF-7).
    #[serde(default)]
    pub kubelet_port: Option<u16>,
    /// Where it was written.
    pub source: Option<Source>,
}

/// The label that says in which zone a node is.
const ZONE: &str = "topology.kubernetes.io/zone";

impl Node {
    /// The zone that it is in, as far as it says so (rule OB-22).
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        let zone = self.labels.get(ZONE).map(String::as_str);
        zone.filter(|zone| !zone.is_empty())
    }
}
