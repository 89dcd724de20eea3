use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::arguments::OutputFormat;
use crate::inputs::agents;
use crate::inputs::manifests::ManifestOptions;

/// The examples under the help of `rules`.
pub(crate) const EXAMPLES: &str = "Exit code: 0 shown, 1 nothing behind the name, a difference or a rule without use, 2 bad input.

Examples:
  ringfence rules netpol-demo/web-allow-frontend -f manifests/
  ringfence rules --context prod --node worker-1
  ringfence rules --context prod --live --unused
  ringfence rules --lab ringfence --node kind-worker
  ringfence rules --object 'ingress4 10.244.1.3' --lab ringfence
  nft list map inet ringfence ingress-ports4 | grep 'tcp . 80' | ringfence rules --object - --lab ringfence
  ringfence rules --unused --lab ringfence
  ringfence rules --diff old/ new/
  ringfence rules -f app.yaml --diff default-deny.yaml
  ringfence rules --lab ringfence -o json > before.json
  ringfence rules --lab ringfence --since before.json";

#[derive(Debug, Args)]
pub(crate) struct RulesArguments {
    /// A policy: NAMESPACE/NAME, NAME, or KIND/NAME for one of the cluster; hostfirewall/NAME; everything without it
    #[arg(value_name = "POLICY")]
    pub(crate) policy: Option<String>,
    /// Show the policies behind an object: a set, SET KEY, a chain, a rule, an address, or a line that nft prints; - for
    /// standard input
    #[arg(long, value_name = "OBJECT", conflicts_with_all = ["policy", "diff"], allow_hyphen_values = true)]
    pub(crate) object: Option<String>,
    /// Show what changes in the kernel from one set of manifests to another; with one, what it adds to -f
    #[arg(long, value_name = "FILE|DIR|REV:PATH", num_args = 1..=2, conflicts_with_all = ["policy", "lab", "agent"])]
    pub(crate) diff: Vec<PathBuf>,
    /// Show what has changed in the kernel since a moment: FILE is what `ringfence rules -o json` wrote then
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["policy", "object", "diff", "files"])]
    pub(crate) since: Option<PathBuf>,
    /// Show how many new connections each rule has matched
    #[arg(long, conflicts_with_all = ["object", "diff", "since", "files"])]
    pub(crate) counters: bool,
    /// List the rules that have matched nothing on any node that is asked
    #[arg(long, conflicts_with_all = ["policy", "object", "diff", "since", "files", "counters"])]
    pub(crate) unused: bool,
    /// Compute from manifests, without privileges: files, directories, REV:PATH or -
    #[arg(
        short,
        long = "filename",
        value_name = "FILE|DIR|REV:PATH|-",
        value_hint = ValueHint::AnyPath,
        conflicts_with_all = ["lab", "agent"]
    )]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) options: ManifestOptions,
    /// Read the kernels of a lab; without any source the one that RINGFENCE_LAB names
    #[arg(long, value_name = "NAME", conflicts_with = "agent")]
    pub(crate) lab: Option<String>,
    /// Read this node's kernel, by its agent's `status.sock`
    #[arg(long, value_name = "SOCKET", value_hint = ValueHint::FilePath)]
    pub(crate) agent: Option<PathBuf>,
    /// Read the kernels of the live cluster that --context or --kubeconfig names, by its agents, instead of computing from its
    /// objects
    #[arg(long, conflicts_with_all = ["files", "lab", "agent", "diff"])]
    pub(crate) live: bool,
    /// With --live, the namespace of the agents
    #[arg(long, value_name = "NAMESPACE", default_value = agents::NAMESPACE)]
    pub(crate) agent_namespace: String,
    /// One node only; of manifests the pods that are bound to it
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<String>,
    /// Text for people or JSON for machines
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
    pub(crate) output: OutputFormat,
}

impl RulesArguments {
    /// What is computed from; nothing if kernels are read.
    pub(super) fn named(&self) -> Vec<PathBuf> {
        self.options.cluster.with(&self.files)
    }

    /// Whether something is asked that kernels alone can answer.
    pub(super) const fn asks_kernels(&self) -> bool {
        self.lab.is_some()
            || self.agent.is_some()
            || self.counters
            || self.unused
            || self.since.is_some()
    }

    /// The lab whose kernels are read, if no other source is named.
    pub(super) fn lab(&self) -> Option<String> {
        let of_environment = || std::env::var("RINGFENCE_LAB").ok();
        let is_open = self.named().is_empty() && self.agent.is_none();
        self.lab
            .clone()
            .or_else(|| is_open.then(of_environment).flatten())
    }
}
