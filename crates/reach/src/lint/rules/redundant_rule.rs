//! RF028: a rule that matches nothing which another rule does not match as well (rule NP-5), proven by the engine.

use crate::lint::context::Context;
use crate::lint::problem::Problem;
use crate::lint::redundancy::Cause;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let redundant = context.redundant().iter();
    redundant
        .filter_map(|one| {
            let Cause::Covered(by) = &one.cause else {
                return None;
            };
            let by = by.name();
            let message = format!("this rule could go: {by} allows all that it allows");
            let help = "remove it, or the other if that allows more than is meant";
            Some(one.site.place().problem(message).with_help(help))
        })
        .collect()
}
