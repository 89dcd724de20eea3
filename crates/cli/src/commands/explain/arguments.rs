use clap::Args;

use crate::inputs::manifests::ManifestArguments;

/// The examples under the help of `explain`.
pub(crate) const EXAMPLES: &str = "Exit code: 0 allowed, 1 anything else, 2 bad input.

Examples:
  ringfence explain default/client svc/netpol-demo/web-app tcp/80 -f manifests/
  ringfence explain default/client 10.0.0.7 udp/53 -f manifests/";

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// Who opens the connection: NAMESPACE/POD, node/NAME or an address
    pub(crate) source: String,
    /// To whom: the same, or svc/NAMESPACE/NAME
    pub(crate) destination: String,
    /// Destination port, such as tcp/80 or udp/53
    pub(crate) port: String,
    #[command(flatten)]
    pub(crate) manifests: ManifestArguments,
}
