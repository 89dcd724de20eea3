//! Rules.

use ringfence_model::Direction;
use ringfence_net::Family;
use serde_json::Value;

use super::Surroundings;
use super::{entity, ports};
use crate::ladder::{Action, Peers, Rule};
use crate::written::Field;

const WITHOUT: [(&str, &str, &str); 4] = [
    (
        "http",
        "speaks of HTTP requests, and Kubernetes policies see addresses and ports",
        "allow the port, and check requests in the program or in a service mesh",
    ),
    (
        "icmp",
        "speaks of types of ICMP, which Kubernetes policies cannot",
        "a rule without `protocol` allows ICMP with everything else; replies and errors of allowed connections always pass",
    ),
    (
        "notICMP",
        "speaks of types of ICMP, which Kubernetes policies cannot",
        "a rule without `protocol` allows ICMP with everything else; replies and errors of allowed connections always pass",
    ),
    (
        "notProtocol",
        "matches every protocol but one, which a Kubernetes policy cannot",
        "write a rule for each protocol that is meant",
    ),
];

/// The rule in `field`, of a policy of `namespace`.
pub(super) fn rule(
    surroundings: &Surroundings<'_>,
    namespace: Option<&str>,
    direction: Direction,
    field: &Field<'_>,
) -> Option<Rule> {
    let known = [
        "action",
        "protocol",
        "ipVersion",
        "source",
        "destination",
        "metadata",
    ];
    field.only(&known, &WITHOUT);
    let action = action(field)?;
    let family = family(field);
    let (source, destination) = (field.get("source"), field.get("destination"));
    let (peer, own) = match direction {
        Direction::Ingress => (source.as_ref(), destination.as_ref()),
        Direction::Egress => (destination.as_ref(), source.as_ref()),
    };
    refuse_own(direction, own);
    if direction == Direction::Ingress {
        refuse_source_ports(source.as_ref());
    }
    let peers = entity::peers(surroundings, namespace, family, peer);
    let ports = ports::ports(field, destination.as_ref());
    let nobody = field.get("protocol").is_some() && ports.is_empty();
    Some(Rule {
        action,
        peers: if nobody { Peers::Of(Vec::new()) } else { peers },
        ports,
        outside: false,
        path: field.path.clone(),
    })
}

fn action(field: &Field<'_>) -> Option<Action> {
    let at = field.get("action").unwrap_or_else(|| field.clone());
    match at.value.as_str() {
        Some("Allow") => return Some(Action::Allow),
        Some("Deny") => return Some(Action::Deny),
        Some("Pass") => return Some(Action::Pass),
        Some("Log") => at.refuse(
            "logs packets, and Kubernetes policies have no such action",
            "remove the rule; `ringfence flows` shows what was denied and why, without a rule",
        ),
        _ => at.refuse("is no action", "write Allow, Deny or Pass"),
    }
    None
}

fn family(field: &Field<'_>) -> Option<Family> {
    let version = field.get("ipVersion")?;
    match version.value.as_u64() {
        Some(4) => return Some(Family::V4),
        Some(6) => return Some(Family::V6),
        _ if matches!(version.value, Value::Number(_) | Value::String(_)) => {
            version.refuse("is no version of IP", "write 4 or 6");
        }
        _ => version.refuse("is no number", "write 4 or 6"),
    }
    None
}

/// Refuses what narrows the pods that a policy selects rule by rule.
fn refuse_own(direction: Direction, own: Option<&Field<'_>>) {
    let Some(own) = own else { return };
    let ports_belong = direction == Direction::Ingress;
    for (key, field) in own.entries() {
        let is_port = key == "ports" || key == "notPorts";
        if field.is_empty() || is_port && ports_belong {
            continue;
        }
        if is_port {
            refuse_port(&field);
        } else {
            field.refuse(
                "narrows the pods that the policy selects for one rule, which a Kubernetes policy cannot",
                "move the rule to a policy of its own that selects these pods",
            );
        }
    }
}

fn refuse_source_ports(source: Option<&Field<'_>>) {
    for key in ["ports", "notPorts"] {
        let field = source.and_then(|source| source.get(key));
        if let Some(field) = field.filter(|field| !field.is_empty()) {
            refuse_port(&field);
        }
    }
}

fn refuse_port(field: &Field<'_>) {
    field.refuse(
        "speaks of source ports, which Kubernetes policies do not see (rule Q-1)",
        "name the destination's ports; replies are allowed by themselves",
    );
}
