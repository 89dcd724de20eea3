//! `ringfence man`: pages for `man`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::output::answer::write_line;

/// Prints the page of the program, or writes it and one for each command into `directory`.
pub(crate) fn run(directory: Option<&Path>) -> anyhow::Result<ExitCode> {
    match directory {
        None => Man::new(Arguments::command()).render(&mut std::io::stdout())?,
        Some(directory) => write(directory)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn write(directory: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot write man pages to {}", directory.display());
    std::fs::create_dir_all(directory).with_context(failed)?;
    clap_mangen::generate_to(Arguments::command(), directory).with_context(failed)?;
    write_line!("man pages are in {}", directory.display());
    Ok(())
}
