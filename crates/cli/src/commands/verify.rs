//! `ringfence verify`: whether the rules in the kernel equal the policies, for all packets.

mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use ringfence_agent::status::ask_verification;
use ringfence_agent::verification::Verification;
use ringfence_lab::control::client::Client;
use serde::Serialize;

use crate::BAD_INPUT;
use crate::arguments::OutputFormat;
use crate::output::answer::say;
use crate::output::json;

pub(crate) const EXAMPLES: &str = "Examples:\n  ringfence verify --lab ringfence\n  ringfence verify --lab \
                                   ringfence --node worker -o json | jq '.[].report.differences'\n  ringfence \
                                   verify --socket /run/ringfence/node/status.sock";

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// All nodes of this lab, instead of this node
    #[arg(long, value_name = "NAME", env = "RINGFENCE_LAB")]
    lab: Option<String>,
    /// One node of the lab only
    #[arg(long, value_name = "NAME", requires = "lab")]
    node: Option<String>,
    /// Where the agent of this node answers
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/run/ringfence/node/status.sock",
        conflicts_with = "lab"
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
    Ok(code(found.values()))
}

fn ask(arguments: &VerifyArguments) -> anyhow::Result<BTreeMap<String, Verification>> {
    if let Some(lab) = &arguments.lab {
        return Client::new(lab).verify(arguments.node.as_deref());
    }
    let socket = &arguments.socket;
    let found = ask_verification(socket).with_context(|| {
        format!(
            "no agent answers at `{}`; `--lab NAME` verifies a lab, `--socket` names another place",
            socket.display()
        )
    })?;
    Ok(BTreeMap::from([("this".to_owned(), found)]))
}

/// What cannot be judged counts more than a difference.
fn code<'v>(found: impl Iterator<Item = &'v Verification>) -> ExitCode {
    let rank = |it: &Verification| it.is_equal().map_or(BAD_INPUT, |equal| u8::from(!equal));
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
