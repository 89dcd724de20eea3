//! RF011: egress rules and no `policyTypes`: all ingress is denied on the way (rule NP-3).

use ringfence_model::{Direction, NetworkPolicy};

use crate::lint::context::Context;
use crate::lint::problem::{Place, Problem};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let policies = context.policies();
    policies
        .filter_map(|policy| problem(context, policy))
        .collect()
}

fn problem(context: &Context<'_>, policy: &NetworkPolicy) -> Option<Problem> {
    let source = policy.source.as_ref()?;
    let written = |path: &str| context.documents.field(source, path).is_some();
    let by_default = policy.isolates_ingress && policy.isolates_egress;
    if !by_default || context.lists_types(policy) || written("spec.ingress") {
        return None;
    }
    let mut closed = context.selected(policy);
    let selects = !closed.is_empty();
    closed.retain(|group| !context.isolated_otherwise(policy, group, Direction::Ingress));
    if selects && closed.is_empty() {
        return None;
    }
    let whom = if closed.is_empty() {
        "the pods it selects".to_owned()
    } else {
        words::pods(&closed)
    };
    let message = format!("without `policyTypes` this also denies all ingress of {whom}");
    let help = "write `policyTypes: [Egress]`, or `[Ingress, Egress]` if both are meant";
    Some(
        Place::of_policy(policy, "spec")
            .problem(message)
            .with_help(help),
    )
}
