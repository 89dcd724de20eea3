//! `ringfence convert`: policies of Calico and Cilium as those of Kubernetes.

mod json;
mod text;

use std::process::ExitCode;

use anyhow::{anyhow, ensure};
use clap::Args;
use ipnet::IpNet;
use ringfence_convert::{Conversion, Options, convert};
use ringfence_model::{Diagnostic, Input, RenderStyle, SourceMap};

use crate::inputs::{FileArguments, block};
use crate::output::answer::write_out;
use crate::output::output_formats;

/// What is converted, and how the answer is written.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConvertArguments {
    #[command(flatten)]
    files: FileArguments,
    /// Namespace for objects that name none
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Where pods have their addresses, for rules of Cilium that tell them from others; may be repeated
    #[arg(long, value_name = "CIDR", value_parser = block)]
    pod_cidr: Vec<IpNet>,
    /// Where nodes have their addresses, and nobody else; may be repeated
    #[arg(long, value_name = "CIDR", value_parser = block)]
    node_cidr: Vec<IpNet>,
    /// Manifests to apply, or JSON for machines
    #[arg(short, long, value_enum, default_value_t = ConvertFormat::Yaml)]
    output: ConvertFormat,
}

output_formats!(ConvertFormat { Yaml, Json });

pub(crate) const EXAMPLES: &str = "\
Namespaces, tiers, network sets, groups of blocks and NetworkPolicies of Kubernetes among the files are taken into account: \
give all that the cluster has, and policies of one network plugin at a time.

Cilium's blocks of addresses match neither pods nor nodes, and `world` is whoever is neither: such rules are refused without \
--pod-cidr and --node-cidr, of every IP version that the cluster has.

Exit code: 0 all is converted, 1 something is refused, 2 the input cannot be read.

Examples:
  ringfence convert -f calico/ > policies.yaml
  kubectl get namespaces,networkpolicies.projectcalico.org,globalnetworkpolicies.projectcalico.org -A -o yaml | ringfence convert -f -
  ringfence convert -f calico/ -o json | jq -r '.refusals[].object'
  ringfence convert -f cilium/ --pod-cidr 10.244.0.0/16 --node-cidr 192.168.10.0/24 > policies.yaml";

pub(crate) fn run(arguments: &ConvertArguments) -> anyhow::Result<ExitCode> {
    let inputs = arguments.files.read()?;
    let options = Options {
        default_namespace: arguments.namespace.clone(),
        pod_blocks: arguments.pod_cidr.clone(),
        node_blocks: arguments.node_cidr.clone(),
    };
    let conversion = convert(&inputs, &options).map_err(|errors| unreadable(&inputs, &errors))?;
    ensure!(
        conversion.read > 0,
        "there is no object of Calico or Cilium in these files; NetworkPolicies of Kubernetes need no conversion"
    );
    anstream::eprint!("{}", text::remarks(&conversion));
    match arguments.output {
        ConvertFormat::Yaml => write_out!("{}", text::yaml(&conversion)),
        ConvertFormat::Json => json::print(&conversion)?,
    }
    Ok(code(&conversion))
}

fn code(conversion: &Conversion) -> ExitCode {
    if conversion.refusals.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn unreadable(inputs: &[Input], errors: &[Diagnostic]) -> anyhow::Error {
    let mut sources = SourceMap::default();
    for input in inputs {
        sources.insert(input.name.as_str(), input.text.as_str());
    }
    let errors: Vec<String> = errors
        .iter()
        .map(|error| error.render(&sources, RenderStyle::Colored))
        .collect();
    anyhow!("these manifests cannot be used\n\n{}", errors.join("\n\n"))
}
