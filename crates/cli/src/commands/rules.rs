//! `ringfence rules`: which kernel objects policies became, and which policies stand behind an object.

pub(crate) mod arguments;
mod counters;
mod diff;
mod host;
mod json;
mod object;
mod policy;
mod since;
mod source;
mod table;
pub(crate) mod words;

use std::process::ExitCode;

use crate::BAD_INPUT;
use crate::arguments::OutputFormat;
use crate::output;
use crate::output::answer::say;
use arguments::RulesArguments;
use json::Answer;
use source::Nodes;

pub(crate) fn run(arguments: &RulesArguments) -> anyhow::Result<ExitCode> {
    if !arguments.diff.is_empty() {
        return diff::run(arguments);
    }
    let nodes = Nodes::read(arguments)?;
    if arguments.unused || (arguments.counters && arguments.policy.is_none()) {
        return counters::run(&nodes, arguments);
    }
    if let Some(earlier) = &arguments.since {
        return since::run(earlier, &nodes, arguments.output);
    }
    match (&arguments.policy, &arguments.object) {
        (Some(policy), _) => policy::run(policy, &nodes, arguments),
        (None, Some(object)) => object::run(object, &nodes, arguments.output),
        (None, None) => everything(&nodes, arguments),
    }
}

fn everything(nodes: &Nodes, arguments: &RulesArguments) -> anyhow::Result<ExitCode> {
    match arguments.output {
        OutputFormat::Text => {
            nodes.print_note();
            for node in &nodes.all {
                say!("{}", table::render(node));
            }
        }
        OutputFormat::Json => output::json::print(&Answer::new(nodes, |node| &node.listing))?,
    }
    // A node that does not answer is missing from what was shown.
    let is_partial = arguments.live && nodes.all.iter().any(|node| node.problem.is_some());
    Ok(ExitCode::from(if is_partial { BAD_INPUT } else { 0 }))
}
