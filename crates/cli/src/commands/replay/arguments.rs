use std::path::PathBuf;

use clap::Args;

use crate::inputs::manifests::ManifestArguments;
use crate::output::output_formats;

/// The examples under the help of `replay`.
pub(crate) const EXAMPLES: &str =
    "Exit code: 0 every flow fares as recorded, 1 some would be cut or newly opened, 2 bad input.

Examples:
  ringfence flows --since 1h -o json > flows.json
  ringfence replay flows.json -f candidate/
  ringfence replay flows.json --context prod -f candidate/
  ringfence replay flows.json -f pods.yaml -f candidate/ -o json";

#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// Records, as `ringfence flows -o json` writes them
    #[arg(value_name = "FLOWS")]
    pub(super) flows: PathBuf,
    #[command(flatten)]
    pub(super) manifests: ManifestArguments,
    /// Text for people or JSON for machines
    #[arg(short, long, value_enum, default_value_t = ReplayFormat::Text)]
    pub(super) output: ReplayFormat,
}

output_formats!(ReplayFormat { Text, Json });
