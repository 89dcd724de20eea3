//! The chains, rules and set definitions, which are the same whatever the cluster holds.

mod affinity;
mod chains;
mod host_pods;
mod hosts;
mod part;
mod pass;
mod place;
mod reports;
mod services;
mod sets;

use ringfence_model::Direction;
use ringfence_net::Family;
use ringfence_ruleset::{Chain, TABLE_NAME, Table};

pub(crate) use affinity::affinity_chain;
pub(crate) use host_pods::{ALL_PODS, OPENED, WITHHELD, host_pods};
pub use pass::holds_trial;
pub(crate) use pass::{HostPass, Pass};
pub(crate) use place::{Place, numbers_no_classes};
pub(crate) use services::{balance_chain, local_balance_chain};
pub(crate) use sets::{Fill, fill};

use crate::report::Record;

/// How the interfaces of pods begin.
pub(crate) const INTERFACE_PREFIX: &str = "vethrf";

/// The class of any peer: rules without `from` or `to`.
pub(crate) const ANY_PEER: u32 = 0xffff_fffe;

/// The class of a pod towards itself, through a Service (rule CN-40).
pub(crate) const OWN_SELF: u32 = 0xffff_fffd;

/// The chain that lets in whom a load balancer lists, and nobody else.
pub(crate) const GUARD: &str = "guard";

/// The chain that tells a client that nobody answers.
pub(crate) const REFUSE: &str = "refuse";

/// What the numbers stand for to which Service addresses lead.
pub(crate) const BALANCES: &str = "balances";

/// A set's name: the stem and the family's digit.
pub(crate) fn set_name(stem: &str, family: Family) -> String {
    let digit = match family {
        Family::V4 => '4',
        Family::V6 => '6',
    };
    format!("{stem}{digit}")
}

/// The set of a direction, `egress-ports4`.
pub(crate) fn direction_set(direction: Direction, stem: &str, family: Family) -> String {
    set_name(&format!("{direction}{stem}"), family)
}

/// The chain that judges isolated pods of a direction.
pub(crate) fn judge_chain(direction: Direction, family: Family) -> String {
    direction_set(direction, "-judge", family)
}

/// The chain that asks what policies in audit mode would deny, and denies nothing (rule AU-3).
pub(crate) fn audit_chain(direction: Direction, family: Family) -> String {
    direction_set(direction, "-audit", family)
}

/// The chain that judges, and of what passes asks that too.
pub(crate) fn both_chain(direction: Direction, family: Family) -> String {
    direction_set(direction, "-both", family)
}

/// The chain that judges what a pod sends to itself through a Service.
pub(crate) fn self_chain(family: Family) -> String {
    set_name("self-judge", family)
}

/// The table without elements and without balance chains.
pub(crate) fn skeleton(record: Record) -> Table {
    let mut table = Table {
        name: TABLE_NAME.to_owned(),
        comment: None,
        chains: chains::base_chains(record),
        sets: sets::definitions(),
    };
    table.chains.append(&mut reports::drops());
    table.chains.append(&mut reports::audits());
    table.chains.append(&mut hosts::chains());
    table.chains.append(&mut services::chains());
    for family in Family::ALL {
        for direction in Direction::ALL {
            let chain: Chain = chains::judge(direction, family, Pass::Enforce);
            table.chains.insert(judge_chain(direction, family), chain);
            let chain = chains::judge(direction, family, Pass::Audit);
            table.chains.insert(audit_chain(direction, family), chain);
            let chain = chains::judge_and_audit(direction, family);
            table.chains.insert(both_chain(direction, family), chain);
            let own = chains::self_lookups(direction, family);
            let name = direction_set(direction, "-self", family);
            table.chains.insert(name, own);
        }
        let own = chains::self_judge(family);
        table.chains.insert(self_chain(family), own);
    }
    table
}
