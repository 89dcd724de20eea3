//! `internal lab`: the lab itself, process 2 of its pid namespace.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;

use crate::control::descriptors;
use crate::control::protocol::{LabConfig, StartCommand, StartEvent};
use crate::lab::{Lab, api, server};

/// Builds the lab that is described on the start stream (standard output) and serves the control socket
/// (standard input).
///
/// # Errors
/// If something asked for does not come up.
pub fn lab() -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let listener = UnixListener::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let stream = UnixStream::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let (config, socket) = read_config(&stream)?;
    let mut commands = BufReader::new(stream.try_clone()?);
    let follower = std::thread::spawn(move || follow_owner(&mut commands));
    let events = Mutex::new(stream);
    let report = |event: &StartEvent| {
        let mut stream = events.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = serde_json::to_string(event).map(|line| writeln!(stream, "{line}"));
    };
    let at_ms = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut identity = api::identity(&config.cluster.service_subnets)?;
    let lab = Lab::build(config, &mut identity, &|message| {
        report(&StartEvent::Progress {
            message: message.to_owned(),
            at_ms: at_ms(),
        });
    })?;
    // They serve for as long as they are kept.
    let _endpoints = lab.serve_endpoint(&identity)?;
    let api = socket.map(|socket| api::serve(&lab, identity, socket));
    let api = api.transpose()?;
    lab.set_ready(at_ms());
    report(&StartEvent::Ready {
        at_ms: at_ms(),
        kubeconfig: api.as_ref().map(|api| api.kubeconfig.clone()),
    });
    server::serve(&lab, &listener);
    let _ = follower.join();
    Ok(ExitCode::SUCCESS)
}

/// What to build, and the API's socket, which belongs to the network of whoever starts the lab.
fn read_config(stream: &UnixStream) -> anyhow::Result<(LabConfig, Option<TcpListener>)> {
    let (line, descriptors) =
        descriptors::receive(stream).context("cannot read the start stream")?;
    let command = serde_json::from_slice(&line).context("a start command that cannot be read")?;
    let StartCommand::Build(config) = command else {
        anyhow::bail!("nothing to build");
    };
    Ok((
        *config,
        descriptors.into_iter().next().map(TcpListener::from),
    ))
}

/// The lab ends with the command that started it, unless that lets it go.
fn follow_owner(commands: &mut BufReader<UnixStream>) {
    match read_command(commands) {
        Ok(Some(StartCommand::Detach)) => {}
        Ok(Some(StartCommand::Build(_)) | None) | Err(_) => server::end_lab(),
    }
}

fn read_command(commands: &mut BufReader<UnixStream>) -> anyhow::Result<Option<StartCommand>> {
    let mut line = String::new();
    commands
        .read_line(&mut line)
        .context("cannot read the start stream")?;
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&line)
        .context("a start command that cannot be read")
        .map(Some)
}
