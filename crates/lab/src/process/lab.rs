//! `internal lab`: the lab itself, process 2 of its pid namespace.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;

use crate::control::protocol::{StartCommand, StartEvent};
use crate::lab::{Lab, server};

/// Builds the lab that is described on the start stream (standard output) and serves the control socket
/// (standard input).
///
/// # Errors
/// If something asked for does not come up.
pub fn lab() -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let listener = UnixListener::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let stream = UnixStream::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let mut commands = BufReader::new(stream.try_clone()?);
    let config = match read_command(&mut commands)? {
        Some(StartCommand::Build(config)) => *config,
        Some(StartCommand::Detach) | None => anyhow::bail!("nothing to build"),
    };
    let follower = std::thread::spawn(move || follow_owner(&mut commands));
    let events = Mutex::new(stream);
    let report = |event: &StartEvent| {
        let mut stream = events.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = serde_json::to_string(event).map(|line| writeln!(stream, "{line}"));
    };
    let at_ms = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let lab = Lab::build(config, &|message| {
        report(&StartEvent::Progress {
            message: message.to_owned(),
            at_ms: at_ms(),
        });
    })?;
    lab.set_ready(at_ms());
    report(&StartEvent::Ready { at_ms: at_ms() });
    server::serve(&lab, &listener);
    let _ = follower.join();
    Ok(ExitCode::SUCCESS)
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
