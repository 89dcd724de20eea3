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
        (None, None) => everything(&nodes, arguments.output),
    }
}

fn everything(nodes: &Nodes, format: OutputFormat) -> anyhow::Result<ExitCode> {
    match format {
        OutputFormat::Text => {
            nodes.print_note();
            for node in &nodes.all {
                say!("{}", table::render(node));
            }
        }
        OutputFormat::Json => output::json::print(&Answer::new(nodes, |node| &node.listing))?,
    }
    Ok(ExitCode::SUCCESS)
}
