//! The cluster as policy sees it, and the manifests it comes from.
//!
//! Loads YAML and JSON with positions, validates as the API server does, and holds namespaces, pods,
//! nodes, Services and NetworkPolicies as typed values. Judges no traffic: see `reference`.
//! Start with [`Cluster`].

mod cluster;
mod name;
mod namespace;
mod node;
mod pod;
mod policy;
mod selector;
mod service;
mod source;

pub use cluster::Cluster;
pub use name::ObjectName;
pub use namespace::{METADATA_NAME_LABEL, Namespace};
pub use node::Node;
pub use pod::{ContainerPort, Phase, Pod};
pub use policy::{
    Direction, IpBlock, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortMatch,
};
pub use selector::{LabelSelector, Labels, Requirement, SelectorOperator};
pub use service::{ClusterIp, Service, ServicePort, TargetPort};
pub use source::Source;
