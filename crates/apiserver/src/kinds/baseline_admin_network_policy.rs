//! `BaselineAdminNetworkPolicy`.

use crate::kind::{Kind, Scope, Subresources, words};

pub(super) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        short_names: words(&["banp"]),
        versions: words(&["v1alpha1"]),
        subresources: Subresources { status: true, scale: false },
        ..Kind::namespaced(
            "policy.networking.k8s.io",
            "",
            "BaselineAdminNetworkPolicy",
            "baselineadminnetworkpolicies",
            "BaselineAdminNetworkPolicy is the rule of the administrator where no policy of a namespace decides.",
            super::schema("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy"),
        )
    }
}
