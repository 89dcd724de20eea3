//! Cilium's policies: what some policy denies is denied, and the rest is allowed if some policy allows it, or none isolates.

mod entity;
mod outside;
mod policy;
mod ports;
mod rule;
mod selector;

use crate::calico;
use crate::conversion::Conversion;
use crate::input::Given;
use crate::kept::{Kept, keep};
use crate::ladder::{Ladder, Rule, Rung};
use crate::plan::plan;
use crate::written::Written;
use policy::{Sides, Statement};

const GROUP: &str = "cilium.io";

pub(super) fn convert(given: &Given<'_>, conversion: &mut Conversion) {
    let ours = |written: &&Written| written.group() == GROUP;
    let (policies, others): (Vec<&Written>, Vec<&Written>) = given
        .foreign
        .iter()
        .filter(ours)
        .partition(|written| is_policy(written));
    for other in others.into_iter().filter(|other| !outside::is_group(other)) {
        conversion.leave_aside(other, "is no policy, and left aside", given);
    }
    if policies.is_empty() {
        return;
    }
    if given.foreign.iter().any(calico::is_policy) {
        policies.into_iter().for_each(refuse_mixture);
        return;
    }
    plan(given, ladder(given), conversion);
}

fn is_policy(written: &Written) -> bool {
    let (kind, _) = written.type_of();
    written.group() == GROUP && (kind == policy::NAMESPACED || kind == policy::CLUSTERWIDE)
}

fn refuse_mixture(written: &Written) {
    let field = written.root().get("kind").unwrap_or_else(|| written.root());
    field.refuse(
        "is a policy of Cilium beside policies of Calico, and no plugin enforces both",
        "convert the policies of each plugin by themselves",
    );
}

/// All denials, then all that is allowed; NetworkPolicies of Kubernetes count as they do for Cilium.
fn ladder(given: &Given<'_>) -> Ladder {
    let mut statements: Vec<Statement> = Vec::new();
    for (index, written) in given.foreign.iter().enumerate() {
        if is_policy(written) {
            statements.extend(policy::statements(given, index, written));
        }
    }
    statements.extend(given.network_policies.iter().map(|policy| {
        let Kept {
            policy,
            ingress,
            egress,
        } = keep(policy);
        Statement {
            policy,
            denied: Sides::default(),
            allowed: Sides { ingress, egress },
        }
    }));
    let denied = statements.iter().map(|one| &one.denied).enumerate();
    let allowed = statements.iter().map(|one| &one.allowed).enumerate();
    let rungs = denied
        .chain(allowed)
        .map(|(policy, sides)| rung(policy, sides));
    Ladder {
        rungs: rungs.collect(),
        policies: statements.iter().map(|one| one.policy.clone()).collect(),
    }
}

fn rung(policy: usize, sides: &Sides) -> Rung {
    let rules = |rules: &[Rule]| rules.to_vec();
    Rung {
        policy,
        tier: 0,
        early: false,
        ingress: rules(&sides.ingress),
        egress: rules(&sides.egress),
    }
}
