//! `Endpoints`.

use serde_json::Value;

use crate::kind::{Column, Kind, age_column, words};
use crate::object::{items, number, text};

pub(super) fn kind() -> Kind {
    Kind {
        singular: "endpoints".into(),
        short_names: words(&["ep"]),
        columns: vec![
            Column::new("Endpoints", |object, _| addresses(object).into()),
            age_column(),
        ],
        ..Kind::namespaced(
            "",
            "v1",
            "Endpoints",
            "endpoints",
            "Endpoints are the addresses behind a Service.",
            super::schema("v1", "Endpoints"),
        )
    }
}

/// How many addresses a cell shows.
const SHOWN: usize = 3;

fn addresses(object: &Value) -> String {
    let all: Vec<String> = items(object, &["subsets"]).iter().flat_map(of_subset).collect();
    let rest = all.len().saturating_sub(SHOWN);
    let shown: Vec<String> = all.into_iter().take(SHOWN).collect();
    match (shown.is_empty(), rest) {
        (true, _) => "<none>".to_owned(),
        (false, 0) => shown.join(","),
        (false, rest) => format!("{} + {rest} more...", shown.join(",")),
    }
}

fn of_subset(subset: &Value) -> Vec<String> {
    let ports = items(subset, &["ports"]);
    let addresses = items(subset, &["addresses"]).iter();
    let one = |address: &Value| -> Vec<String> {
        let ip = text(address, &["ip"]).to_owned();
        let with_port = |port: &Value| format!("{ip}:{}", number(port, &["port"]).unwrap_or_default());
        if ports.is_empty() { vec![ip] } else { ports.iter().map(with_port).collect() }
    };
    addresses.flat_map(one).collect()
}
