use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueHint};
use ringfence_kube::Access;

use crate::inputs::FileArguments;

pub(crate) const EXAMPLES: &str =
    "Exit code: 0 done, 1 there is no trial that could be confirmed or ended, or one that must not be replaced, 2 bad input.

Examples:
  ringfence host-firewall apply -f hosts.yaml --confirm-within 60s
  ringfence host-firewall confirm workers
  ringfence host-firewall abort workers
  ringfence host-firewall status";

#[derive(Debug, Subcommand)]
pub(crate) enum HostFirewallCommand {
    /// Try rules for nodes out: without confirmation they are taken back, even if no agent lives
    #[command(after_help = EXAMPLES)]
    Apply(ApplyArguments),
    /// Keep rules that are tried out
    #[command(after_help = EXAMPLES)]
    Confirm(NamedArguments),
    /// End a trial before its time
    #[command(after_help = EXAMPLES)]
    Abort(NamedArguments),
    /// Show which rules are in force, and which are tried out
    #[command(after_help = EXAMPLES)]
    Status(AccessArguments),
}

#[derive(Debug, Args)]
pub(crate) struct AccessArguments {
    /// The cluster, by this kubeconfig instead of KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    kubeconfig: Option<PathBuf>,
    /// The cluster, by this context of the kubeconfig instead of the current one
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
}

impl AccessArguments {
    pub(super) fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    pub(super) files: FileArguments,
    /// How long they are in force without confirmation: `45s`, `10m`, an hour at most
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub(super) confirm_within: Within,
    /// Also where other rules of the same firewall are tried out, which end then
    #[arg(long)]
    pub(super) replace: bool,
    #[command(flatten)]
    pub(super) access: AccessArguments,
}

#[derive(Debug, Args)]
pub(crate) struct NamedArguments {
    /// The HostFirewall
    pub(super) name: String,
    #[command(flatten)]
    pub(super) access: AccessArguments,
}

/// Milliseconds, from a second to an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Within(pub(super) i64);

impl FromStr for Within {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
            (Some(number), _) => (number, 1_000),
            (None, Some(number)) => (number, 60_000),
            (None, None) => (text, 0),
        };
        let number: Option<i64> = number.parse().ok();
        let milliseconds = number.and_then(|number| number.checked_mul(unit));
        milliseconds
            .filter(|it| (1_000..=ringfence_model::LONGEST_TRIAL).contains(it))
            .map(Self)
            .ok_or_else(|| "write seconds or minutes, `45s` or `10m`: from 1s to 60m".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_lasts_from_a_second_to_an_hour() {
        assert_eq!("60s".parse(), Ok(Within(60_000)));
        assert_eq!("60m".parse(), Ok(Within(3_600_000)));
        for text in ["0s", "61m", "60", "-5s", "s", "1h", "99999999999999999m"] {
            assert!(text.parse::<Within>().is_err(), "{text}");
        }
    }
}
