use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::inputs::manifests::ManifestArguments;

/// The examples under the help of `test`.
pub(crate) const EXAMPLES: &str =
    "Exit code: 0 all tests pass, 1 some fail or coverage is too low, 2 bad input.

Examples:
  ringfence test policy-tests.yaml -f manifests/
  helm template ./chart | ringfence test policy-tests.yaml -f -
  ringfence test policy-tests.yaml -f manifests/ --coverage-min 80
  ringfence test policy-tests.yaml -f manifests/ --against ruleset";

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// Files of tests, with `kind: PolicyTest`
    #[arg(value_name = "FILE", required = true)]
    pub(crate) tests: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) manifests: ManifestArguments,
    /// Only the tests whose name contains this
    #[arg(long, value_name = "NAME")]
    pub(crate) filter: Option<String>,
    /// End with the first test that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Who judges the connections
    #[arg(long, value_enum, default_value_t = Against::Manifests)]
    pub(crate) against: Against,
    /// Say which parts of the policies decided a connection, and which did not
    #[arg(long)]
    pub(crate) coverage: bool,
    /// Fail if less than this part of the policies decided a connection
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) coverage_min: Option<usize>,
}

/// Who judges connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Against {
    /// The policies, as the specification reads them
    Manifests,
    /// The nftables rulesets that they are compiled into, in memory
    Ruleset,
    /// The packets of a running lab
    Lab,
    /// The packets of a cluster
    Cluster,
}

impl TestArguments {
    pub(super) fn wants_coverage(&self) -> bool {
        self.coverage || self.coverage_min.is_some()
    }
}

/// `80`, or `80%`.
fn percent(text: &str) -> Result<usize, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse();
    number
        .ok()
        .filter(|number| *number <= 100)
        .ok_or_else(|| "it is a number from 0 to 100".to_owned())
}
