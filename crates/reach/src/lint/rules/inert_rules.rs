//! RF010: rules of a direction that `policyTypes` does not list, so that they do nothing (rule NP-4).

use ringfence_model::{Direction, NetworkPolicy};

use crate::lint::context::Context;
use crate::lint::problem::{Place, Problem};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    context
        .policies()
        .flat_map(|policy| Direction::ALL.map(|direction| problem(policy, direction)))
        .flatten()
        .collect()
}

fn problem(policy: &NetworkPolicy, direction: Direction) -> Option<Problem> {
    let inert = !policy.isolates(direction) && !policy.rules(direction).is_empty();
    let listed = match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    };
    inert.then(|| {
        let message = format!("these rules do nothing: `policyTypes` does not list `{listed}`");
        let help = format!(
            "add `{listed}` to `spec.policyTypes`, which denies all other {direction}, or remove the rules"
        );
        let place = Place::of_policy(policy, format!("spec.{direction}"));
        place.problem(message).with_help(help)
    })
}
