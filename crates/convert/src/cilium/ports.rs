//! `toPorts`.

use ringfence_model::{Direction, PolicyPort, PortMatch};
use ringfence_net::{PortRange, Protocol};
use serde_json::Value;

use crate::written::Field;

const LAYER_7: &str = "looks into connections, and Kubernetes policies see addresses and ports";
const INSTEAD: &str =
    "remove it to allow the whole port, and check requests in the program or in a service mesh";

const WITHOUT: [(&str, &str, &str); 5] = [
    ("rules", LAYER_7, INSTEAD),
    ("listener", LAYER_7, INSTEAD),
    ("terminatingTLS", LAYER_7, INSTEAD),
    ("originatingTLS", LAYER_7, INSTEAD),
    ("serverNames", LAYER_7, INSTEAD),
];

/// The ports that `rule` matches; empty, for every protocol and port, if it has no `toPorts`.
pub(super) fn ports(rule: &Field<'_>, direction: Direction) -> Vec<PolicyPort> {
    let mut found: Vec<PolicyPort> = Vec::new();
    for item in rule.list("toPorts") {
        item.only(&["ports"], &WITHOUT);
        let ports = item.list("ports");
        if ports.is_empty() {
            item.refuse(
                "names no port",
                "write `ports`, or remove `toPorts` if every port is meant",
            );
        }
        found.extend(ports.iter().flat_map(|field| of_item(field, direction)));
    }
    found
}

fn of_item(field: &Field<'_>, direction: Direction) -> Vec<PolicyPort> {
    field.only(&["port", "endPort", "protocol"], &[]);
    let protocols = protocols(field);
    let Some(port) = port(field) else {
        return Vec::new();
    };
    if matches!(port, PortMatch::Name(_)) && direction == Direction::Egress {
        field.refuse(
            "names a port; Cilium looks the name up among all pods of the cluster, and a Kubernetes policy at the pod that is called",
            "write the number of the port",
        );
    }
    if port == PortMatch::Any && protocols.len() > 1 {
        field.refuse(
            "means every port of every protocol",
            "remove `toPorts` if everything is meant, ICMP too; or write port 0 once for TCP, UDP and SCTP each",
        );
    }
    let with = |protocol| PolicyPort {
        protocol,
        port: port.clone(),
    };
    protocols.into_iter().map(with).collect()
}

/// `ANY`, or none, means those with ports.
fn protocols(field: &Field<'_>) -> Vec<Protocol> {
    let Some(name) = field.text_of("protocol") else {
        return Protocol::ALL.to_vec();
    };
    if name.eq_ignore_ascii_case("ANY") {
        return Protocol::ALL.to_vec();
    }
    let mut known = Protocol::ALL.into_iter();
    let found = known.find(|known| name.eq_ignore_ascii_case(known.name()));
    if found.is_none() {
        field.get("protocol").unwrap_or_else(|| field.clone()).refuse(
            "is no protocol that Kubernetes policies know, which are TCP, UDP and SCTP",
            "a rule without `toPorts` covers every protocol, ICMP included; say so if that is meant",
        );
    }
    found.into_iter().collect()
}

/// A number, 0 for every one, a range up to `endPort`, or a name.
fn port(field: &Field<'_>) -> Option<PortMatch> {
    let written = field.get("port");
    let text = written.and_then(|written| written.value.as_str());
    let number = text.filter(|text| *text == "0" || !text.starts_with('0'));
    let number = number.and_then(|text| text.parse::<u16>().ok());
    let found = match (number, text) {
        (Some(number), _) => range(field, number),
        (None, Some(text)) if is_name(text) => name(field, text),
        (None, _) => None,
    };
    if found.is_none() {
        field.refuse(
            "is no port",
            "write a number from 1 to 65535 as a string, with `endPort` for a range, or the name of a container's port",
        );
    }
    found
}

fn range(field: &Field<'_>, first: u16) -> Option<PortMatch> {
    let Some(end) = field
        .get("endPort")
        .filter(|end| end.value.as_u64() != Some(0))
    else {
        let any = first == 0;
        return Some(if any {
            PortMatch::Any
        } else {
            PortMatch::Range(PortRange::single(first))
        });
    };
    let last = match end.value {
        Value::Number(number) => number.as_u64().and_then(|last| u16::try_from(last).ok()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    };
    PortRange::new(first, last?)
        .ok()
        .filter(|_| first > 0)
        .map(PortMatch::Range)
}

fn name(field: &Field<'_>, text: &str) -> Option<PortMatch> {
    let ranged = field
        .get("endPort")
        .is_some_and(|end| end.value.as_u64() != Some(0));
    (!ranged).then(|| PortMatch::Name(text.to_ascii_lowercase()))
}

/// A name of RFC 6335 has a letter, and at most 15 characters.
fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let has_letter = text.chars().any(|letter| letter.is_ascii_alphabetic());
    text.len() <= 15 && has_letter && text.chars().all(fits)
}
