//! `Lease`.

use crate::kind::{Column, Kind, age_column};
use crate::object::text;

pub(super) fn kind() -> Kind {
    Kind {
        columns: vec![
            Column::new("Holder", |lease, _| text(lease, &["spec", "holderIdentity"]).into()),
            age_column(),
        ],
        ..Kind::namespaced(
            "coordination.k8s.io",
            "v1",
            "Lease",
            "leases",
            "Lease says who holds a role and until when.",
            &super::schemas::LEASE,
        )
    }
}
