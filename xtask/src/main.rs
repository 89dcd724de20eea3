//! The chores of this repository, in Rust so that they need nothing but the toolchain.
//!
//! `cargo xtask ci` runs every check that a change has to pass, in the order in which a reader wants
//! to hear of a failure; `cargo xtask ci fmt layers` runs just these. Start with [`ci`]; the rules
//! that are checked as text or as a graph stand in [`layers`] and [`sources`].

#![expect(
    clippy::print_stdout,
    reason = "telling the reader what happened is what it is for"
)]

mod bench;
mod ci;
mod layers;
mod show;
mod sources;

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask ci [STEP...]   run the checks, or only the steps named, in the order given
cargo xtask ci --list      name the steps
cargo xtask bench [NAME [ARGUMENT...]]   measure everything, or one of the programs in benches/
cargo xtask show           put what the demonstration prints into README and its picture";

fn main() -> ExitCode {
    let Err(error) = run() else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["ci", "--list"] => ci::list(),
        ["ci", steps @ ..] => return ci::run(steps),
        ["bench", arguments @ ..] => return bench::run(arguments),
        ["show"] => return show::run(&workspace_root()),
        [ci::ordinary::INSIDE, stage] => return ci::ordinary::inside(Path::new(stage)),
        ["--help" | "-h" | "help"] => println!("{USAGE}"),
        _ => bail!("no such task\n{USAGE}"),
    }
    Ok(())
}

/// The root of the workspace: the directory above this crate's.
fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
