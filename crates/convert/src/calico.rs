//! Calico's policies: tiers and orders, the first matching rule decides, the end of a tier denies.

mod entity;
mod order;
mod policy;
mod ports;
mod rule;
mod selector;
mod sets;
mod subject;

use crate::conversion::Conversion;
use crate::input::Given;
use crate::plan::plan;
use crate::written::Written;
use order::Tiers;
use sets::NetworkSets;

/// What a policy needs to be read.
#[derive(Debug)]
pub(super) struct Surroundings<'g> {
    given: &'g Given<'g>,
    sets: NetworkSets<'g>,
    tiers: Tiers<'g>,
}

const GROUPS: [&str; 2] = ["projectcalico.org", "crd.projectcalico.org"];

/// Kinds that decide about traffic and have no equivalent.
const WITHOUT: [(&str, &str, &str); 2] = [
    (
        "HostEndpoint",
        "protects a host, and no Kubernetes policy speaks of hosts",
        "keep a firewall on the hosts (nftables, or the cloud's security groups)",
    ),
    (
        "Profile",
        "holds rules of its own for workloads that no policy selects",
        "write what it says as a policy with a selector",
    ),
];

/// Whether `written` is a policy of Calico.
pub(super) fn is_policy(written: &Written) -> bool {
    let (kind, _) = written.type_of();
    GROUPS.contains(&written.group()) && (kind == policy::NAMESPACED || kind == policy::GLOBAL)
}

pub(super) fn convert(given: &Given<'_>, conversion: &mut Conversion) {
    let ours = |written: &&Written| GROUPS.contains(&written.group());
    if !given.foreign.iter().any(|written| ours(&written)) {
        return;
    }
    let surroundings = Surroundings {
        given,
        sets: NetworkSets::read(given),
        tiers: Tiers::read(given),
    };
    for written in given.foreign.iter().filter(ours) {
        refuse_kind(written, given, conversion);
    }
    let ladder = order::ladder(&surroundings);
    plan(given, ladder, conversion);
}

/// Refuses kinds without equivalent; says of others that are no policies that they are left aside.
fn refuse_kind(written: &Written, given: &Given<'_>, conversion: &mut Conversion) {
    let (kind, _) = written.type_of();
    let known = [
        policy::NAMESPACED,
        policy::GLOBAL,
        sets::NAMESPACED,
        sets::GLOBAL,
        order::TIER,
    ];
    if known.contains(&kind) || kind == "Profile" && is_default_profile(written) {
        return;
    }
    let field = written.root().get("kind").unwrap_or_else(|| written.root());
    if let Some((_, why, instead)) = WITHOUT.iter().find(|(name, _, _)| *name == kind) {
        field.refuse(why, instead);
        return;
    }
    let why = if kind.starts_with("Staged") {
        "is staged: Calico does not enforce it, and it is left aside"
    } else {
        "is no policy, and left aside"
    };
    conversion.leave_aside(written, why, given);
}

/// The profiles that Calico makes of namespaces and service accounts allow everything.
fn is_default_profile(written: &Written) -> bool {
    let name = written.metadata("name");
    name.starts_with("kns.") || name.starts_with("ksa.") || name == "projectcalico-default-allow"
}
