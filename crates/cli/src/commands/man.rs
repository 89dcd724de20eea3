//! `ringfence man`: pages for `man`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::output::answer::{write_line, write_out};

/// Prints the page of the program, or writes it and one for each command into `directory`.
pub(crate) fn run(directory: Option<&Path>) -> anyhow::Result<ExitCode> {
    match directory {
        None => write_out!("{}", page(Arguments::command())?),
        Some(directory) => write(directory)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn write(directory: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot write man pages to {}", directory.display());
    std::fs::create_dir_all(directory).with_context(failed)?;
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    write_all(&program, directory).with_context(failed)?;
    write_line!("man pages are in {}", directory.display());
    Ok(())
}

/// The page of `command` and those of the commands below it.
fn write_all(command: &clap::Command, directory: &Path) -> anyhow::Result<()> {
    for below in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        write_all(below, directory)?;
    }
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let file = directory.join(format!("{name}.1"));
    std::fs::write(file, page(command.clone())?)?;
    Ok(())
}

/// The page of one command. Its footer names the program, whichever command it is about.
fn page(command: clap::Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    let source = concat!("ringfence ", env!("CARGO_PKG_VERSION"));
    Man::new(command).source(source).render(&mut page)?;
    Ok(with_sections(&String::from_utf8(page)?))
}

/// What the end of the help stands under, whatever it says.
const EXTRA: &str = ".SH EXTRA";

/// The end of the help in the sections that manual pages have for it.
fn with_sections(page: &str) -> String {
    let (before, extra) = page.split_once(EXTRA).unwrap_or((page, ""));
    let mut out = before.to_owned();
    let mut is_begun = false;
    for line in extra.lines().skip(1) {
        let (heading, rest) = match line.strip_prefix("Exit code: ") {
            Some(codes) => (Some("\"EXIT STATUS\""), codes),
            None if line.starts_with(".SH") => (None, line),
            None if matches!(line, "Example:" | "Examples:") => (Some("EXAMPLES"), ""),
            None if !is_begun => (Some("NOTES"), line),
            None => (None, line),
        };
        is_begun = true;
        let heading = heading.map(|heading| format!(".SH {heading}\n"));
        out.push_str(&heading.unwrap_or_default());
        if !rest.is_empty() || line.is_empty() {
            out.push_str(&format!("{rest}\n"));
        }
    }
    out
}
