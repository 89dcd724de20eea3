//! One attachment of a pod to the node's network, as it is kept on the node and told to the agent.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What names an attachment: no two of a node share both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointId {
    /// `CNI_CONTAINERID`, the pod's sandbox.
    pub container_id: String,
    /// `CNI_IFNAME`, the interface's name inside the pod.
    pub interface: String,
}

impl EndpointId {
    /// The attachment `interface` of the sandbox `container_id`.
    #[must_use]
    pub fn new(container_id: impl Into<String>, interface: impl Into<String>) -> Self {
        Self {
            container_id: container_id.into(),
            interface: interface.into(),
        }
    }
}

impl fmt::Display for EndpointId {
    /// A colon can be part of neither half, so that the text is as unique as the pair.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.container_id, self.interface)
    }
}

/// The pod, as the runtime named it in `CNI_ARGS`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodName {
    /// `K8S_POD_NAMESPACE`.
    pub namespace: String,
    /// `K8S_POD_NAME`.
    pub name: String,
}

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How far an attachment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndpointState {
    /// The addresses are taken, the interface is not yet complete: nothing to program.
    Reserved,
    /// The interface is complete; the pod's rules belong into the kernel.
    Wired,
    /// The interface is gone or about to go. Once rules and connections of its addresses are gone
    /// as well, the record may be removed, which frees the addresses.
    Released,
}

/// One attachment of a pod to the node's network. Its record is the reservation of its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// What names it.
    pub id: EndpointId,
    /// The pod; absent where the caller is not a Kubernetes runtime (such as `cnitool`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodName>,
    /// `K8S_POD_UID`, where the runtime gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The node's end of the pair; begins with `vethrf`.
    pub host_interface: String,
    /// `CNI_NETNS` of the ADD.
    pub netns: PathBuf,
    /// The network's name in the configuration.
    pub network: String,
    /// At most one of each family, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// How far it has come.
    pub state: EndpointState,
}
