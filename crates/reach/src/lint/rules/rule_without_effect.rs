//! RF029: a rule without which no connection of this cluster would change, proven by the engine.

use ringfence_model::RuleRef;

use crate::lint::context::Context;
use crate::lint::problem::Problem;
use crate::lint::redundancy::{Cause, Redundant};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let redundant = context.redundant().iter();
    redundant
        .filter_map(|one| {
            let (message, help) = match &one.cause {
                Cause::Others(others) => (
                    among_others(one, others),
                    "remove it, unless it is for pods that come later",
                ),
                Cause::OwnNode => (
                    format!(
                        "without this rule no connection of this cluster changes: what it allows, such as {}, comes from the pods' own node, which always reaches them (NP-50)",
                        words::connection(&one.example)
                    ),
                    "remove it, unless it is for pods on other nodes",
                ),
                Cause::Covered(_) | Cause::Admin(_) => return None,
            };
            Some(one.site.place().problem(message).with_help(help))
        })
        .collect()
}

fn among_others(one: &Redundant<'_>, others: &[RuleRef]) -> String {
    let others = others
        .iter()
        .map(|rule| format!("{} {}[{}]", rule.policy.name, rule.direction, rule.index));
    format!(
        "without this rule no connection of this cluster changes: what it allows, such as {}, is also allowed by {}",
        words::connection(&one.example),
        words::list(others)
    )
}
