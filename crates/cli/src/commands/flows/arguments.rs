use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use ringfence_agent::flows::FlowVerdict;
use ringfence_model::Timestamp;

use crate::clock::now;
use crate::inputs::agents::AgentsArguments;
use crate::inputs::policy_name::PolicyArgument;
use crate::output::output_formats;

/// The examples under the help of `flows`.
pub(crate) const EXAMPLES: &str = "Examples:
  ringfence flows --verdict deny
  ringfence flows -f --to demo/deployment/web
  ringfence flows --from demo/client --since 5m -o json > flows.json
  ringfence flows --context prod --verdict deny
  ringfence replay flows.json -f candidate/";

#[derive(Debug, Args)]
pub(crate) struct FlowsArguments {
    /// Go on, and print new records as they come; JSON as one line for each
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Name of the lab
    #[arg(long, value_name = "NAME", default_value = ringfence_lab::DEFAULT_NAME, env = "RINGFENCE_LAB")]
    pub(crate) lab: String,
    #[command(flatten)]
    pub(crate) agents: AgentsArguments,
    /// Ask the agent of this machine, by its `status.sock`, instead of those of a lab
    #[arg(long, value_name = "FILE", conflicts_with_all = ["node", "kubeconfig", "context"])]
    pub(crate) socket: Option<PathBuf>,
    /// Only what this node saw
    #[arg(long)]
    pub(crate) node: Option<String>,
    /// Only what comes from here: a pod, workload, node or address, or `internet`
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) from: Option<String>,
    /// Only what goes there
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) to: Option<String>,
    /// Only this verdict
    #[arg(long, value_enum)]
    pub(crate) verdict: Option<Verdict>,
    /// Only what this policy is behind: NAMESPACE/NAME, or KIND/NAME of a policy of the cluster as in anp/NAME
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<PolicyArgument>,
    /// Only what is younger than this (30s, 5m, 2h), or than a moment (RFC 3339)
    #[arg(long, value_name = "AGE|TIME", value_parser = since)]
    pub(crate) since: Option<Timestamp>,
    /// Text for people or JSON for machines
    #[arg(short, long, value_enum, default_value_t = FlowsFormat::Text)]
    pub(crate) output: FlowsFormat,
}

output_formats!(FlowsFormat { Text, Json });

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verdict {
    /// Policies let it pass; recorded only where the nodes are told to
    Allow,
    /// Policies denied it
    Deny,
    /// It was dropped for another reason
    Drop,
    /// It passed, and policies in audit mode would have denied it
    Audit,
}

impl Verdict {
    pub(super) const fn of_record(self) -> FlowVerdict {
        match self {
            Self::Allow => FlowVerdict::Allow,
            Self::Deny => FlowVerdict::Deny,
            Self::Drop => FlowVerdict::Drop,
            Self::Audit => FlowVerdict::Audit,
        }
    }
}

/// A moment, or the time since it.
fn since(text: &str) -> anyhow::Result<Timestamp> {
    match age(text) {
        Some(milliseconds) => Ok(now().before(milliseconds)),
        None => text
            .parse()
            .with_context(|| format!("`{text}` is no age like 30s, 5m or 2h")),
    }
}

fn age(text: &str) -> Option<i64> {
    let units = [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
    ];
    units.into_iter().find_map(|(unit, milliseconds)| {
        let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
        i64::from(number).checked_mul(milliseconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read() {
        assert_eq!(age("90s"), Some(90_000));
        assert_eq!(age("2h"), Some(7_200_000));
        assert_eq!(age("250ms"), Some(250));
        for text in ["", "5", "s", "-5s", "5 s", "1.5h", "99999999999s"] {
            assert_eq!(age(text), None, "{text}");
        }
        assert!(since("2026-11-25T19:35:00Z").is_ok());
        assert!(since("yesterday").is_err());
    }
}
