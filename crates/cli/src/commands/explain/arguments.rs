use clap::{Args, ValueEnum};

use crate::inputs::endpoint::ENDPOINT_FORMS;
use crate::inputs::manifests::ManifestArguments;
use crate::inputs::port::PORT_FORMS;

/// What stands under the help of `explain`.
pub(crate) fn after_help() -> String {
    format!(
        "{ENDPOINT_FORMS}\n\n{PORT_FORMS}

Exit code: 0 allowed; 1 denied, allowed in part, no endpoints or unknown; 2 bad input.

Examples:
  ringfence explain default/client svc/netpol-demo/web-app tcp/80 -f manifests/
  ringfence explain demo/deploy/web internet 443 -f manifests/
  ringfence explain 'demo/[app=new]' dns udp/53 -f manifests/
  ringfence explain default/client demo/web-0 -f manifests/          every port
  ringfence explain default/client demo/web-0 tcp/80 --fix -f manifests/
  ringfence explain default/client svc/shop/web tcp/80 --context prod
  kubectl get ns,pods,svc,netpol -A -o yaml | ringfence explain a/b c/d 80 -f -"
    )
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// Who opens the connection
    pub(crate) source: String,
    /// To whom
    pub(crate) destination: String,
    /// Destination port; every port if none is named
    pub(crate) port: Option<String>,
    #[command(flatten)]
    pub(crate) manifests: ManifestArguments,
    /// Text for people, JSON for machines, Markdown for comments
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// Show every policy, rule and pod, however many there are
    #[arg(long)]
    pub(crate) all: bool,
    /// Show the smallest edits of policies that would turn the answer around, and what else they would change
    #[arg(long)]
    pub(crate) fix: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Md,
}
