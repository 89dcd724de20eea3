//! `ringfence agent`: keeps a node of a real cluster, until it is told to end.

mod installer;
mod log;
pub(super) mod settings;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueHint};
use ringfence_agent::detour;
use ringfence_agent::node_routes::Keeper;
use ringfence_kube::Access;

use crate::output::json;
use crate::paint;
use installer::Installer;
use settings::{NetworkMode, Plan, Services, Settings};
use source::Listeners;

pub(crate) const EXAMPLES: &str = "Examples:\n  ringfence agent --pod-cidr 10.244.0.0/16 --service-cidr 10.96.0.0/12\n  \
                                   ringfence agent --config /etc/ringfence/agent.yaml --listen 127.0.0.1:9470\n  \
                                   ringfence agent --config agent.yaml --print-config\n  ringfence agent --node worker-1 \
                                   --kubeconfig node.kubeconfig --pod-cidr 10.244.0.0/16 --services none";

#[derive(Debug, Args)]
pub(crate) struct AgentArguments {
    /// File with the same settings, in YAML or JSON; what is given here or in the environment counts more
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Print the settings that count, and end
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    given: Settings,
}

pub(crate) fn run(arguments: &AgentArguments) -> anyhow::Result<ExitCode> {
    let plan = plan(arguments)?;
    if arguments.print_config {
        json::print(&plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    log::start(plan.log);
    let server = plan.access().describe()?;
    let config = plan.agent();
    let remarks = ringfence_agent::probe(&config);
    let remarks = remarks.context("this machine cannot be a node of ringfence")?;
    remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
    refuse_detour(&plan).context("this machine cannot be a node of ringfence")?;
    tracing::info!(node = plan.node, server, "following the cluster");
    let (access, scope) = (plan.access(), plan.services.scope());
    let ended = ringfence_agent::run_with(config, move |teller| {
        // Not before: a thread that is older than the agent would take its signals.
        let listeners = Listeners {
            installer: Installer::start(&plan),
            routes: keeper(&plan),
        };
        source::follow(&access, scope, &teller, &listeners);
    });
    Ok(ended.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS))
}

/// Refuses a node on which IPVS leads packets of Services past the policies. Where our table translates their addresses, they
/// never come to it.
fn refuse_detour(plan: &Plan) -> anyhow::Result<()> {
    let Some(detour) = detour::find()? else {
        return Ok(());
    };
    match plan.services {
        Services::None => bail!(
            "IPVS balances Services here, and its packets pass by the rules of pods ({detour}): start kube-proxy with \
             `--proxy-mode nftables`, or take it away with `kube-proxy --cleanup` and use `services: nftables`"
        ),
        Services::Nftables => tracing::warn!(
            "IPVS balances Services here, beside this agent ({detour}): take what is left of the other away, for example with \
             `kube-proxy --cleanup`"
        ),
    }
    Ok(())
}

/// Who keeps routes to other nodes, if the settings want them.
fn keeper(plan: &Plan) -> Option<Keeper> {
    if plan.network == NetworkMode::Underlay {
        return None;
    }
    let started = Keeper::start(plan.node.clone(), plan.pod_cidrs.clone());
    started
        .inspect_err(|error| tracing::error!("pods of other nodes are not reached: {error:#}"))
        .ok()
}

fn plan(arguments: &AgentArguments) -> anyhow::Result<Plan> {
    let file = arguments
        .config
        .as_deref()
        .map(settings::read)
        .transpose()?;
    let settings = arguments.given.clone().or(file.unwrap_or_default());
    match settings.check() {
        Ok(plan) => Ok(plan),
        Err(problems) => bail!("the settings cannot be used:\n  {}", problems.join("\n  ")),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    anstream::eprintln!("{}: {error:#}", paint::bad("error"));
    ExitCode::FAILURE
}

impl Plan {
    fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
        }
    }
}
