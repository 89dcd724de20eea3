//! `AdminNetworkPolicy`.

use crate::kind::{Column, Kind, Scope, Subresources, age_column, words};
use crate::object::at;

pub(super) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        short_names: words(&["anp"]),
        versions: words(&["v1alpha1"]),
        subresources: Subresources { status: true, scale: false },
        columns: vec![
            Column::new("Priority", |policy, _| {
                at(policy, &["spec", "priority"]).map_or("".into(), |value| value.to_string().into())
            }),
            age_column(),
        ],
        ..Kind::namespaced(
            "policy.networking.k8s.io",
            "",
            "AdminNetworkPolicy",
            "adminnetworkpolicies",
            "AdminNetworkPolicy is a rule of the administrator that comes before the policies of namespaces.",
            super::schema("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
        )
    }
}
