//! Rules: what comes of connections.

use std::collections::BTreeSet;

use ringfence_model::{Because, Connection, DirectionVerdict, HostReason, Outcome};

/// the outcome of a single connection.
pub(super) fn of_one(connection: &Connection) -> Outcome {
    match connection.verdict() {
        DirectionVerdict::Allow => Outcome::Allow,
        DirectionVerdict::Deny => Outcome::Deny,
        DirectionVerdict::Unknown => Outcome::Unknown {
            missing: missing([connection]),
        },
    }
}

/// backends known to disagree make it partial, whatever is not known of others.
pub(super) fn of_service(connections: &[Connection]) -> Outcome {
    let verdicts: BTreeSet<DirectionVerdict> =
        connections.iter().map(Connection::verdict).collect();
    let some = |verdict: DirectionVerdict| verdicts.contains(&verdict);
    if some(DirectionVerdict::Allow) && some(DirectionVerdict::Deny) {
        Outcome::Partial
    } else if some(DirectionVerdict::Unknown) {
        let undecided = |found: &&Connection| found.verdict() == DirectionVerdict::Unknown;
        Outcome::Unknown {
            missing: missing(connections.iter().filter(undecided)),
        }
    } else if some(DirectionVerdict::Allow) {
        Outcome::Allow
    } else if some(DirectionVerdict::Deny) {
        Outcome::Deny
    } else {
        Outcome::NoEndpoints
    }
}

/// AM-22: whose addresses the undecided directions depend on.
fn missing<'a>(connections: impl IntoIterator<Item = &'a Connection>) -> BTreeSet<String> {
    let directions = connections
        .into_iter()
        .flat_map(|connection| [&connection.egress, &connection.ingress]);
    let missing = directions.filter_map(|decision| match &decision.because {
        Because::AddressUnknown { of, .. }
        | Because::Host(HostReason::AddressUnknown { of, .. }) => Some(of.to_string()),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::ClusterRule(_)
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::NoRuleMatched { .. }
        | Because::NotIsolated => None,
    });
    missing.collect()
}
