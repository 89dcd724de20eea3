use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::commands::zones::Profile;
use crate::inputs::manifests::ManifestArguments;
use crate::output::output_formats;

/// The examples under the help of `test`.
pub(crate) const EXAMPLES: &str =
    "Exit code: 0 all tests pass, 1 some fail or a number is too low, 2 bad input.

Examples:
  ringfence test policy-tests.yaml -f manifests/
  ringfence test policy-tests.yaml --context prod
  helm template ./chart | ringfence test policy-tests.yaml -f -
  ringfence test policy-tests.yaml -f manifests/ --coverage-min 80
  ringfence test policy-tests.yaml -f manifests/ --against ruleset
  ringfence test policy-tests.yaml -f manifests/ --against lab --profile managed
  ringfence test policy-tests.yaml --context prod --against cluster
  ringfence test policy-tests.yaml -f manifests/ --mutate
  ringfence test policy-tests.yaml -f manifests/ -o junit > report.xml";

/// Kubernetes' own image for tests of networks.
pub(super) const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.53";

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
    /// Who runs the control plane of the lab that judges [default: unmanaged]
    #[arg(long, value_enum)]
    pub(crate) profile: Option<Profile>,
    /// The image of the pods that --against cluster makes; it holds `/agnhost`, as those of Kubernetes' tests do
    #[arg(long, value_name = "IMAGE", default_value = AGNHOST)]
    pub(crate) probe_image: String,
    /// With --against cluster, connect to addresses outside of the cluster, too
    #[arg(long)]
    pub(crate) probe_outside: bool,
    /// Say which parts of the policies decided a connection, and which did not
    #[arg(long)]
    pub(crate) coverage: bool,
    /// Fail if less than this part of the policies decided a connection
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) coverage_min: Option<usize>,
    /// Make each mistake in the policies once, and say which no test would notice
    #[arg(long)]
    pub(crate) mutate: bool,
    /// Fail if tests would notice less than this part of the mistakes that matter
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) mutate_min: Option<usize>,
    /// Text for people; JSON, JUnit XML, TAP 14 or SARIF 2.1.0 for machines
    #[arg(short, long, value_enum, default_value_t = TestFormat::Text)]
    pub(crate) output: TestFormat,
}

output_formats!(TestFormat {
    Text,
    Json,
    Junit,
    Tap,
    Sarif
});

/// Who judges connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Against {
    /// The policies, as the specification reads them
    Manifests,
    /// The nftables rulesets that they are compiled into, in memory
    Ruleset,
    /// Real connections in a lab that is made for the manifests and gone afterwards
    Lab,
    /// Real connections in a live cluster, from and to pods that are made for them and gone afterwards
    Cluster,
}

impl TestArguments {
    pub(super) fn wants_coverage(&self) -> bool {
        self.coverage || self.coverage_min.is_some()
    }

    pub(super) fn wants_mutation(&self) -> bool {
        self.mutate || self.mutate_min.is_some()
    }
}

impl Against {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Manifests => "manifests",
            Self::Ruleset => "ruleset",
            Self::Lab => "lab",
            Self::Cluster => "cluster",
        }
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
