//! `ringfence uninstall`: a node as it was before ringfence.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueHint};
use ringfence_agent::departure::{Departure, Step, wait_for_end};

use super::agent::settings::{Settings, read};
use crate::output::answer::say_line;

pub(crate) const EXAMPLES: &str = "Examples:\n  ringfence uninstall --dry-run\n  ringfence uninstall --config /etc/ringfence/agent.yaml";

#[derive(Debug, Args)]
pub(crate) struct UninstallArguments {
    /// File of settings that the agent had; without it, things are looked for in the usual places
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Say what would be taken away, and take nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait for a signal when all is done, as a container of a DaemonSet has to
    #[arg(long, conflicts_with = "dry_run")]
    stay: bool,
}

pub(crate) fn run(arguments: &UninstallArguments) -> anyhow::Result<ExitCode> {
    let settings = arguments.config.as_deref().map(read).transpose()?;
    let departure = settings.unwrap_or_else(Settings::default).departure();
    if !arguments.dry_run {
        departure.refuse_if_kept()?;
    }
    let mut found = 0;
    for step in Step::ALL {
        found += carry_out(&departure, step, arguments.dry_run)?;
    }
    if found == 0 {
        say_line!("nothing of ringfence is on this node");
    }
    if arguments.dry_run {
        departure.refuse_if_kept()?;
    }
    if arguments.stay {
        wait_for_end()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn carry_out(departure: &Departure, step: Step, dry_run: bool) -> anyhow::Result<usize> {
    let found = departure.find(step)?;
    if !dry_run {
        let taken = departure.take(step);
        taken.context("the node still has parts of ringfence; try again")?;
    }
    let done = if dry_run {
        "would be taken away"
    } else {
        "taken away"
    };
    for thing in &found {
        say_line!("{} {thing}: {done}", kind(step));
    }
    Ok(found.len())
}

const fn kind(step: Step) -> &'static str {
    match step {
        Step::Network => "network",
        Step::Wires => "wire",
        Step::Routes => "route",
        Step::Table => "table",
        Step::Records => "record",
        Step::Program => "plugin",
    }
}
