//! `ringfence status`: on which nodes of a live cluster agents enforce what they heard.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use ringfence_kube::AgentPod;
use serde::Serialize;

use crate::arguments::OutputFormat;
use crate::inputs::agents::AgentsArguments;
use crate::output::answer::say_line;
use crate::output::json;
use crate::paint;

/// The examples under the help of `status`.
pub(crate) const EXAMPLES: &str =
    "Exit code: 0 an agent on every node enforces what it heard, 1 not on every node, 2 bad input.

Examples:
  ringfence status --context prod
  kubectl ringfence status
  ringfence status --context prod -o json | jq '.[] | select(.agent.ready | not)'";

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    agents: AgentsArguments,
    /// Text for people or JSON for machines
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
    output: OutputFormat,
}

/// A node and its agent.
#[derive(Debug, Serialize)]
struct Line {
    node: String,
    /// Nothing where none is.
    agent: Option<AgentPod>,
}

pub(crate) fn run(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let agents = arguments.agents.find(None)?;
    let mut lines: BTreeMap<String, Option<AgentPod>> = BTreeMap::new();
    lines.extend(agents.nodes()?.into_iter().map(|node| (node, None)));
    let pods = agents.pods().iter();
    lines.extend(pods.map(|(node, pod)| (node.clone(), Some(pod.clone()))));
    let lines = lines.into_iter().map(|(node, agent)| Line { node, agent });
    let lines: Vec<Line> = lines.collect();
    match arguments.output {
        OutputFormat::Text => lines.iter().for_each(|line| say_line!("{}", line.render())),
        OutputFormat::Json => json::print(&lines)?,
    }
    Ok(ExitCode::from(u8::from(!lines.iter().all(Line::is_well))))
}

impl Line {
    fn is_well(&self) -> bool {
        self.agent.as_ref().is_some_and(|agent| agent.ready)
    }

    fn render(&self) -> String {
        let node = paint::heading(&format!("node {}", self.node));
        let Some(agent) = &self.agent else {
            return format!(
                "{node}: {}",
                paint::bad("no agent: nothing is enforced here")
            );
        };
        let state = match (&agent.trouble, agent.ready) {
            (Some(trouble), _) => paint::bad(trouble),
            (None, true) => paint::good("enforces what it heard"),
            (None, false) => paint::bad(
                "not ready: its table is not in the kernel, or it has not heard everything yet",
            ),
        };
        let restarts = match agent.restarts {
            0 => String::new(),
            restarts => format!(", started again {restarts} times"),
        };
        let about = paint::dim(&format!("{}, {}{restarts}", agent.pod, agent.image));
        format!("{node}: {state}; {about}")
    }
}
