use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_net::{Family, Protocol};
use serde::{Deserialize, Serialize};

use crate::{Labels, ObjectName, Pod, Source};

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
    /// Which backends connections get.
    #[serde(default)]
    pub traffic: Traffic,
    /// `spec.publishNotReadyAddresses`.
    pub publish_not_ready_addresses: bool,
    /// `spec.externalName` of a Service of type ExternalName.
    pub external_name: Option<String>,
    /// The backends of a Service without selector, as far as EndpointSlices or Endpoints are given, in order of their
    /// addresses; empty for every other Service (rule OB-12).
    #[serde(default)]
    pub endpoints: Vec<ServiceEndpoint>,
    /// Where it was written.
    pub source: Option<Source>,
}

impl Service {
    /// Whether it chooses the pod by its selector, as far as namespace and labels say (rule OB-12). One without selector chooses
    /// nobody, nor does one that stands for a name elsewhere.
    #[must_use]
    pub fn selects(&self, pod: &Pod) -> bool {
        let mut wanted = self.selector.iter();
        self.name.namespace == pod.name.namespace
            && !self.selector.is_empty()
            && self.external_name.is_none()
            && wanted.all(|(key, value)| pod.labels.get(key) == Some(value))
    }

    /// The addresses that are its own in the cluster: none as long as none is assigned, and none if it is headless or of type
    /// ExternalName (rule OB-13).
    #[must_use]
    pub fn cluster_addresses(&self) -> &[IpAddr] {
        match &self.cluster_ip {
            ClusterIp::Assigned(addresses) => addresses,
            ClusterIp::Unassigned | ClusterIp::Headless => &[],
        }
    }

    /// Whether it may depend on nodes and zones which backends a connection gets (rule OB-22).
    #[must_use]
    pub fn prefers_some(&self) -> bool {
        let mut endpoints = self.endpoints.iter();
        self.traffic.distribution != Distribution::Anywhere
            || endpoints.any(|endpoint| endpoint.hints != Hints::default())
    }

    /// Whether it serves this family, as far as its cluster addresses say (rule OB-19).
    #[must_use]
    pub fn serves(&self, family: Family) -> bool {
        match &self.cluster_ip {
            ClusterIp::Unassigned => true,
            ClusterIp::Headless => false,
            ClusterIp::Assigned(addresses) => addresses
                .iter()
                .any(|address| Family::of(address.to_canonical()) == family),
        }
    }
}

/// Which of its backends connections to a Service get, and who gets any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Traffic {
    /// `spec.internalTrafficPolicy`, of connections to cluster addresses (rule OB-18).
    pub internal: TrafficPolicy,
    /// Whether its type is NodePort or LoadBalancer: it is served at nodes to clients from outside (rule OB-19).
    pub offered: bool,
    /// `spec.externalTrafficPolicy`, of connections from outside to external addresses and node ports (rule OB-19).
    pub external: TrafficPolicy,
    /// The addresses of `status.loadBalancer.ingress`, which are external ones too (rule OB-20).
    pub balanced: Vec<IpAddr>,
    /// `spec.loadBalancerSourceRanges`: who may connect to these; `None` where everybody may (rule OB-20).
    pub admitted: Option<Vec<IpNet>>,
    /// For how many seconds a client comes back to the backend that it had: `spec.sessionAffinityConfig.clientIP.timeoutSeconds`
    /// where `spec.sessionAffinity` is ClientIP (rule OB-21).
    pub affinity: Option<u32>,
    /// `spec.trafficDistribution`.
    pub distribution: Distribution,
    /// `spec.healthCheckNodePort` of a load balancer that keeps connections from outside on their node: where nodes say
    /// whether they have a backend (rule OB-23).
    pub health_port: Option<u16>,
}

/// Which of its backends connections to a Service get rather than others (rule OB-22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Distribution {
    /// None.
    #[default]
    Anywhere,
    /// Those in the zone of the node that they come up at: `PreferSameZone`, or by its older name `PreferClose`.
    SameZone,
    /// Those on that node, otherwise those in its zone: `PreferSameNode`.
    SameNode,
}

/// From where a connection gets its backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TrafficPolicy {
    /// From the whole cluster.
    #[default]
    Cluster,
    /// From the node that it comes from, or to.
    Local,
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
    /// The port at the addresses of all nodes, of Services that have such ports (rule OB-19).
    #[serde(default)]
    pub node_port: Option<u16>,
}

/// `targetPort`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetPort {
    /// A number; the service port where the manifest says nothing, 0 or "" (rule OB-11).
    Number(u16),
    /// A container port's name, resolved on each backend pod.
    Name(String),
}

/// A backend that an EndpointSlice or Endpoints list (rule OB-12): whoever has the address, a pod or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceEndpoint {
    /// Where it is.
    pub address: IpAddr,
    /// Whether it is a backend, as the object says; an EndpointSlice that does not speak of it says yes.
    pub ready: bool,
    /// Whether it answers, be it about to end or not; an EndpointSlice that does not speak of it says what `ready` says.
    #[serde(default)]
    pub serving: bool,
    /// Whether it is about to end. Who lists it has taken that into account in `ready`.
    pub terminating: bool,
    /// The node it is on, as far as the object says so (rule OB-18).
    #[serde(default)]
    pub node: Option<String>,
    /// For whom it is meant (rule OB-22).
    #[serde(default)]
    pub hints: Hints,
    /// The ports that it can be dialled at, in order. Those of a Service lead to the one of equal name and protocol.
    pub ports: Vec<EndpointPort>,
}

/// From where connections are to come to an endpoint rather than to others (rule OB-22).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// `hints.forZones`.
    pub zones: Vec<String>,
    /// `hints.forNodes`.
    pub nodes: Vec<String>,
}

impl ServiceEndpoint {
    /// How it stands behind a Service (rules OB-12, OB-17).
    #[must_use]
    pub const fn standing(&self) -> Option<Standing> {
        match (self.ready, self.serving && self.terminating) {
            (true, _) => Some(Standing::Ready),
            (false, true) => Some(Standing::Ending),
            (false, false) => None,
        }
    }

    /// The port that the Service's `port` leads to here: the one of equal name and protocol, whatever its target port
    /// says; `None` if this is no backend of that port (rule OB-12).
    #[must_use]
    pub fn port_for(&self, port: &ServicePort) -> Option<u16> {
        self.ports
            .iter()
            .find(|own| own.name == port.name && own.protocol == port.protocol)
            .map(|own| own.port)
    }
}

/// How a backend stands behind a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It gets connections.
    Ready,
    /// It is about to end and still answers: it gets connections where nobody is ready (rule OB-17).
    Ending,
}

/// A port of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointPort {
    /// Its name; that of the Service's port which leads to it.
    pub name: Option<String>,
    /// Protocol, TCP by default.
    pub protocol: Protocol,
    /// The number to dial.
    pub port: u16,
}
