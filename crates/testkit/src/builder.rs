//! Clusters in a few words. Literals that do not parse panic: a test is wrong and should say so.
//!
//! ```
//! use ringfence_testkit::builder::{cluster, labels, pod, policy, pods, rule, tcp};
//!
//! let cluster = cluster()
//!     .with(pod("default/web").label("app", "web").address("10.0.0.1").on_node("n1"))
//!     .with(pod("default/db").label("app", "db").address("10.0.0.2").port("sql", tcp(5432)))
//!     .with(
//!         policy("default/db")
//!             .select(labels(&[("app", "db")]))
//!             .ingress(rule().peer(pods(labels(&[("app", "web")]))).port(tcp(5432))),
//!     )
//!     .build();
//! assert_eq!(cluster.pods.len(), 2);
//! ```

#![expect(
    clippy::expect_used,
    reason = "for tests: a literal that does not parse must fail loudly"
)]

mod cluster;
mod cluster_policy;
mod pod;
mod policy;
mod service;

pub use cluster::{ClusterBuilder, Part, cluster, namespace, node};
pub use cluster_policy::{
    ClusterPolicyBuilder, ClusterRuleBuilder, accept, admin, admin_network_policy, baseline,
    baseline_admin_network_policy, deny, every_pod, pass, pods_anywhere, pods_of, pods_within,
};
pub use pod::{PodBuilder, pod};
pub use policy::{
    PolicyBuilder, RuleBuilder, any_port, block, labels, namespaces, pods, pods_in, policy,
    port_named, ports, requirement, rule, sctp, tcp, udp,
};
pub use service::{ServiceBuilder, service};

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::ObjectName;

/// The address that `text` spells.
#[must_use]
pub fn address(text: &str) -> IpAddr {
    text.parse().expect("an IP address")
}

/// The block that `text` spells.
#[must_use]
pub fn network(text: &str) -> IpNet {
    text.parse().expect("a CIDR")
}

/// The object name that `text` spells: `namespace/name`.
#[must_use]
pub fn name(text: &str) -> ObjectName {
    text.parse().expect("namespace/name")
}
