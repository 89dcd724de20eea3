//! `nodePort` of each port of a Service.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use ringfence_apiserver::object::{at, child, fields, items, number, text};
use ringfence_apiserver::status::Cause;
use serde_json::Value;

use super::health_port;

/// Gives each port that is to have one a port of the nodes, or checks that which it asks for. A port keeps the one that it
/// had; a Service that needs none any more loses those that it had.
pub(super) fn assign(
    service: &mut Value,
    before: Option<&Value>,
    range: &RangeInclusive<u16>,
    others: &[&Value],
    causes: &mut Vec<Cause>,
) {
    let needed = are_needed(service);
    let taken: BTreeSet<i64> = others.iter().copied().flat_map(taken_by).collect();
    let mut own: BTreeSet<i64> = taken_by(service).collect();
    let old = before
        .map(|before| ports(before).to_vec())
        .unwrap_or_default();
    let list = child(child(service, "spec"), "ports").as_array_mut();
    let mut asked = BTreeSet::new();
    for (index, port) in list.into_iter().flatten().enumerate() {
        let mut complain = |value: i64, message: String| {
            let field = format!("spec.ports[{index}].nodePort");
            causes.push(Cause::invalid(&field, &value.into(), &message));
        };
        let had = old
            .iter()
            .find(|old| is_same(old, port))
            .and_then(node_port);
        match (node_port(port), needed) {
            (None, false) => {}
            (Some(value), false) if had == Some(value) => {
                fields(port).shift_remove("nodePort");
            }
            (Some(value), false) => {
                complain(
                    value,
                    "may not be used when `type` is `ClusterIP`".to_owned(),
                );
            }
            (Some(value), true) => {
                let in_range = u16::try_from(value).is_ok_and(|value| range.contains(&value));
                if !in_range {
                    complain(value, out_of(range));
                }
                let protocol = text(port, &["protocol"]).to_owned();
                if taken.contains(&value) || !asked.insert((value, protocol)) {
                    complain(value, "provided port is already allocated".to_owned());
                }
            }
            (None, true) => {
                let free = |value: &i64| !taken.contains(value) && !own.contains(value);
                let value = had
                    .filter(free)
                    .or_else(|| range.clone().map(i64::from).find(free));
                match value {
                    Some(value) => {
                        own.insert(value);
                        fields(port).insert("nodePort".to_owned(), value.into());
                    }
                    None => complain(0, "failed to allocate a nodePort: range is full".to_owned()),
                }
            }
        }
    }
}

/// The ports of the nodes that a Service has.
pub(super) fn taken_by(service: &Value) -> impl Iterator<Item = i64> + '_ {
    of_ports(service).chain(health_port::of(service))
}

/// The node port of each of its ports that has one.
pub(super) fn of_ports(service: &Value) -> impl Iterator<Item = i64> + '_ {
    ports(service).iter().filter_map(node_port)
}

pub(super) fn out_of(range: &RangeInclusive<u16>) -> String {
    let (first, last) = (range.start(), range.end());
    format!("provided port is not in the valid range. The range of valid ports is {first}-{last}")
}

fn are_needed(service: &Value) -> bool {
    match text(service, &["spec", "type"]) {
        "NodePort" => true,
        "LoadBalancer" => {
            at(service, &["spec", "allocateLoadBalancerNodePorts"]) != Some(&Value::Bool(false))
                || ports(service).iter().any(|port| node_port(port).is_some())
        }
        _ => false,
    }
}

fn ports(service: &Value) -> &[Value] {
    items(service, &["spec", "ports"])
}

fn node_port(port: &Value) -> Option<i64> {
    number(port, &["nodePort"]).filter(|port| *port != 0)
}

fn is_same(one: &Value, other: &Value) -> bool {
    let key = |port: &Value| {
        (
            number(port, &["port"]),
            text(port, &["protocol"]).to_owned(),
        )
    };
    key(one) == key(other)
}
