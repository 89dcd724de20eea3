use std::net::IpAddr;

use ringfence_net::{IpProtocol, Protocol};
use serde::{Deserialize, Serialize};

use crate::{Labels, ObjectName, Owner, Source};

/// A pod as policy sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Namespace and name.
    pub name: ObjectName,
    /// `metadata.labels` (rule NP-17).
    pub labels: Labels,
    /// `spec.nodeName`.
    pub node: Option<String>,
    /// `spec.hostNetwork`: such a pod owns no address and is no subject or peer (rule NP-53).
    pub host_network: bool,
    /// `status.phase`.
    pub phase: Phase,
    /// `status.podIPs`, else `status.podIP` (rule Q-6); for host pods the node's addresses.
    pub addresses: Vec<IpAddr>,
    /// `status.hostIPs`, else `status.hostIP` (rule Q-5).
    pub host_addresses: Vec<IpAddr>,
    /// Ports of containers and sidecars, in order (rules NP-36, OB-11).
    pub ports: Vec<ContainerPort>,
    /// Ports of its node that lead to it (rule OB-24).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_ports: Vec<HostPort>,
    /// Whether the pod may be a Service backend: no `Ready` condition, or `Ready=True` (rule OB-12).
    pub ready: bool,
    /// The workload it belongs to: the top of its chain of owners, as far as that is known.
    #[serde(default)]
    pub workload: Option<Owner>,
    /// Whether `metadata.deletionTimestamp` is set (rule Q-4).
    pub terminating: bool,
    /// Of a pod in the network of its node: the name by which the kubelet knows it and names its cgroups (rule HN-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Box<str>>,
    /// Where it was written.
    pub source: Option<Source>,
}

impl Pod {
    /// A running pod of the pod network with `labels`, of which nothing else is known.
    #[must_use]
    pub const fn new(name: ObjectName, labels: Labels) -> Self {
        Self {
            name,
            labels,
            node: None,
            host_network: false,
            phase: Phase::Running,
            addresses: Vec::new(),
            host_addresses: Vec::new(),
            ports: Vec::new(),
            host_ports: Vec::new(),
            ready: true,
            workload: None,
            terminating: false,
            uid: None,
            source: None,
        }
    }

    /// Gives back the room that its lists do not fill, for whoever keeps many pods.
    pub fn shrink_to_fit(&mut self) {
        self.addresses.shrink_to_fit();
        self.host_addresses.shrink_to_fit();
        self.ports.shrink_to_fit();
        self.host_ports.shrink_to_fit();
    }

    /// Whether the pod exists for policy: neither succeeded nor failed (rule Q-4).
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self.phase {
            Phase::Pending | Phase::Running | Phase::Unknown => true,
            Phase::Succeeded | Phase::Failed => false,
        }
    }

    /// Whether policy can select the pod: live, and on the pod network (rules NP-16, NP-53).
    #[must_use]
    pub fn is_on_pod_network(&self) -> bool {
        self.is_live() && !self.host_network
    }
}

/// `status.phase`; an absent phase counts as [`Phase::Unknown`], which is live (rule OB-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Accepted, not running yet.
    Pending,
    /// Running.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Not said.
    Unknown,
}

/// A declared port of a container or sidecar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContainerPort {
    /// The port's name, if it has one.
    pub name: Option<String>,
    /// Protocol, TCP by default.
    pub protocol: Protocol,
    /// `containerPort`.
    pub port: u16,
}

/// A port of the node of a pod that leads to a port of the pod (rule OB-24).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostPort {
    /// `hostIP`: the only address of the node at which it does; `None` for all of them.
    pub address: Option<IpAddr>,
    /// `hostPort`.
    pub port: u16,
    /// Protocol, TCP by default.
    pub protocol: Protocol,
    /// `containerPort`.
    pub container_port: u16,
}

impl HostPort {
    /// OB-24: whether a packet to `port` at `address` of the node is led to the pod.
    #[must_use]
    pub fn is_dialled(
        &self,
        address: Option<IpAddr>,
        protocol: IpProtocol,
        port: Option<u16>,
    ) -> bool {
        let only = self.address.map(|only| only.to_canonical());
        protocol == self.protocol.into()
            && port == Some(self.port)
            && (only.is_none() || only == address)
    }
}
