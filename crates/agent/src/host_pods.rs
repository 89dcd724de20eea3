//! Pods in the network of this node, and the table that judges what they send (rules HN-*).
//!
//! The table is another one than that of the node, and is kept by a thread of its own: a kernel that cannot tell cgroups apart refuses
//! this one alone. [`cgroups`] finds the pods' cgroups, the compiler makes the table, `keeper` sees to it that it is there.

mod cgroups;
mod keeper;
mod place;

use std::sync::Arc;

use ringfence_model::Cluster;
use serde::{Deserialize, Serialize};

pub(crate) use keeper::start;

/// What becomes of what pods in the network of the node send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum HostPodsHealth {
    /// No policy judges them.
    #[default]
    Off,
    /// Policies do, and the kernel enforces it.
    On {
        /// How many pods are judged.
        pods: usize,
        /// Those of them that may reach what others may not, in order.
        granted: Vec<String>,
        /// Those that may and do not yet, because their cgroup was not found.
        waiting: Vec<String>,
    },
    /// Policies do, and it is not enforced.
    Failing {
        /// Why.
        problem: String,
    },
}

impl HostPodsHealth {
    /// Why pods reach what policies keep from them.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Failing { problem } => Some(problem),
            Self::Off | Self::On { .. } => None,
        }
    }
}

/// What decides about them, as last completely received.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Which moment: another number means that something may have changed.
    pub(crate) version: u64,
    /// The policies that judge them, namespaces, and the pods themselves.
    pub(crate) cluster: Arc<Cluster>,
}

impl Wish {
    /// Of `cluster` what is about pods in the network of `node`; nothing if no policy judges them.
    pub(crate) fn of(cluster: &Cluster, node: &str, version: u64) -> Self {
        let mut own = Cluster::default();
        let policies = cluster.cluster_policies.iter();
        let judging = policies.filter(|(_, policy)| policy.judges_host_pods);
        own.cluster_policies = judging
            .map(|(name, policy)| (name.clone(), policy.clone()))
            .collect();
        if !own.cluster_policies.is_empty() {
            own.namespaces.clone_from(&cluster.namespaces);
            let pods = cluster.pods.iter();
            let pods =
                pods.filter(|(_, pod)| pod.host_network && pod.node.as_deref() == Some(node));
            own.pods = pods
                .map(|(name, pod)| (name.clone(), pod.clone()))
                .collect();
        }
        Self {
            version,
            cluster: Arc::new(own),
        }
    }
}

#[cfg(test)]
mod tests;
