//! `ringfence lock`: what may be opened, as a file to keep beside the manifests.

pub(crate) mod arguments;
mod write;

use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;
use ringfence_policy::Engine;
use ringfence_reach::lock::Lock;
use ringfence_reach::workload::{Groups, Outside, by_workload};

use super::diff::sides::{Comparison, Side, read_lock};
use super::diff::{print, warn_of};
use crate::output::answer::write_out;
use arguments::LockArguments;

pub(crate) fn run(arguments: &LockArguments) -> anyhow::Result<ExitCode> {
    match &arguments.check {
        Some(file) => check(file, arguments),
        None => write(arguments),
    }
}

fn write(arguments: &LockArguments) -> anyhow::Result<ExitCode> {
    let loaded = arguments.manifests.load()?;
    if let Some(caveat) = loaded.caveat() {
        anstream::eprintln!("{}: {caveat}", crate::paint::bad("warning"));
    }
    let text = locked(&Engine::new(loaded.cluster)).to_string();
    match &arguments.output_file {
        Some(file) => write::atomically(file, &text)?,
        None => write_out!("{text}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn locked(engine: &Engine) -> Lock {
    let outside = Outside::of(engine.cluster());
    let groups = Groups::of(engine, &outside, by_workload);
    Lock::of(engine, &groups)
}

/// Compares what the lockfile says with what the manifests do.
fn check(file: &Path, arguments: &LockArguments) -> anyhow::Result<ExitCode> {
    let input = Path::new("-");
    ensure!(
        file != input || arguments.manifests.files.iter().all(|file| file != input),
        "standard input can be read once, so `-` can be the manifests or the lockfile"
    );
    let lock = read_lock(file)?;
    let loaded = arguments.manifests.load()?;
    let (before, after) = (Side::Lock(lock), Side::from(loaded));
    warn_of(&after);
    let difference = Comparison::of(&before, &after).difference;
    print(&difference, None, arguments.output.into())?;
    Ok(ExitCode::from(u8::from(!difference.is_empty())))
}
