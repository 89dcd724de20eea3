use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use ringfence_model::LabelSelector;
use ringfence_reach::guard::{Grant, Guard};

use crate::inputs::manifests::ManifestOptions;
use crate::inputs::names::check_label;
use crate::inputs::selector::Selector;
use crate::output::output_formats;

/// The examples under the help of `guard metadata`.
pub(crate) const EXAMPLES: &str =
    "Exit code: 0 the guard holds, 1 a pod reaches an address without a grant, or a grant has no pod, 2 bad input.

Examples:
  ringfence guard metadata > guard.yaml
  ringfence guard metadata -f manifests/ --allow 'kube-system/[app=node-autoscaler]'
  ringfence guard metadata -f manifests/ --allow kube-system --priority 100 -o text
  ringfence guard metadata --list";

#[derive(Debug, Subcommand)]
pub(crate) enum GuardCommand {
    /// Keep pods from the addresses at which clouds hand out the credentials of a machine
    #[command(after_help = EXAMPLES)]
    Metadata(MetadataArguments),
}

#[derive(Debug, Args)]
pub(crate) struct MetadataArguments {
    /// Manifests to prove it on: files, directories, either of them in a git revision as REV:PATH, or - for standard input
    #[arg(short, long = "filename", value_name = "FILE|DIR|REV:PATH|-")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) options: ManifestOptions,
    /// Pods that the guard leaves to NetworkPolicy; may be repeated
    #[arg(long, value_name = "NAMESPACE[/[SELECTOR]]")]
    allow: Vec<GrantArgument>,
    /// Priority of the first policy in the Admin tier. Each grant takes one, and the policy that denies the next
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=800))]
    priority: u16,
    /// Show the addresses, who uses them, and where that is written
    #[arg(long)]
    pub(super) list: bool,
    /// Form of the answer: the policies, or what was proved
    #[arg(short, long, value_enum, default_value_t = GuardFormat::Yaml)]
    pub(super) output: GuardFormat,
}

output_formats!(GuardFormat { Yaml, Text, Json });

impl MetadataArguments {
    pub(super) fn guard(&self) -> Guard {
        Guard {
            grants: self.allow.iter().map(|one| one.0.clone()).collect(),
            priority: self.priority,
        }
    }
}

/// `shop`, `shop/[app=web]`
#[derive(Clone, Debug)]
struct GrantArgument(Grant);

impl FromStr for GrantArgument {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (namespace, selector) = match text.split_once('/') {
            Some((namespace, selector)) => (namespace, Some(in_brackets(selector)?)),
            None => (text, None),
        };
        check_label("namespace", namespace)?;
        let pods = selector.map(str::parse::<Selector>).transpose()?;
        Ok(Self(Grant {
            namespace: namespace.to_owned(),
            pods: pods.map_or_else(LabelSelector::default, |selector| selector.labels()),
        }))
    }
}

fn in_brackets(text: &str) -> anyhow::Result<&str> {
    text.strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .with_context(|| {
            format!("pods are granted by their labels: write `NAMESPACE/[key=value]` instead of `{text}`")
        })
}
