//! `ringfence convert`: policies of Calico as those of Kubernetes.

mod json;
mod text;

use std::process::ExitCode;

use anyhow::{anyhow, ensure};
use clap::Args;
use ringfence_convert::{Conversion, Options, convert};
use ringfence_model::{Diagnostic, Input, RenderStyle, SourceMap};

use crate::inputs::FileArguments;
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
    /// Manifests to apply, or JSON for machines
    #[arg(short, long, value_enum, default_value_t = ConvertFormat::Yaml)]
    output: ConvertFormat,
}

output_formats!(ConvertFormat { Yaml, Json });

pub(crate) const EXAMPLES: &str = "\
Namespaces, tiers, network sets and NetworkPolicies of Kubernetes among the files are taken into account: give all that the \
cluster has. Policies of Cilium are refused, each with its line: they have to be written anew.

Exit code: 0 all is converted, 1 something is refused, 2 the input cannot be read.

Examples:
  ringfence convert -f calico/ > policies.yaml
  kubectl get namespaces,networkpolicies.projectcalico.org,globalnetworkpolicies.projectcalico.org -A -o yaml | ringfence convert -f -
  ringfence convert -f calico/ -o json | jq -r '.refusals[].object'";

pub(crate) fn run(arguments: &ConvertArguments) -> anyhow::Result<ExitCode> {
    let inputs = arguments.files.read()?;
    let options = Options {
        default_namespace: arguments.namespace.clone(),
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
