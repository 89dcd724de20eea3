//! `ClusterRole`.

use crate::kind::{Kind, Scope};

pub(super) fn kind() -> Kind {
    let description = "ClusterRole says what may be done with objects of all namespaces and of the cluster.";
    Kind {
        scope: Scope::Cluster,
        ..super::rbac::role("ClusterRole", "clusterroles", description)
    }
}
