use clap::{Args, ValueEnum};

use crate::commands::zones::ZonesFileArguments;
use crate::inputs::manifests::ManifestArguments;

/// The examples under the help of `matrix`.
pub(crate) const EXAMPLES: &str = "Examples:
  ringfence matrix -f manifests/
  ringfence matrix --context prod
  ringfence matrix -f manifests/ --by namespace --no-external
  ringfence matrix -f manifests/ --by zone --zones zones.yaml
  ringfence matrix -f manifests/ --from 'shop/*' --to internet
  ringfence matrix -f manifests/ -o html > matrix.html";

#[derive(Debug, Args)]
pub(crate) struct MatrixArguments {
    #[command(flatten)]
    pub(crate) manifests: ManifestArguments,
    /// What rows and columns stand for [default: workload; namespace if that is too much to read]
    #[arg(long, value_enum)]
    pub(crate) by: Option<By>,
    #[command(flatten)]
    pub(crate) zones: ZonesFileArguments,
    /// Rows to show: 'shop/*', shop/web, nodes, internet, 10.0.0.0/8, a zone or any endpoint; may be repeated
    #[arg(long, value_name = "UNIT")]
    pub(crate) from: Vec<String>,
    /// Columns to show, likewise
    #[arg(long, value_name = "UNIT")]
    pub(crate) to: Vec<String>,
    /// Leave out addresses outside of the cluster
    #[arg(long)]
    pub(crate) no_external: bool,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    pub(crate) output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// The pods of a workload together
    Workload,
    /// The pods of a namespace together
    Namespace,
    /// Every pod and node by itself
    Pod,
    /// Trust zones: those of --zones or --profile
    Zone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A grid if it fits the terminal, else a list
    Text,
    /// For machines
    Json,
    /// For spreadsheets
    Csv,
    /// Markdown
    Md,
    /// A graph for Graphviz
    Dot,
    /// A graph for Mermaid
    Mermaid,
    /// A picture
    Svg,
    /// A page in which every cell explains itself
    Html,
}

impl Form {
    /// Whether programs read it, to whom nothing is too much.
    pub(crate) const fn is_data(self) -> bool {
        match self {
            Self::Json | Self::Csv | Self::Dot | Self::Mermaid => true,
            Self::Text | Self::Md | Self::Svg | Self::Html => false,
        }
    }

    /// Whether every cell is drawn.
    pub(crate) const fn is_drawn(self) -> bool {
        match self {
            Self::Svg | Self::Html => true,
            Self::Json | Self::Csv | Self::Dot | Self::Mermaid | Self::Text | Self::Md => false,
        }
    }
}
