//! The demo as a user meets it: the release binary, alone, finding no other program.
//!
//! It runs from a directory of its own with a PATH in which nothing is, so a call of `ip`, `nft` or
//! `kubectl` that crept in fails here. When root starts this, an ordinary user runs it too. In the end
//! comes the control experiment: with policies unenforced the demo has to fail, or it shows nothing.

use super::command::{cargo, run_visibly, run_within};
use super::{is_root, ordinary};
use crate::workspace_root;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Far above what the demo takes, far below the patience of a CI machine.
const LIMIT: Duration = Duration::from_secs(300);

pub(super) fn run() -> Result<()> {
    run_visibly(cargo([
        "build",
        "--release",
        "--locked",
        "--package",
        "ringfence",
    ]))?;
    let stage = ordinary::public_directory()?;
    let binary = install(stage.path())?;
    run_within(LIMIT, demo(&binary, stage.path()))?;
    if is_root() {
        let mut command = demo(&binary, stage.path());
        ordinary::become_ordinary(&mut command);
        println!("and as an ordinary user:");
        run_within(LIMIT, command)?;
    }
    control_experiment(demo(&binary, stage.path()))
}

/// The story must disagree with the packets when no policy is enforced, and for no other reason.
fn control_experiment(mut command: Command) -> Result<()> {
    println!("and with policies unenforced, which has to be noticed:");
    let output = command
        .args(["--without-enforcement", "--output", "json"])
        .output()
        .context("cannot start the demo")?;
    let report = String::from_utf8_lossy(&output.stdout);
    let noticed = report.starts_with("{\n  \"agreed\": false");
    if output.status.code() == Some(1) && noticed {
        println!("noticed");
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    bail!(
        "nobody noticed that policies were unenforced: {}\n{report}{error}",
        output.status
    )
}

fn install(directory: &Path) -> Result<PathBuf> {
    let target = ordinary::stage::target_directory(&workspace_root())?;
    let binary = directory.join("ringfence");
    fs::copy(target.join("release/ringfence"), &binary)
        .context("cannot copy the release binary")?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    Ok(binary)
}

fn demo(binary: &Path, directory: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["demo", "--name"])
        // Beside labs that the user has running.
        .arg(format!("ci-{}", std::process::id()))
        .current_dir(directory)
        .env_clear()
        .env("PATH", directory.join("empty"))
        .env("HOME", directory.join("home"));
    command
}
