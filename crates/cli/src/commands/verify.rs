//! `ringfence verify`: whether the rules in the kernel equal the policies, for all packets.

mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use ringfence_agent::status::{StatusRequest, ask_verification};
use ringfence_agent::verification::Verification;
use ringfence_kube::Agents;
use ringfence_lab::control::client::Client;
use serde::Serialize;

use crate::BAD_INPUT;
use crate::arguments::OutputFormat;
use crate::inputs::agents::{AgentsArguments, Answers, ask as ask_agents};
use crate::output::answer::say;
use crate::output::json;

pub(crate) const EXAMPLES: &str = "Examples:\n  ringfence verify --lab ringfence\n  ringfence verify --lab \
                                   ringfence --node worker -o json | jq '.[].report.differences'\n  ringfence \
                                   verify --socket /run/ringfence/node/status.sock\n  ringfence verify --context prod\n  kubectl \
                                   ringfence verify --node worker-1";

/// Where the chart's agents answer.
pub(crate) const SOCKET: &str = "/run/ringfence/node/status.sock";

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// All nodes of this lab, instead of this node
    #[arg(long, value_name = "NAME", env = "RINGFENCE_LAB")]
    lab: Option<String>,
    #[command(flatten)]
    agents: AgentsArguments,
    /// One node of the lab or of the cluster only
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Where the agent of this node answers
    #[arg(
        long,
        value_name = "FILE",
        default_value = SOCKET,
        conflicts_with_all = ["lab", "kubeconfig", "context", "node"]
    )]
    socket: PathBuf,
    /// Text for people or JSON for machines
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
    output: OutputFormat,
}

pub(crate) fn run(arguments: &VerifyArguments) -> anyhow::Result<ExitCode> {
    let found = ask(arguments)?;
    match arguments.output {
        OutputFormat::Text => say!("{}", text::render(&found)),
        OutputFormat::Json => json::print(&found.iter().map(Node::of).collect::<Vec<_>>())?,
    }
    Ok(code(found.values(), arguments.lab.is_some()))
}

fn ask(arguments: &VerifyArguments) -> anyhow::Result<BTreeMap<String, Verification>> {
    if arguments.agents.is_given() {
        let agents = arguments.agents.find(arguments.node.as_deref())?;
        return of_cluster(&agents);
    }
    if let Some(lab) = &arguments.lab {
        return Client::new(lab).verify(arguments.node.as_deref());
    }
    ensure!(
        arguments.node.is_none(),
        "--node is about the nodes of a lab or of a cluster: name it with --lab, --context or --kubeconfig"
    );
    let socket = &arguments.socket;
    let found = ask_verification(socket).with_context(|| {
        format!(
            "no agent answers at `{}`; `--lab NAME` verifies a lab, `--socket` names another place",
            socket.display()
        )
    })?;
    Ok(BTreeMap::from([("this".to_owned(), found)]))
}

/// A node that does not answer is one of which nothing can be said.
fn of_cluster(agents: &Agents) -> anyhow::Result<BTreeMap<String, Verification>> {
    let Answers { mut found, failed } = ask_agents(agents, |_| StatusRequest::Verify)?;
    found.extend(failed.into_iter().map(|(node, reason)| {
        let problem = Some(reason);
        let unknown = Verification {
            problem,
            ..Verification::default()
        };
        (node, unknown)
    }));
    Ok(found)
}

/// What cannot be judged counts more than a difference. No node of a lab can keep anything from pods in its network.
fn code<'v>(found: impl Iterator<Item = &'v Verification>, is_lab: bool) -> ExitCode {
    let holds = |equal: bool, it: &Verification| equal && (is_lab || it.host_pods.is_none());
    let rank = |it: &Verification| match it.is_equal() {
        Some(equal) => u8::from(!holds(equal, it)),
        None => BAD_INPUT,
    };
    ExitCode::from(found.map(rank).max().unwrap_or(BAD_INPUT))
}

/// One node's answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'v> {
    node: &'v str,
    /// Not there if nothing can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    equal: Option<bool>,
    #[serde(flatten)]
    found: &'v Verification,
}

impl<'v> Node<'v> {
    fn of((node, found): (&'v String, &'v Verification)) -> Self {
        Self {
            node,
            equal: found.is_equal(),
            found,
        }
    }
}
