//! Every test that reads, writes or asks the kernel again, as a user without privilege; but for a few long ones.
//!
//! Root and an ordinary user take different ways through the lab (a user namespace lies between), so
//! both are tested. The test programs are built once; an ordinary user cannot always read where they
//! lie (a checkout under `/root`), and paths are baked into them. So the tree and the programs are
//! copied to a public directory, and [`inside`] a private mount namespace that copy is put where the
//! original is. Documentation tests are run by `cargo test` alone, they touch no kernel.

mod artifacts;
pub(super) mod stage;

use super::command::{run, run_visibly};
use super::{is_root, none_of};
use crate::workspace_root;
use anyhow::{Context as _, Result};
use artifacts::TestProgram;
use nix::sys::stat::{Mode, umask};
use stage::Stage;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The task under which this program starts itself again.
pub(crate) const INSIDE: &str = "test-inside-private-mounts";

/// `nobody`: it exists everywhere and owns nothing.
const NOBODY: u32 = 65_534;

const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// By program, parts of the names of tests that take minutes and of which `test` has shown everything: what packets meet, and what
/// a server on loopback says, does not depend on whose process it is. That it works for an ordinary user their neighbours show.
const SHOWN_BY_TEST: [(&str, &[&str]); 2] = [
    ("conformance: kernel", &["differential::", "validity::"]),
    (
        "apiserver: kubectl",
        &["kubectl_works_as_against_a_cluster"],
    ),
];

/// Runs every test program as an ordinary user, if this is not one already.
pub(super) fn test() -> Result<()> {
    if !is_root() {
        println!(
            "not root: `test` was the run of an ordinary user, and nothing was tested as root"
        );
        return Ok(());
    }
    let build = artifacts::build()?;
    // What is made from here on is for others to enter, whatever the checkout's owner prefers.
    umask(Mode::from_bits_truncate(0o022));
    let directory = public_directory()?;
    Stage::fill(directory.path(), &workspace_root(), &build)?;
    let mut again = Command::new(std::env::current_exe().context("cannot find this program")?);
    again.arg(INSIDE).arg(directory.path());
    run_visibly(again)
}

/// The second half of [`test()`], in a process of its own because it leaves the machine's mounts.
pub(crate) fn inside(directory: &Path) -> Result<()> {
    umask(Mode::from_bits_truncate(0o022));
    let stage = Stage::open(directory)?;
    stage.mount()?;
    let mut failures = Vec::new();
    for program in &stage.programs()? {
        println!("     Running {} as an ordinary user", program.name);
        if let Err(error) = run(test_command(program, directory)) {
            failures.push(format!("{}: {error:#}", program.name));
        }
    }
    none_of(&failures, "tests fail for an ordinary user")
}

fn test_command(program: &TestProgram, directory: &Path) -> Command {
    let mut command = Command::new(&program.executable);
    command
        .args(skips(&program.name))
        .current_dir(&program.package)
        .env_clear()
        .env("PATH", SYSTEM_PATH)
        .env("HOME", directory.join("home"))
        .env("CARGO_MANIFEST_DIR", &program.package)
        .env("INSTA_WORKSPACE_ROOT", workspace_root());
    for name in ["CI", "RUST_BACKTRACE", "PROPTEST_CASES"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    become_ordinary(&mut command);
    command
}

/// The arguments that leave out what `test` has shown.
fn skips(program: &str) -> impl Iterator<Item = &'static str> {
    let shown = SHOWN_BY_TEST
        .iter()
        .filter(move |(name, _)| *name == program);
    let shown = shown.flat_map(|(_, tests)| tests.iter());
    shown.flat_map(|test| ["--skip", test])
}

/// Makes `command` run without root's user, group, supplementary groups and thus capabilities.
pub(super) fn become_ordinary(command: &mut Command) {
    command.uid(NOBODY).gid(NOBODY);
}

/// A directory that everybody can enter, with an ordinary user's `home` and an `empty` one.
///
/// Always in `/tmp`: what TMPDIR names may be closed to an ordinary user.
pub(super) fn public_directory() -> Result<TempDir> {
    let directory = tempfile::Builder::new()
        .prefix("ringfence-ci-")
        .tempdir_in("/tmp")
        .context("cannot create a directory in /tmp")?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
    fs::create_dir(directory.path().join("empty"))?;
    let home = directory.path().join("home");
    fs::create_dir(&home)?;
    if is_root() {
        give_away(&home)?;
    }
    Ok(directory)
}

fn give_away(path: &Path) -> Result<()> {
    chown(path, Some(NOBODY), Some(NOBODY))
        .with_context(|| format!("cannot give {} to an ordinary user", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_shown_is_left_out() {
        let skips = |program| skips(program).collect::<Vec<_>>();
        assert_eq!(
            skips("conformance: kernel"),
            ["--skip", "differential::", "--skip", "validity::"]
        );
        assert!(skips("agent: kernel").is_empty());
    }

    #[test]
    fn the_public_directory_can_be_entered_by_everybody() {
        let directory = public_directory().unwrap();
        let mode = fs::metadata(directory.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(
            fs::read_dir(directory.path().join("empty"))
                .unwrap()
                .count(),
            0
        );
    }
}
