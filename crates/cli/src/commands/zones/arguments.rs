use std::path::PathBuf;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use ringfence_lab::control::protocol::ControlPlane;

use crate::inputs::manifests::{ManifestArguments, ManifestOptions};

/// The examples under the help of `zones`.
pub(crate) const EXAMPLES: &str =
    "Exit code: 0 as intended (with --path: no way), 1 not as intended (a way), 2 bad input.

Examples:
  ringfence zones -f manifests/
  ringfence zones --context prod --zones zones.yaml
  ringfence zones -f manifests/ --zones zones.yaml -o md
  ringfence zones -f manifests/ --zones zones.yaml -o junit > zones.xml
  ringfence zones -f manifests/ --zones zones.yaml --path frontend data
  ringfence zones --print managed > zones.yaml";

#[derive(Debug, Args)]
pub(crate) struct ZonesArguments {
    /// Manifests: files, directories, REV:PATH of a git repository, or - for standard input
    #[arg(short, long = "filename", value_name = "FILE|DIR|REV:PATH|-")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) options: ManifestOptions,
    #[command(flatten)]
    pub(super) file: ZonesFileArguments,
    /// Print a built-in file of zones, to start from
    #[arg(long, value_name = "PROFILE", value_enum)]
    pub(super) print: Option<Profile>,
    /// Show the shortest way between two zones or workloads, step by step, and the fewest rules whose removal leaves none
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
    pub(super) path: Vec<String>,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    pub(super) output: Form,
}

/// Where zones are written.
#[derive(Debug, Args)]
pub(crate) struct ZonesFileArguments {
    /// Zones and the intended table: a file with `kind: TrustZones`
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    pub(super) zones: Option<PathBuf>,
    /// Built-in zones: of a cluster with its own control plane, or of one that somebody else runs [default: unmanaged]
    #[arg(long, value_enum)]
    pub(super) profile: Option<Profile>,
}

impl ZonesFileArguments {
    /// Whether any zones are named.
    pub(crate) const fn is_given(&self) -> bool {
        self.zones.is_some() || self.profile.is_some()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// For machines
    Json,
    /// For comments on changes
    #[value(name = "md", alias = "markdown")]
    Markdown,
    /// For spreadsheets: a line for each cell, with what is not as intended
    Csv,
    /// A graph of what is possible, for Graphviz
    Dot,
    /// A graph of what is possible, for Mermaid
    Mermaid,
    /// A picture of what is possible
    Svg,
    /// The differences for code scanning and editors
    Sarif,
    /// A test for each pair of zones, for CI
    Junit,
}

impl Form {
    /// Whether a way from zone to zone can be told in it.
    pub(super) const fn tells_ways(self) -> bool {
        match self {
            Self::Text | Self::Json | Self::Markdown => true,
            Self::Csv | Self::Dot | Self::Mermaid | Self::Svg | Self::Sarif | Self::Junit => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// The control plane's nodes are nodes of the cluster
    Unmanaged,
    /// The control plane is outside of one's hands
    Managed,
}

impl From<Profile> for ControlPlane {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Unmanaged => Self::Nodes,
            Profile::Managed => Self::Provider,
        }
    }
}

impl Profile {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Unmanaged => include_str!("profiles/unmanaged.yaml"),
            Self::Managed => include_str!("profiles/managed.yaml"),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unmanaged => "<profile unmanaged>",
            Self::Managed => "<profile managed>",
        }
    }
}

impl ZonesArguments {
    pub(super) fn manifests(&self) -> anyhow::Result<ManifestArguments> {
        ensure!(
            !self.files.is_empty() || self.options.cluster.is_given(),
            "there are no manifests to judge: name them with -f, for example `-f manifests/`"
        );
        Ok(ManifestArguments {
            files: self.files.clone(),
            options: self.options.clone(),
        })
    }
}
