use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::ObjectName;

/// What a node's table is measured against beside the objects of the cluster: how the node is wired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// The node's name, as in `spec.nodeName`.
    pub node: String,
    /// The pods wired on it.
    pub endpoints: Vec<WiredPod>,
    /// How the names of all interfaces of pods begin.
    pub interface_prefix: String,
    /// Blocks that pod addresses come from.
    pub pod_blocks: Vec<IpNet>,
    /// Blocks that Service addresses come from.
    pub service_blocks: Vec<IpNet>,
    /// UDP port on which nodes receive packets for pods from each other.
    pub tunnel_port: Option<u16>,
    /// Whether policies are to be enforced.
    pub enforced: bool,
}

/// A pod that is wired on the node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WiredPod {
    /// The pod.
    pub pod: ObjectName,
    /// The node's end of its veth pair.
    pub interface: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}
