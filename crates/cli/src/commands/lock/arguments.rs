use std::path::PathBuf;

use clap::Args;

use crate::commands::diff::arguments::DiffFormat;
use crate::inputs::manifests::ManifestArguments;
use crate::output::output_formats;

/// The examples under the help of `lock`.
pub(crate) const EXAMPLES: &str =
    "Exit code: 0 written or nothing differs, 1 manifests and lockfile differ, 2 bad input.

Examples:
  ringfence lock -f manifests/ --output-file ringfence.lock
  ringfence lock -f manifests/ --check ringfence.lock
  ringfence lock --context prod --check ringfence.lock
  helm template ./chart | ringfence lock -f - > ringfence.lock";

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    #[command(flatten)]
    pub(crate) manifests: ManifestArguments,
    /// Write to this file, whole or not at all, instead of standard output
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub(crate) output_file: Option<PathBuf>,
    /// Write nothing: say how the manifests differ from this lockfile
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,
    /// Form of what --check says, as that of `ringfence diff`
    #[arg(short, long, value_enum, default_value_t = LockFormat::Text)]
    pub(crate) output: LockFormat,
}

output_formats!(LockFormat {
    Text,
    Json,
    Markdown,
    Html,
    Csv
});

impl From<LockFormat> for DiffFormat {
    fn from(format: LockFormat) -> Self {
        match format {
            LockFormat::Text => Self::Text,
            LockFormat::Json => Self::Json,
            LockFormat::Markdown => Self::Markdown,
            LockFormat::Html => Self::Html,
            LockFormat::Csv => Self::Csv,
        }
    }
}
