//! `protocol`, `ports` and `notPorts` of rules.

use ringfence_model::{PolicyPort, PortMatch};
use ringfence_net::{PortRange, PortSet, Protocol};
use serde_json::Value;

use crate::written::Field;

/// The ports that a rule of `protocol` matches at its `destination`; empty for every protocol and port.
pub(super) fn ports(rule: &Field<'_>, destination: Option<&Field<'_>>) -> Vec<PolicyPort> {
    let has = |key| destination.is_some_and(|side| side.get(key).is_some_and(|at| !at.is_empty()));
    let named = rule.get("protocol");
    let Some(protocol) = named.as_ref().and_then(protocol) else {
        if named.is_none() && (has("ports") || has("notPorts")) {
            rule.refuse(
                "has ports and no protocol, so that Calico takes it for no valid rule",
                "write `protocol: TCP` or `protocol: UDP` beside it",
            );
        }
        return Vec::new();
    };
    let port = |port| PolicyPort { protocol, port };
    match destination {
        Some(side) if has("ports") || has("notPorts") => {
            of_side(side, has("ports")).into_iter().map(port).collect()
        }
        Some(_) | None => vec![port(PortMatch::Any)],
    }
}

/// A protocol that Kubernetes policies know. Others are refused.
fn protocol(field: &Field<'_>) -> Option<Protocol> {
    let found = Protocol::ALL.into_iter().find(|known| match field.value {
        Value::String(name) => {
            name.eq_ignore_ascii_case(known.name()) || *name == known.number().to_string()
        }
        Value::Number(number) => number.as_u64() == Some(u64::from(known.number())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    });
    if found.is_none() {
        field.refuse(
            "is no protocol that Kubernetes policies know, which are TCP, UDP and SCTP",
            "a rule without `protocol` covers every protocol, ICMP included; say so if that is meant",
        );
    }
    found
}

fn of_side(side: &Field<'_>, some: bool) -> Vec<PortMatch> {
    let (ports, names) = read(side, "ports");
    let (holes, no_names) = read(side, "notPorts");
    if !no_names.is_empty() {
        side.refuse(
            "leaves out a named port, and a Kubernetes policy cannot",
            "write the numbers of the ports that are meant",
        );
    }
    if !names.is_empty() && !holes.is_empty() {
        side.refuse(
            "leaves ports out of a named one, and a Kubernetes policy cannot",
            "write the numbers of the ports that are meant",
        );
    }
    let ports = if some { ports } else { valid() };
    let left = ports.intersection(&valid()).difference(&holes);
    let numbers = left.ranges().iter().copied().map(PortMatch::Range);
    numbers
        .chain(names.into_iter().map(PortMatch::Name))
        .collect()
}

/// Ports that connections can be opened to.
fn valid() -> PortSet {
    PortSet::from_range(PortRange::VALID)
}

fn read(side: &Field<'_>, key: &str) -> (PortSet, Vec<String>) {
    let (mut numbers, mut names) = (PortSet::empty(), Vec::new());
    for field in side.list(key) {
        match port(&field) {
            Some(PortMatch::Range(range)) => numbers = numbers.union(&PortSet::from_range(range)),
            Some(PortMatch::Name(name)) => names.push(name),
            Some(PortMatch::Any) | None => {}
        }
    }
    (numbers, names)
}

/// A number, a range as `1000:2000`, or a name.
fn port(field: &Field<'_>) -> Option<PortMatch> {
    let found = match field.value {
        Value::Number(number) => {
            let port = number
                .as_u64()
                .and_then(|number| u16::try_from(number).ok());
            port.map(|port| PortMatch::Range(PortRange::single(port)))
        }
        Value::String(text) => of_text(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if found.is_none() {
        field.refuse(
            "is no port",
            "write a number, a range as \"1000:2000\", or the name of a container's port",
        );
    }
    found
}

fn of_text(text: &str) -> Option<PortMatch> {
    if let Ok(port) = text.parse() {
        return Some(PortMatch::Range(PortRange::single(port)));
    }
    if let Some((first, last)) = text.split_once(':') {
        let range = PortRange::new(first.parse().ok()?, last.parse().ok()?);
        return range.ok().map(PortMatch::Range);
    }
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let fits = !text.is_empty() && text.chars().all(is_name);
    fits.then(|| PortMatch::Name(text.to_owned()))
}
