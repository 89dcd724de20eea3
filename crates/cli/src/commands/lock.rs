//! `ringfence lock`: what may be opened, as a file to keep beside the manifests.

pub(crate) mod arguments;
mod write;

use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;

use super::diff::sides::{Comparison, Manifests, Side, audits_ahead, read_lock};
use super::diff::{Extent, print, warn_of};
use crate::inputs::manifests::LoadedManifests;
use crate::output::answer::write_out;
use arguments::{LockArguments, LockFormat};

pub(crate) fn run(arguments: &LockArguments) -> anyhow::Result<ExitCode> {
    match &arguments.check {
        Some(file) => check(file, arguments),
        None => write(arguments),
    }
}

fn write(arguments: &LockArguments) -> anyhow::Result<ExitCode> {
    ensure!(
        arguments.output == LockFormat::Text,
        "a lockfile has one form, and -o is that of what --check says; `ringfence matrix -o json` tells machines what may be opened"
    );
    let loaded = load(arguments)?;
    loaded.tell_caveat();
    let manifests = Manifests::from(loaded);
    let lock = manifests.lock(&manifests.outside());
    let text = lock.to_string();
    match &arguments.output_file {
        Some(file) => write::atomically(file, &text)?,
        None => write_out!("{text}"),
    }
    manifests.missing.tell_if(lock.is_unknown());
    Ok(ExitCode::SUCCESS)
}

/// The manifests, and what their author may want to know on standard error.
fn load(arguments: &LockArguments) -> anyhow::Result<LoadedManifests> {
    let manifests = &arguments.manifests;
    let mut loaded = manifests.options.load_silently(&manifests.named())?;
    loaded.diagnostics.extend(audits_ahead(&loaded.cluster));
    loaded.print_diagnostics();
    Ok(loaded)
}

/// Compares what the lockfile says with what the manifests do.
fn check(file: &Path, arguments: &LockArguments) -> anyhow::Result<ExitCode> {
    let input = Path::new("-");
    ensure!(
        file != input || arguments.manifests.files.iter().all(|file| file != input),
        "standard input can be read once, so `-` can be the manifests or the lockfile"
    );
    let lock = read_lock(file)?;
    let loaded = load(arguments)?;
    let (before, after) = (
        Side::Lock(lock, file.display().to_string().into()),
        Side::from(loaded),
    );
    warn_of(&after);
    let comparison = Comparison::of(&before, &after);
    let difference = &comparison.difference;
    print(difference, None, arguments.output.into(), Extent::All)?;
    comparison.tell_missing();
    Ok(ExitCode::from(u8::from(!difference.is_empty())))
}
