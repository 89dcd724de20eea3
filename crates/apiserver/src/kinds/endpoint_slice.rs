//! `EndpointSlice`.

use serde_json::Value;

use crate::kind::{Column, Kind, age_column};
use crate::object::{items, number, text};

pub(super) fn kind() -> Kind {
    Kind {
        columns: vec![
            Column::new("AddressType", |slice, _| text(slice, &["addressType"]).into()),
            Column::new("Ports", |slice, _| ports(slice).into()),
            Column::new("Endpoints", |slice, _| addresses(slice).into()),
            age_column(),
        ],
        immutable: &[("addressType", "field is immutable")],
        ..Kind::namespaced(
            "discovery.k8s.io",
            "v1",
            "EndpointSlice",
            "endpointslices",
            "EndpointSlice holds some of the addresses behind a Service.",
            super::schema("discovery.k8s.io/v1", "EndpointSlice"),
        )
    }
}

fn ports(slice: &Value) -> String {
    let ports = items(slice, &["ports"]).iter();
    let ports: Vec<String> = ports
        .map(|port| number(port, &["port"]).map_or("*".to_owned(), |port| port.to_string()))
        .collect();
    short(&ports, "<unset>")
}

fn addresses(slice: &Value) -> String {
    let endpoints = items(slice, &["endpoints"]).iter();
    let addresses = endpoints.flat_map(|endpoint| items(endpoint, &["addresses"]));
    let addresses: Vec<String> = addresses
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    short(&addresses, "<unset>")
}

/// How many items a cell shows.
const SHOWN: usize = 3;

fn short(all: &[String], none: &str) -> String {
    let shown: Vec<&str> = all.iter().take(SHOWN).map(String::as_str).collect();
    match all.len() {
        0 => none.to_owned(),
        count if count > SHOWN => format!("{} + {} more...", shown.join(","), count - SHOWN),
        _ => shown.join(","),
    }
}
