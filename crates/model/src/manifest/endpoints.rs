use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::ObjectKind;
use crate::{ObjectName, ServiceEndpoint, Source};

/// An EndpointSlice or Endpoints: backends of a Service that selects no pods (rule OB-12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointsManifest {
    /// Which of the two.
    pub kind: EndpointsKind,
    /// Namespace and name.
    pub name: ObjectName,
    /// The Service of the same namespace that it belongs to: what the label `kubernetes.io/service-name` of an
    /// EndpointSlice says, the own name of Endpoints.
    pub service: Option<String>,
    /// The backends, as written.
    pub endpoints: Vec<ServiceEndpoint>,
    /// The pods that it says have these addresses (`targetRef`).
    pub pods: Vec<EndpointPod>,
    /// Where it was written.
    pub source: Option<Source>,
}

/// A pod, and an address that it has as an EndpointSlice or Endpoints say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointPod {
    /// The pod.
    pub name: ObjectName,
    /// Its address.
    pub address: IpAddr,
}

/// The kinds of objects that list backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EndpointsKind {
    /// `discovery.k8s.io/v1`
    EndpointSlice,
    /// `v1`
    Endpoints,
}

impl fmt::Display for EndpointsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(ObjectKind::from(*self).name())
    }
}
