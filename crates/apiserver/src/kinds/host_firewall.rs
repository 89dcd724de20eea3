//! `HostFirewall`.

use crate::kind::{Column, Kind, Scope, Subresources, age_column, words};
use crate::object::{at, text};

pub(super) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        short_names: words(&["hfw"]),
        versions: words(&["v1alpha1"]),
        subresources: Subresources { status: true, scale: false },
        columns: vec![
            Column::new("Confirmed", |firewall, _| {
                let is_confirmed = at(firewall, &["status", "confirmed"]).is_some();
                if is_confirmed { "yes".into() } else { "no".into() }
            }),
            Column::new("Trial-Until", |firewall, _| {
                text(firewall, &["status", "trial", "until"]).into()
            }),
            age_column(),
        ],
        ..Kind::namespaced(
            "ringfence.dev",
            "",
            "HostFirewall",
            "hostfirewalls",
            "HostFirewall says who may connect to nodes. It is in force when somebody has confirmed it.",
            super::schema("ringfence.dev/v1alpha1", "HostFirewall"),
        )
    }
}
