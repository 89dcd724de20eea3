//! Parts of ringfence that ringfence starts itself: lab processes, agents, stand-ins.

use std::io::{BufRead as _, IsTerminal as _, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use ringfence_lab::control::protocol::StartEvent;
use ringfence_lab::process::{container, exec, host, lab, sandbox};
use ringfence_standin::{agnhost, curl, metadata, probe, responder, stream};
use serde::de::DeserializeOwned;

use crate::arguments::Role;
use crate::output::answer::write_line;

/// Connections that one probe process tries at the same time.
const PROBES_AT_ONCE: usize = 64;
/// Host name of the lab's host outside of the cluster.
const OUTSIDE: &str = "outside";

pub(crate) fn run(role: Role) -> ExitCode {
    log_to_standard_error();
    let starting = matches!(role, Role::LabHost | Role::LabInit | Role::Lab);
    dispatch(role).unwrap_or_else(|error| {
        if starting {
            tell_starter(&error);
        }
        anstream::eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn dispatch(role: Role) -> anyhow::Result<ExitCode> {
    match role {
        Role::LabHost => host::lab_host(),
        Role::LabInit => host::lab_init(),
        Role::Lab => lab::lab(),
        Role::PodSandbox => sandbox::sandbox(),
        Role::PodInit => sandbox::pod_init(),
        Role::PodContainer => container::pod_container(),
        Role::PodExec {
            pid,
            container,
            builtin,
            terminal,
            command,
        } => exec::pod_exec(pid, container.as_deref(), builtin, terminal, &command),
        Role::Agent { config } => done(ringfence_agent::run(read_file(&config)?)),
        Role::Responder => done(responder::run(read_line()?)),
        Role::Outside => done(responder::run(responder::ResponderConfig::outside(OUTSIDE))),
        Role::Metadata { addresses } => done(serve_metadata(&addresses)),
        Role::Dns => done(ringfence_dns::run(&read_line()?)),
        Role::Probe => {
            probe::batch(std::io::stdin().lock(), std::io::stdout(), PROBES_AT_ONCE)?;
            Ok(ExitCode::SUCCESS)
        }
        Role::Stream => {
            stream::stream(&read_line()?, std::io::stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Role::Agnhost { arguments } => Ok(applet(agnhost::run, &arguments)),
        Role::Status { request, socket } => {
            let request = serde_json::from_str(&request).context("a question is JSON")?;
            let answer = ringfence_agent::status::relay(&socket, request);
            let nobody = || format!("no agent answers at {}", socket.display());
            write_line!("{}", answer.with_context(nobody)?.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Role::Curl { arguments } => Ok(applet(curl::run, &arguments)),
    }
}

fn done(result: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS)
}

type Applet = fn(&[String], &mut dyn Write, &mut dyn Write) -> u8;

fn applet(run: Applet, arguments: &[String]) -> ExitCode {
    ExitCode::from(run(
        arguments,
        &mut std::io::stdout(),
        &mut std::io::stderr(),
    ))
}

fn serve_metadata(addresses: &[SocketAddr]) -> anyhow::Result<()> {
    metadata::run(addresses)
}

fn read_file<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} cannot be used", path.display()))
}

fn read_line<T: DeserializeOwned>() -> anyhow::Result<T> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read standard input")?;
    serde_json::from_str(&line).context("standard input cannot be used")
}

/// The command that starts a lab reads events from what is standard output here.
fn tell_starter(error: &anyhow::Error) {
    if let Ok(line) = serde_json::to_string(&StartEvent::Failed(format!("{error:#}"))) {
        write_line!("{line}");
    }
}

fn log_to_standard_error() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RINGFENCE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,hickory_server=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
