use std::net::IpAddr;

use ringfence_net::Protocol;
use serde::{Deserialize, Serialize};

use crate::{Labels, ObjectName, Source};

/// A Service (rules OB-11 to OB-14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Namespace and name.
    pub name: ObjectName,
    /// Equality selector; empty selects no pod (rule OB-12).
    pub selector: Labels,
    /// Cluster addresses.
    pub cluster_ip: ClusterIp,
    /// `spec.externalIPs` and the addresses of `status.loadBalancer.ingress` (rule Q-8).
    pub external_addresses: Vec<IpAddr>,
    /// Ports in order.
    pub ports: Vec<ServicePort>,
    /// `spec.publishNotReadyAddresses`.
    pub publish_not_ready_addresses: bool,
    /// `spec.externalName` of a Service of type ExternalName.
    pub external_name: Option<String>,
    /// Where it was written.
    pub source: Option<Source>,
}

/// `spec.clusterIPs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterIp {
    /// Not assigned yet.
    Unassigned,
    /// `None`: clients dial the pods (rule OB-13).
    Headless,
    /// One address, or one of each family.
    Assigned(Vec<IpAddr>),
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Name, needed when there are several.
    pub name: Option<String>,
    /// Protocol, TCP by default.
    pub protocol: Protocol,
    /// The port clients dial.
    pub port: u16,
    /// The port of the backend pod.
    pub target: TargetPort,
}

/// `targetPort`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetPort {
    /// A number; the service port where the manifest says nothing, 0 or "" (rule OB-11).
    Number(u16),
    /// A container port's name, resolved on each backend pod.
    Name(String),
}
