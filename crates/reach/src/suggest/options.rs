use std::collections::BTreeSet;

use ipnet::IpNet;

/// What is suggested, and what the manifests do not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The existing NetworkPolicies stay, and what is suggested is what is missing beside them. Otherwise what is
    /// suggested stands alone in their place. Policies of the whole cluster stay in both cases.
    pub keep: bool,
    /// The namespaces to suggest policies for; empty means all that have pods, but not the cluster's own.
    pub only: BTreeSet<String>,
    /// The namespace of objects that name none (rule OB-2).
    pub default_namespace: String,
    /// What the names of Services end with, such as `cluster.local`.
    pub cluster_domain: String,
    /// Where the API server is, if the manifests do not tell: a block and a port.
    pub api_server: Vec<(IpNet, u16)>,
    /// The pods that bring connections from the outside to Ingresses and routes, if the manifests do not tell.
    pub ingress_from: Vec<IngressFrom>,
}

/// Pods that bring connections from the outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IngressFrom {
    /// Their namespace.
    pub namespace: String,
    /// Their workload; every pod of the namespace without.
    pub workload: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keep: false,
            only: BTreeSet::new(),
            default_namespace: "default".to_owned(),
            cluster_domain: "cluster.local".to_owned(),
            api_server: Vec::new(),
            ingress_from: Vec::new(),
        }
    }
}
