use clap::Args;

use crate::inputs::port::PortArgument;
use crate::output::output_formats;

/// What stands under the help of `trace`.
pub(crate) const EXAMPLES: &str = "What the nodes let pass is recorded in a lab that was started with `lab up --record-allowed`; in others
only what they dropped is.

Exit code: 0 the connection came about, 1 it did not, 2 bad input.

Examples:
  ringfence trace default/client svc/netpol-demo/web-app 80
  ringfence trace default/client netpol-demo/db-0 5432 -o json
  ringfence trace default/client dns udp/53";

#[derive(Debug, Args)]
pub(crate) struct TraceArguments {
    /// Who opens the connection: a pod or a node
    pub(super) source: String,
    /// To whom
    pub(super) destination: String,
    /// Destination port: 80, udp/53, or its name at the destination
    pub(super) port: PortArgument,
    /// Name of the lab
    #[arg(long, value_name = "NAME", default_value = ringfence_lab::DEFAULT_NAME, env = "RINGFENCE_LAB")]
    pub(super) lab: String,
    /// How long to wait for an answer
    #[arg(long, default_value_t = 1000, value_name = "MILLISECONDS", value_parser = crate::arguments::patience())]
    pub(super) timeout: u64,
    /// Text for people or JSON for machines
    #[arg(short, long, value_enum, default_value_t = TraceFormat::Text)]
    pub(super) output: TraceFormat,
}

output_formats!(TraceFormat { Text, Json });
