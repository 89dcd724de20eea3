use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::{Args, ValueEnum};

use super::gate::Allowances;
use super::sides::{Side, warn_of_unread};
use super::{Extent, warn_of};
use crate::inputs::cluster::is_cluster;
use crate::inputs::manifests::ManifestOptions;
use crate::output::output_formats;

/// The examples under the help of `diff`.
pub(crate) const EXAMPLES: &str = "Exit code: 0 no difference, 1 a difference, 2 bad input.
With --gate: 0 nothing is newly allowed but what --allow permits, 1 something else is.

Examples:
  ringfence diff old/ new/
  ringfence diff -f cluster/ --b new-policy.yaml
  ringfence diff origin/main:deploy/ deploy/
  ringfence diff ringfence.lock manifests/
  ringfence diff cluster: manifests/
  ringfence diff --context prod --b new-policy.yaml
  ringfence diff cluster:staging cluster:prod
  ringfence diff old/ new/ --gate no-new-access --allow allowed.yaml -o md
  ringfence diff old/ new/ -o html > changes.html
  ringfence diff old/ new/ --gate no-new-access -o sarif > access.sarif";

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// Before: a file or directory of manifests, either in a git revision as REV:PATH, a lockfile, a live cluster as cluster:
    /// or cluster:CONTEXT, or - for standard input
    #[arg(value_name = "BEFORE")]
    pub(crate) before: Option<PathBuf>,
    /// After: likewise
    #[arg(value_name = "AFTER")]
    pub(crate) after: Option<PathBuf>,
    /// More manifests of the side before; may be repeated
    #[arg(long = "a", value_name = "FILE|DIR")]
    pub(crate) more_before: Vec<PathBuf>,
    /// More manifests of the side after; may be repeated
    #[arg(long = "b", value_name = "FILE|DIR")]
    pub(crate) more_after: Vec<PathBuf>,
    /// Manifests of both sides; may be repeated
    #[arg(short, long = "filename", value_name = "FILE|DIR|REV:PATH|-")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) options: ManifestOptions,
    /// Judge the change instead of reporting it
    #[arg(long, value_enum)]
    pub(crate) gate: Option<Gate>,
    /// What --gate permits: a file of `kind: AllowedAccess`
    #[arg(long, value_name = "FILE", requires = "gate")]
    pub(crate) allow: Option<PathBuf>,
    /// Text for people, Markdown for comments on changes, HTML for a page by itself, JSON and CSV for machines; of a gate SARIF 2.1.0 and JUnit XML too
    #[arg(short, long, value_enum, default_value_t = DiffFormat::Text)]
    pub(crate) output: DiffFormat,
    /// Show every change and name every workload, however many there are
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Gate {
    /// Nothing may be newly allowed
    NoNewAccess,
}

output_formats!(DiffFormat {
    Text,
    Json,
    Markdown,
    Html,
    Csv,
    Sarif,
    Junit
});

impl DiffArguments {
    /// What the gate permits; `None` without a gate.
    pub(super) fn allowances(&self) -> anyhow::Result<Option<Allowances>> {
        match (self.gate, &self.allow) {
            (None, _) => Ok(None),
            (Some(Gate::NoNewAccess), None) => Ok(Some(Allowances::default())),
            (Some(Gate::NoNewAccess), Some(file)) => {
                Ok(Some(Allowances::read(file, &self.options.namespace)?))
            }
        }
    }

    /// How much of the difference is shown.
    pub(super) const fn extent(&self) -> Extent {
        if self.all { Extent::All } else { Extent::Few }
    }

    /// What is compared with what.
    pub(super) fn sides(&self) -> anyhow::Result<(Side, Side)> {
        let mut before = self.files_of(self.before.as_ref(), &self.more_before);
        let mut after = self.files_of(self.after.as_ref(), &self.more_after);
        if !before.iter().chain(&after).any(|input| is_cluster(input)) {
            before = self.options.cluster.with(&before);
            after = self.options.cluster.with(&after);
        }
        ensure!(
            !before.is_empty() && !after.is_empty(),
            "two sides are compared: name both, as in `ringfence diff old/ new/`, or what they share with -f and the change with --b"
        );
        let inputs = || before.iter().chain(&after);
        ensure!(
            inputs()
                .filter(|path| path.as_path() == Path::new("-"))
                .count()
                <= 1,
            "standard input can be read once, so `-` can be on one side alone"
        );
        let sides = Side::load_both(&before, &after, &self.options)?;
        if self.gate.is_some() && !self.options.recursive {
            warn_of_unread(&[before, after].concat());
        }
        warn_of(&sides.0);
        warn_of(&sides.1);
        Ok(sides)
    }

    fn files_of(&self, named: Option<&PathBuf>, more: &[PathBuf]) -> Vec<PathBuf> {
        let own = named.into_iter().chain(more);
        own.chain(&self.files).cloned().collect()
    }
}
