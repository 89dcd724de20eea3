use std::fmt;

use super::Place;

/// What one row or column of a matrix stands for. The order is that of every list: workloads by namespace and name,
/// then nodes, then the outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// The pods of a workload, or a pod that has none.
    Workload {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its kind in lower case, such as `deployment`; `pod` for a pod by itself.
        kind: String,
    },
    /// The pods of a namespace.
    Namespace(String),
    /// The pods of a zone.
    Zone(String),
    /// Every node.
    Nodes,
    /// One node.
    Node(String),
    /// Addresses outside of the cluster.
    Place(Place),
}

/// The kind of a pod that belongs to no workload.
const POD: &str = "pod";

impl Unit {
    /// A pod by itself.
    #[must_use]
    pub fn pod(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::workload(namespace, POD, name)
    }

    /// The pods of a workload; `kind` in any case of letters.
    #[must_use]
    pub fn workload(namespace: impl Into<String>, kind: &str, name: impl Into<String>) -> Self {
        Self::Workload {
            namespace: namespace.into(),
            name: name.into(),
            kind: kind.to_ascii_lowercase(),
        }
    }

    /// The namespace that the unit lies in.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Workload { namespace, .. } | Self::Namespace(namespace) => Some(namespace),
            Self::Zone(_) | Self::Nodes | Self::Node(_) | Self::Place(_) => None,
        }
    }

    /// Whether it consists of addresses outside of the cluster.
    #[must_use]
    pub const fn is_place(&self) -> bool {
        matches!(self, Self::Place(_))
    }

    /// Whether its pods may become more and fewer.
    #[must_use]
    pub fn is_scaled(&self) -> bool {
        matches!(self, Self::Workload { kind, .. } if kind != POD)
    }

    /// The name that no other unit has: `shop/deployment/web`, `shop/pod/client`; otherwise as displayed.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self {
            Self::Workload {
                namespace,
                name,
                kind,
            } => format!("{namespace}/{kind}/{name}"),
            Self::Namespace(_) | Self::Zone(_) | Self::Nodes | Self::Node(_) | Self::Place(_) => {
                self.to_string()
            }
        }
    }
}

/// The short name: `shop/web`, `shop`, `nodes`, `node/worker-1`, `internet`.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload {
                namespace, name, ..
            } => write!(f, "{namespace}/{name}"),
            Self::Namespace(name) | Self::Zone(name) => f.write_str(name),
            Self::Nodes => f.write_str("nodes"),
            Self::Node(name) => write!(f, "node/{name}"),
            Self::Place(place) => write!(f, "{place}"),
        }
    }
}
