//! The two processes around a lab: the one that owns its namespaces, and process 1 in them.

use std::fs::File;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::enter;
use super::init::{die_with_parent, reap_until};

/// The file that receives the lab's own log, for whoever develops ringfence; none by default, so that a lab in the
/// background holds nobody's terminal or pipe open.
pub const LOG_VARIABLE: &str = "RINGFENCE_LAB_LOG";

/// `internal lab-host`: leaves the user's session, enters new namespaces and waits for the lab in them.
///
/// # Errors
/// If the machine does not allow the namespaces; the text says what to enable.
pub fn lab_host() -> anyhow::Result<ExitCode> {
    nix::unistd::setsid().context("cannot lead a session")?;
    ignore_no_signal().context("cannot handle signals")?;
    // Standard error is the user's kubeconfig, held here so that it lives as long as the lab does.
    let log = log()?;
    enter::enter()?;
    let status = again("lab-init", log)?
        .wait()
        .context("cannot wait for the lab")?;
    Ok(ExitCode::from(super::exit_code(status)))
}

/// `internal lab-init`: process 1 of the lab's pid namespace.
///
/// # Errors
/// If the lab's mounts or its process cannot be made.
pub fn lab_init() -> anyhow::Result<ExitCode> {
    die_with_parent()?;
    enter::private_mounts()?;
    reap_until(&again("lab", Stdio::inherit())?)
}

/// What a process ignores, its children ignore too: a shell's background command ignores SIGINT and SIGQUIT, `nohup` SIGHUP,
/// and so would every pod of a lab that is started that way. `exec` makes of a handler what the signal does by default.
fn ignore_no_signal() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _context = runtime.enter();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::hangup(),
    ] {
        // The handler stays when this is dropped.
        drop(signal(kind)?);
    }
    Ok(())
}

/// Starts this binary again with the control socket and the start stream as standard input and output.
fn again(role: &str, log: Stdio) -> anyhow::Result<std::process::Child> {
    Command::new("/proc/self/exe")
        .args(["internal", role])
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start `internal {role}`"))
}

fn log() -> anyhow::Result<Stdio> {
    let Some(path) = std::env::var_os(LOG_VARIABLE) else {
        return Ok(Stdio::null());
    };
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    Ok(file.into())
}
