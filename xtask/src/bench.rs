//! `cargo xtask bench`: what `benches/` measures, in the profile that users run.

use anyhow::Result;

use crate::ci::command::{cargo, run_visibly};

/// Runs the program named with the rest as its arguments, or every program.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let mut command = cargo(["bench", "--locked", "--package", "ringfence-benches"]);
    if let Some((name, rest)) = arguments.split_first() {
        command.args(["--bench", name, "--"]).args(rest);
    }
    run_visibly(command)
}
