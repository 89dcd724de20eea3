//! RF029: a rule without which no connection of this cluster would change, proven by the engine.

use crate::lint::context::Context;
use crate::lint::problem::Problem;
use crate::lint::redundancy::Cause;
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let redundant = context.redundant().iter();
    redundant
        .filter_map(|one| {
            let Cause::Others(others) = &one.cause else {
                return None;
            };
            let others = others.iter().map(|rule| {
                format!("{} {}[{}]", rule.policy.name, rule.direction, rule.index)
            });
            let message = format!(
                "without this rule no connection of this cluster changes: what it allows, such as {}, is also allowed by {}",
                words::connection(&one.example),
                words::list(others)
            );
            let help = "remove it, unless it is for pods that come later";
            Some(one.site.place().problem(message).with_help(help))
        })
        .collect()
}
