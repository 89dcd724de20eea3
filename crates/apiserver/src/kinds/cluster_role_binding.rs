//! `ClusterRoleBinding`.

use crate::kind::{Kind, Scope};

pub(super) fn kind() -> Kind {
    let description = "ClusterRoleBinding says who has a role in the whole cluster.";
    Kind {
        scope: Scope::Cluster,
        ..super::rbac::binding("ClusterRoleBinding", "clusterrolebindings", description)
    }
}
