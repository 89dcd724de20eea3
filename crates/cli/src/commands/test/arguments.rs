use std::path::PathBuf;

use clap::Args;

use crate::inputs::manifests::ManifestArguments;

/// The examples under the help of `test`.
pub(crate) const EXAMPLES: &str = "Exit code: 0 all tests pass, 1 some fail, 2 bad input.

Examples:
  ringfence test policy-tests.yaml -f manifests/
  helm template ./chart | ringfence test policy-tests.yaml -f -";

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
}
