//! `ringfence replay`: recorded flows against candidate policies.

mod arguments;
mod json;
mod judge;
mod text;

use std::process::ExitCode;

use anyhow::{Context as _, ensure};

use arguments::ReplayFormat;
pub(crate) use arguments::{EXAMPLES, ReplayArguments};
use judge::Replay;

pub(crate) fn run(arguments: &ReplayArguments) -> anyhow::Result<ExitCode> {
    let name = arguments.flows.display().to_string();
    let text = std::fs::read_to_string(&arguments.flows)
        .with_context(|| format!("cannot read `{name}`"))?;
    let records = super::flows::read(&name, &text)?;
    ensure!(
        !records.is_empty(),
        "`{name}` has no record: nothing can be replayed"
    );
    let loaded = arguments.manifests.load()?;
    loaded.tell_caveat();
    let replay = Replay::of(&records, loaded.cluster);
    match arguments.output {
        ReplayFormat::Text => text::print(&replay),
        ReplayFormat::Json => json::print(&replay)?,
    }
    Ok(if replay.changes_nothing() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
