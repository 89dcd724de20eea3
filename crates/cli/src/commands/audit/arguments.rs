use std::path::PathBuf;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use ringfence_reach::audit::Options;

use crate::inputs::manifests::{ManifestArguments, ManifestOptions};
use crate::inputs::selector::Selector;
use crate::output::output_formats;

/// The examples under the help of `audit`.
pub(crate) const EXAMPLES: &str = "Exit code: 0 clean, 1 findings as bad as --fail-on, or a score below --min-score, 2 bad input. \
With --min-score alone only the score decides.

Examples:
  ringfence audit -f manifests/
  ringfence audit --context prod
  kubectl get all,netpol,ns,nodes -A -o yaml | ringfence audit -f - --min-score 80
  ringfence audit -f manifests/ --sensitive app=ledger --explain-score
  ringfence audit -f manifests/ -o sarif > audit.sarif
  ringfence audit --explain RA03
  ringfence audit --admission | kubectl apply -f -";

#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    /// Manifests: files, directories, either of them in a git revision as REV:PATH, or - for standard input
    #[arg(short, long = "filename", value_name = "FILE|DIR|REV:PATH|-")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) options: ManifestOptions,
    /// Text, Markdown or a page for people; JSON and SARIF 2.1.0 for machines
    #[arg(short, long, value_enum, default_value_t = AuditFormat::Text)]
    pub(super) output: AuditFormat,
    /// End with exit code 1 if the score is below this number
    #[arg(long, value_name = "0..100", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(super) min_score: Option<u8>,
    /// How bad a finding must be to end with exit code 1: high, unless --min-score is given
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(super) fail_on: Option<FailOn>,
    /// Say how the score comes about
    #[arg(long)]
    pub(super) explain_score: bool,
    /// Show every finding, not the worst of each principle alone
    #[arg(long)]
    pub(super) all: bool,
    /// Pods that hold something sensitive, besides known databases, queues and caches; may be repeated
    #[arg(long, value_name = "SELECTOR")]
    sensitive: Vec<Selector>,
    /// How many workloads may reach a sensitive store
    #[arg(long, value_name = "NUMBER", default_value_t = Options::default().most_clients)]
    max_clients: usize,
    /// Print a ValidatingAdmissionPolicy that refuses pods on the host network, for `kubectl apply`
    #[arg(long, conflicts_with_all = ["min_score", "fail_on", "explain_score", "all"])]
    pub(super) admission: bool,
    /// Namespaces that the admission policy leaves alone, besides kube-system; may be repeated
    #[arg(long, value_name = "NAMESPACE", requires = "admission")]
    pub(super) exempt: Vec<String>,
    /// Say what a principle measures, by id or name, and why it matters
    #[arg(long, value_name = "ID", conflicts_with_all = ["files", "admission", "min_score", "fail_on", "explain_score", "all", "list"])]
    pub(super) explain: Option<String>,
    /// List every principle
    #[arg(long, conflicts_with_all = ["files", "admission", "min_score", "fail_on", "explain_score", "all"])]
    pub(super) list: bool,
}

output_formats!(AuditFormat {
    Text,
    Json,
    Markdown,
    Html,
    Sarif
});

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    High,
    Medium,
    Never,
}

impl AuditArguments {
    pub(super) fn manifests(&self) -> anyhow::Result<ManifestArguments> {
        ensure!(
            self.has_files(),
            "there are no manifests to measure: name them with -f, for example `-f manifests/`"
        );
        Ok(ManifestArguments {
            files: self.files.clone(),
            options: self.options.clone(),
        })
    }

    pub(super) fn has_files(&self) -> bool {
        !self.files.is_empty() || self.options.cluster.is_given()
    }

    pub(super) fn measures(&self) -> Options {
        Options {
            sensitive: self.sensitive.iter().map(Selector::labels).collect(),
            most_clients: self.max_clients,
            pod_blocks: self.options.pod_cidr.clone(),
        }
    }
}
