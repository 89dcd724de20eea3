//! Rules NP-30 to NP-38 and Q-12: ports and protocols.

use ringfence_model::{Party, PolicyPort, PolicyRule, PortMatch};

use crate::direction::Attempt;

/// NP-10: no item admits every protocol and port, ICMP too (AM-9); else one item must match.
pub(crate) fn ports_match(rule: &PolicyRule, attempt: &Attempt<'_>) -> bool {
    rule.ports.is_empty() || rule.ports.iter().any(|item| port_matches(item, attempt))
}

/// NP-38, Q-12: an item speaks of its own protocol alone. NP-31, NP-32, NP-37: then the number decides.
fn port_matches(item: &PolicyPort, attempt: &Attempt<'_>) -> bool {
    let same_protocol = attempt.dialled.protocol.0 == item.protocol.number();
    let Some(port) = attempt.dialled.port else {
        return false;
    };
    same_protocol
        && match &item.port {
            PortMatch::Any => true,
            PortMatch::Range(range) => range.first() <= port && port <= range.last(),
            PortMatch::Name(name) => named_port_matches(name, item, port, attempt),
        }
}

/// NP-34, NP-36: the destination pod declares this name with this protocol and this number.
/// NP-35: a destination that is no pod declares nothing.
fn named_port_matches(name: &str, item: &PolicyPort, port: u16, attempt: &Attempt<'_>) -> bool {
    let Party::Pod { name: pod, .. } = attempt.destination() else {
        return false;
    };
    attempt.cluster.pods.get(pod).is_some_and(|pod| {
        pod.ports.iter().any(|declared| {
            declared.name.as_deref() == Some(name)
                && declared.protocol == item.protocol
                && declared.port == port
        })
    })
}
