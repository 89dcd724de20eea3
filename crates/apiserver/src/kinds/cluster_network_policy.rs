//! `ClusterNetworkPolicy`.

use crate::kind::{Column, Kind, Scope, Subresources, age_column, words};
use crate::object::{at, text};

pub(super) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        short_names: words(&["cnp"]),
        versions: words(&["v1beta1", "v1alpha2"]),
        subresources: Subresources { status: true, scale: false },
        columns: vec![
            Column::new("Tier", |policy, _| text(policy, &["spec", "tier"]).into()),
            Column::new("Priority", |policy, _| {
                at(policy, &["spec", "priority"]).map_or("".into(), |value| value.to_string().into())
            }),
            age_column(),
        ],
        ..Kind::namespaced(
            "policy.networking.k8s.io",
            "",
            "ClusterNetworkPolicy",
            "clusternetworkpolicies",
            "ClusterNetworkPolicy is a rule of the administrator for pods of any namespace, before or after their own policies.",
            super::schema("policy.networking.k8s.io/v1beta1", "ClusterNetworkPolicy"),
        )
    }
}
