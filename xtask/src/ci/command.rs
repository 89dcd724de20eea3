//! Programs that the steps start: shown before they run, judged by how they end.

use crate::workspace_root;
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// `cargo` with these arguments, in the root of the workspace.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace_root());
    command
}

/// Runs a command with its output passed through; a failure names the command line.
pub(crate) fn run_visibly(command: Command) -> Result<()> {
    println!("$ {}", command_line(&command));
    run(command)
}

/// Like [`run_visibly`], where the caller has said already what runs.
pub(super) fn run(mut command: Command) -> Result<()> {
    let line = command_line(&command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    succeeded(status, &line)
}

/// Like [`run_visibly`], and a command that does not end in time is killed and fails.
pub(super) fn run_within(limit: Duration, mut command: Command) -> Result<()> {
    let line = command_line(&command);
    println!("$ {line}");
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let Some(status) = wait_until(Instant::now() + limit, &mut child)? else {
        child.kill().context("cannot stop a command that is late")?;
        child
            .wait()
            .context("cannot collect a command that was stopped")?;
        bail!("`{line}` did not end within {} s", limit.as_secs());
    };
    succeeded(status, &line)
}

fn wait_until(deadline: Instant, child: &mut Child) -> Result<Option<ExitStatus>> {
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().context("cannot wait for a command")? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(None)
}

fn succeeded(status: ExitStatus, line: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("`{line}` ended with {status}")
}

/// The command as a reader would type it. Not for a shell: nothing is quoted.
fn command_line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_its_status() {
        let error = run_visibly(Command::new("/bin/false"))
            .unwrap_err()
            .to_string();
        assert_eq!(error, "`false` ended with exit status: 1");
    }

    #[test]
    fn a_program_that_does_not_exist_is_a_failure() {
        assert!(run_visibly(Command::new("/nonexistent/program")).is_err());
    }

    #[test]
    fn a_late_command_is_stopped() {
        let mut sleep = Command::new("/bin/sleep");
        sleep.arg("60");
        let start = Instant::now();
        let error = run_within(Duration::from_millis(100), sleep)
            .unwrap_err()
            .to_string();
        assert!(error.contains("did not end within"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
