//! RF012: `egress: []` without `policyTypes` denies no egress (rule NP-3).

use ringfence_model::{Direction, NetworkPolicy};

use crate::lint::context::Context;
use crate::lint::problem::{Place, Problem};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let policies = context.policies();
    policies
        .filter_map(|policy| problem(context, policy))
        .collect()
}

fn problem(context: &Context<'_>, policy: &NetworkPolicy) -> Option<Problem> {
    let source = policy.source.as_ref()?;
    let written = |path: &str| context.documents.field(source, path).is_some();
    let is_empty = written("spec.egress") && policy.egress.is_empty();
    if !is_empty || policy.isolates_egress || context.lists_types(policy) {
        return None;
    }
    let mut open = context.selected(policy);
    let selects = !open.is_empty();
    open.retain(|group| !context.isolated_otherwise(policy, group, Direction::Egress));
    if selects && open.is_empty() {
        return None;
    }
    let message = "an empty list without `policyTypes` leaves egress open";
    let help = "to deny all egress write `policyTypes: [Ingress, Egress]`, or `[Egress]` alone";
    Some(
        Place::of_policy(policy, "spec.egress")
            .problem(message)
            .with_help(help),
    )
}
