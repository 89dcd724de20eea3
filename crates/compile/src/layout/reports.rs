use std::collections::BTreeMap;

use ringfence_model::Direction;
use ringfence_net::ConnectionState;
use ringfence_ruleset::{Chain, Limit, Log, Rule, Statement, Verdict};

use super::part::{rule, state, verdict};
use crate::report::{LOG_GROUP, Reason, SNAPLEN};

/// The chains that report a packet and drop it.
pub(super) fn drops() -> BTreeMap<String, Chain> {
    Reason::DROPS.into_iter().map(drop_chain).collect()
}

/// The chain that reports a packet for this reason and drops it.
pub(super) fn drop_chain(reason: Reason) -> (String, Chain) {
    let rules = vec![rule(report(reason)), rule([verdict(Verdict::Drop)])];
    (reason.chain(), Chain { base: None, rules })
}

/// The chains that report what policies in audit mode would deny, and let it go on (rule AU-4).
pub(super) fn audits() -> BTreeMap<String, Chain> {
    let chain = |direction| {
        let reason = Reason::audit(direction);
        let rules = vec![rule(report(reason))];
        (reason.chain(), Chain { base: None, rules })
    };
    Direction::ALL.map(chain).into()
}

/// The end of whatever is not let through: it is reported, and dropped unless the reason lets it go on.
pub(super) fn end_for(reason: Reason) -> Statement {
    verdict(Verdict::Goto(reason.chain()))
}

/// Reports what opens a connection and was not denied.
pub(super) fn allowed() -> Rule {
    let new = [state(ConnectionState::New)];
    rule(new.into_iter().chain(report(Reason::Allowed)))
}

/// Nobody has to listen: the kernel then copies nothing.
fn report(reason: Reason) -> [Statement; 2] {
    let (rate, burst) = reason.rate();
    let log = Log {
        prefix: reason.prefix(),
        group: LOG_GROUP,
        snaplen: SNAPLEN,
    };
    [Statement::Limit(Limit { rate, burst }), Statement::Log(log)]
}
