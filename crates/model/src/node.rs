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
    /// Where it was written.
    pub source: Option<Source>,
}
