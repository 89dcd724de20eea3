//! `ringfence demo`: the story of network policies, told with real connections.
//!
//! [`story`] says what happens, [`measure`] tries it on packets and asks the specification, [`kernel`] shows what a
//! policy put into the kernel, [`report`] holds the results and [`mod@print`] shows them.

mod kernel;
pub(crate) mod manifests;
mod measure;
mod print;
mod report;
mod story;
mod stream;

use std::process::ExitCode;
use std::time::Instant;

use ringfence_kube::Access;
use ringfence_lab::control::protocol::{Agents, ControlPlane, LabConfig};

use crate::arguments::{DemoArguments, OutputFormat};
use crate::inputs;
use crate::output::json;
use print::Printer;

pub(crate) fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let printer = Printer::new(arguments.output == OutputFormat::Text, arguments.pause);
    let cluster = inputs::kind_cluster(None)?.renamed(manifests::CLUSTER);
    let config = LabConfig {
        name: arguments.name.clone(),
        cluster,
        control_plane: ControlPlane::Nodes,
        manifests: Vec::new(),
        record: ringfence_agent::Record::Denied,
        enforcement: !arguments.without_enforcement,
        images: None,
        snapshot: None,
        agents: Agents::Lab,
        api: true,
    };
    printer.opening();
    let lab = ringfence_lab::start::start(config, |_, _| {})?;
    let access = Access {
        kubeconfig: Some(lab.kubeconfig_path()),
        context: None,
    };
    let told = story::tell(&lab.client(), &access, &printer);
    let cleaning = Instant::now();
    if arguments.keep {
        lab.detach()?;
    } else {
        lab.stop()?;
    }
    let mut report = told?;
    report.finish(started.elapsed(), cleaning.elapsed());
    match arguments.output {
        OutputFormat::Text => printer.closing(&report, arguments),
        OutputFormat::Json => json::print(&report)?,
    }
    Ok(if report.agreed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
