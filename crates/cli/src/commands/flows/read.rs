//! Records that were kept in a file.

use anyhow::Context as _;
use ringfence_agent::flows::FlowRecord;
use serde::Deserialize;

/// What `flows -o json` writes.
#[derive(Deserialize)]
struct Document {
    records: Vec<FlowRecord>,
}

/// Reads what `ringfence flows -o json` wrote, or the lines of `ringfence flows -f -o json`.
pub(crate) fn read(name: &str, text: &str) -> anyhow::Result<Vec<FlowRecord>> {
    if let Ok(document) = serde_json::from_str::<Document>(text) {
        return Ok(document.records);
    }
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).with_context(|| {
                format!(
                    "{name}:{}: no record of a flow, as `ringfence flows -o json` writes them",
                    index + 1
                )
            })
        })
        .collect()
}
