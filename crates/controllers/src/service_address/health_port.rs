//! `healthCheckNodePort`, where load balancers ask a node whether it has a backend (rule OB-23).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use ringfence_apiserver::object::{child, fields, number, set, text};
use ringfence_apiserver::status::Cause;
use serde_json::Value;

use super::node_ports;

const FIELD: &str = "healthCheckNodePort";

/// Gives a load balancer's Service that keeps to nodes a port of the nodes for health checks, or checks the one that it asks
/// for. It keeps the one that it had; a Service that needs none any more loses it.
pub(super) fn assign(
    service: &mut Value,
    before: Option<&Value>,
    range: &RangeInclusive<u16>,
    others: &[&Value],
    causes: &mut Vec<Cause>,
) {
    let mut complain = |value: i64, message: &str| {
        let field = format!("spec.{FIELD}");
        causes.push(Cause::invalid(&field, &value.into(), message));
    };
    let taken: BTreeSet<i64> = others
        .iter()
        .copied()
        .flat_map(node_ports::taken_by)
        .chain(node_ports::of_ports(service))
        .collect();
    let had = before.and_then(of);
    let given = match (of(service), is_needed(service)) {
        (None, false) => return,
        (Some(value), false) if had == Some(value) => None,
        (Some(value), false) => {
            let message = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
            return complain(value, message);
        }
        (Some(value), true) => {
            if had.is_some_and(|had| had != value) {
                complain(value, "field is immutable");
            } else if !u16::try_from(value).is_ok_and(|value| range.contains(&value)) {
                complain(value, &node_ports::out_of(range));
            } else if taken.contains(&value) {
                complain(value, "provided port is already allocated");
            }
            return;
        }
        (None, true) => {
            let free = |value: &i64| !taken.contains(value);
            let value = had
                .filter(free)
                .or_else(|| range.clone().map(i64::from).find(free));
            if value.is_none() {
                return complain(0, "failed to allocate a healthCheckNodePort: range is full");
            }
            value
        }
    };
    let spec = fields(child(service, "spec"));
    set(spec, FIELD, given.map(Value::from));
}

/// The port that it has; 0 stands for none.
pub(super) fn of(service: &Value) -> Option<i64> {
    number(service, &["spec", FIELD]).filter(|port| *port != 0)
}

fn is_needed(service: &Value) -> bool {
    text(service, &["spec", "type"]) == "LoadBalancer"
        && text(service, &["spec", "externalTrafficPolicy"]) == "Local"
}
