use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::ObjectName;
use serde::{Deserialize, Serialize};

use crate::layout::{Fill, fill};
use crate::{CompileError, Record};

/// The node that a table is compiled for: what the cluster's objects do not say.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a> {
    /// The node's name, as in `spec.nodeName`.
    pub name: &'a str,
    /// The pods wired on it.
    pub endpoints: &'a [LocalEndpoint],
    /// Address blocks and sizes.
    pub network: &'a NetworkConfig,
    /// Whether policies count.
    pub enforcement: Enforcement,
}

/// A pod that is wired on this node. Its addresses override those of the pod's status, which may not be written yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalEndpoint {
    /// The pod.
    pub pod: ObjectName,
    /// The node's end of its veth pair; begins with `vethrf`.
    pub host_interface: String,
    /// Its addresses, one of each family at most.
    pub addresses: Vec<IpAddr>,
}

/// The network that all nodes share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// Blocks that pod addresses come from; only what leaves them is masqueraded.
    pub pod_cidrs: Vec<IpNet>,
    /// Blocks that Service addresses come from.
    pub service_cidrs: Vec<IpNet>,
    /// UDP port on which nodes receive packets for pods from each other (VXLAN); closed to everybody else.
    #[serde(default)]
    pub tunnel_port: Option<u16>,
    /// Which packets are copied to listeners.
    #[serde(default)]
    pub record: Record,
    /// How large the sets are at least.
    pub capacity: Capacity,
}

/// The part of [`Capacity::entries`] that sets have which are mostly empty: the kernel takes memory for a set by its size, used
/// or not.
const FEW_SHARE: u32 = 64;
/// Elements that such a set has room for, however small the others are.
const FEWEST: u32 = 64;

/// Sizes that sets have from the start, so that growing clusters rarely need another layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Elements of a set keyed by an address alone.
    pub addresses: u32,
    /// Elements of a set keyed by an address and more.
    pub entries: u32,
}

impl Capacity {
    /// The size of the set `name` with `elements` elements: twice as many, as a power of two, so that it grows a
    /// while before the layout must change. Also what a range needs, which the kernel may count twice.
    pub(crate) fn size(self, name: &str, elements: usize) -> Result<u32, CompileError> {
        let least = match fill(name) {
            Some(Fill::Addresses) => self.addresses,
            Some(Fill::Entries) | None => self.entries,
            Some(Fill::Few) => FEWEST.max(self.entries / FEW_SHARE),
        };
        let wanted = u32::try_from(elements)
            .ok()
            .and_then(|elements| elements.checked_mul(2)?.checked_next_power_of_two());
        let wanted = wanted.ok_or_else(|| CompileError::TooLarge {
            set: name.to_owned(),
            elements,
        })?;
        Ok(least.max(wanted))
    }
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            addresses: 16_384,
            entries: 65_536,
        }
    }
}

/// Whether policies are enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Enforcement {
    /// Pods that a policy selects are isolated.
    On,
    /// A flat network: addresses are still bound to interfaces and Services still served, but nobody is isolated.
    Off,
}
