use clap::{Args, ValueEnum};
use ringfence_model::Severity;

use super::selection::Selection;
use crate::inputs::manifests::ManifestArguments;
use crate::output::output_formats;

/// The examples under the help of `check`.
pub(crate) const EXAMPLES: &str =
    "Exit code: 0 nothing found, 1 findings as bad as --fail-on or worse, 2 bad input.

Examples:
  ringfence check -f manifests/
  ringfence check --context prod
  helm template ./chart | ringfence check -f - --ignore RF026
  ringfence check -f manifests/ -o json | jq '.findings[].id'
  ringfence check -f manifests/ -o sarif > ringfence.sarif
  ringfence check --explain RF003";

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) manifests: ManifestArguments,
    /// Text or a Markdown table for people; JSON, SARIF 2.1.0 or JUnit XML for machines
    #[arg(short, long, value_enum, default_value_t = CheckFormat::Text)]
    pub(crate) output: CheckFormat,
    /// How bad a finding must be to end with exit code 1
    #[arg(long, value_enum, default_value_t = FailOn::Warning, value_name = "SEVERITY")]
    pub(crate) fail_on: FailOn,
    /// Only these findings, by id, name or prefix: RF003,peer-and-or,V; errors are always shown
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    select: Vec<String>,
    /// Not these findings, by id, name or prefix; errors are always shown
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    ignore: Vec<String>,
    /// List what annotations suppress, and why
    #[arg(long)]
    pub(crate) show_suppressed: bool,
    /// Say what a finding means, by id or name, and what to do about it
    #[arg(long, value_name = "ID", conflicts_with_all = ["files", "select", "ignore", "show_suppressed", "list"])]
    pub(crate) explain: Option<String>,
    /// List every lint
    #[arg(long, conflicts_with_all = ["files", "select", "ignore", "show_suppressed"])]
    pub(crate) list: bool,
}

impl CheckArguments {
    pub(super) fn selection(&self) -> anyhow::Result<Selection> {
        Selection::parse(&self.select, &self.ignore)
    }
}

output_formats!(CheckFormat {
    Text,
    Json,
    Markdown,
    Sarif,
    Junit
});

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Error,
    Warning,
    #[value(alias = "info")]
    Note,
}

impl From<FailOn> for Severity {
    fn from(worst: FailOn) -> Self {
        match worst {
            FailOn::Error => Self::Error,
            FailOn::Warning => Self::Warning,
            FailOn::Note => Self::Note,
        }
    }
}
