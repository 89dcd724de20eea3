//! The cluster as policy sees it, and the manifests it comes from.
//!
//! Loads YAML and JSON with positions, validates as the API server does, and holds namespaces, pods,
//! nodes, Services and policies as typed values; holds the words of a question about traffic and of its answer.
//! Judges no traffic: see `reference` and `policy`.
//! Start with [`load`], [`assemble`] and [`Cluster`].

mod allowed_access;
mod answer;
mod assemble;
mod audit;
mod base64;
mod cluster;
mod cluster_policy;
mod diagnostic;
mod documents;
mod extract;
mod held;
mod host_firewall;
mod host_pod;
mod label;
mod lesson;
mod load;
mod manifest;
mod name;
mod namespace;
mod node;
mod place;
mod pod;
mod policy;
mod policy_name;
mod policy_test;
mod question;
mod report;
mod reserved;
mod schema;
mod selector;
mod service;
mod source;
mod timestamp;
mod trust_zones;
mod validate;
mod view;
mod wiring;
mod workers;
mod yaml;

pub use allowed_access::{AllowedAccess, Permission};
pub use answer::{
    Answer, AuditRef, Audited, Because, ClusterRuleRef, Connection, DirectionDecision,
    DirectionVerdict, Entry, HostReason, HostRef, HostRuleRef, JudgedHostRule, JudgedRule, Match,
    Outcome, Party, PolicyRef, RuleRef,
};
pub use assemble::{
    Mentions, UnknowableSelector, add_endpoints, assemble, assemble_mentioning, assemble_with,
};
pub use audit::{
    AUDIT_ANNOTATION, AUDIT_WARNING, AuditMode, AuditPhase, BadAuditMode, LONGEST_AUDIT,
};
pub use cluster::Cluster;
pub use cluster_policy::{
    ClusterAction, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, ClusterPort,
    ClusterRule, ClusterTier, DomainAddresses, DomainName, PodScope,
};
pub use diagnostic::{Diagnostic, Location, RenderStyle, Severity, SourceMap};
pub use documents::{Annotation, Described, Documents, Field};
pub use held::{Held, Holdings, Mark};
pub use host_firewall::{
    FAILSAFE_PORTS, HostFirewall, HostRules, HostTrial, HostTrials, KUBELET_PORT, LONGEST_TRIAL,
};
pub use host_pod::{HOST_PODS_ANNOTATION, HOST_PODS_JUDGED};
pub use label::{BadLabel, UNKNOWN_LABEL_VALUE, check_label};
pub use lesson::{LearnerLine, Lesson, WantedNames};
pub use load::{
    Input, LoadOptions, Loaded, UnknownFields, allowed_access, kind_config, load, load_both_with,
    load_json, load_with, policy_tests, read_json, trust_zones,
};
pub use manifest::{
    ConfigMap, Container, EndpointPod, EndpointsKind, EndpointsManifest, EnvFrom, EnvValue, EnvVar,
    IpFamily, KeyRef, KindCluster, KindNode, KindRole, Object, ObjectKey, ObjectKind, Owner,
    PodManifest, PodSpec, PodTemplate, RestartPolicy, Secret, ServiceAccount, Toleration, Volume,
    VolumeMount, VolumeSource, Workload, WorkloadKind,
};
pub use name::{ObjectName, in_brackets};
pub use namespace::{METADATA_NAME_LABEL, Namespace};
pub use node::Node;
pub use place::{Place, SourceTree};
pub use pod::{ContainerPort, HostPort, Phase, Pod};
pub use policy::{
    Direction, IpBlock, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortMatch,
};
pub use policy_name::PolicyName;
pub use policy_test::{Assertion, Expected, PolicyTest, PolicyTestCase, Written};
pub use question::{Endpoint, Query, QueryError};
pub use reserved::{RESERVED, is_reserved};
pub use schema::{Schema, Type, schema};
pub use selector::{LabelSelector, Labels, Requirement, SelectorOperator};
pub use service::{
    ClusterIp, Distribution, EndpointPort, Hints, Service, ServiceEndpoint, ServicePort, Standing,
    TargetPort, Traffic, TrafficPolicy,
};
pub use source::{OF_CLUSTER, Source};
pub use timestamp::{BadTimestamp, Timestamp};
pub use trust_zones::{IntendedAccess, TrustZone, TrustZones, UNZONED};
pub use wiring::{
    AccountBinding, Backend, BackendPort, BackendUser, Exposure, GroupBinding, Wiring,
};
pub use workers::{OneByOne, Workers, map_with};
pub use yaml::is_plain_text;
