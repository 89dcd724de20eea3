use std::collections::BTreeMap;

use ringfence_net::ConnectionState;
use ringfence_ruleset::{Chain, Limit, Log, Rule, Statement, Verdict};

use super::part::{rule, state, verdict};
use crate::report::{LOG_GROUP, Reason, SNAPLEN};

/// The chains that report a packet and drop it.
pub(super) fn drops() -> BTreeMap<String, Chain> {
    let chain = |reason: Reason| {
        let rules = vec![rule(report(reason)), rule([verdict(Verdict::Drop)])];
        (reason.chain(), Chain { base: None, rules })
    };
    Reason::DROPS.into_iter().map(chain).collect()
}

/// Reports and drops: the end of whatever is not let through.
pub(super) fn drop_for(reason: Reason) -> Statement {
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
