//! `ringfence suggest`: the least policies for what manifests show is needed.

mod arguments;
mod files;
mod json;
mod markdown;
mod text;

use std::process::ExitCode;

use anyhow::ensure;
use ringfence_model::{Severity, Wiring};
use ringfence_policy::Engine;
use ringfence_reach::suggest::{Subject, Suggestion, suggest};

use crate::inputs::manifests::LoadedManifests;
use crate::output::answer::say;
use crate::paint;
use arguments::SuggestFormat;
pub(crate) use arguments::{EXAMPLES, SuggestArguments};

pub(crate) fn run(arguments: &SuggestArguments) -> anyhow::Result<ExitCode> {
    let loaded = load(arguments)?;
    let engine = Engine::new(loaded.cluster);
    let subject = Subject {
        engine: &engine,
        objects: &loaded.objects,
        sources: &loaded.sources,
    };
    let options = arguments.options();
    for namespace in &options.only {
        let mut pods = engine.cluster().pods.keys();
        ensure!(
            pods.any(|pod| pod.namespace == *namespace),
            "namespace `{namespace}` has no pods in these manifests, so there is nothing to suggest for it"
        );
    }
    let suggestion = suggest(&subject, &options);
    if let Some(directory) = &arguments.output_dir {
        let written = files::write(directory, &suggestion, arguments.force)?;
        anstream::eprint!("{written}");
    }
    print(arguments, &suggestion)?;
    Ok(if suggestion.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Loads the manifests. That policy does not depend on an Ingress or webhook is no news here: they are read for this.
fn load(arguments: &SuggestArguments) -> anyhow::Result<LoadedManifests> {
    let manifests = &arguments.manifests;
    let mut loaded = manifests.options.load_silently(&manifests.named())?;
    loaded.diagnostics.retain(|diagnostic| {
        let read = |kind: &&str| diagnostic.message.starts_with(&format!("`{kind}` of "));
        diagnostic.severity != Severity::Note || !Wiring::KINDS.iter().any(read)
    });
    loaded.print_diagnostics();
    if let Some(caveat) = loaded.caveat() {
        anstream::eprintln!("{}: {caveat}", paint::bad("warning"));
    }
    Ok(loaded)
}

fn print(arguments: &SuggestArguments, suggestion: &Suggestion) -> anyhow::Result<()> {
    match arguments.output {
        SuggestFormat::Yaml => {
            if arguments.output_dir.is_none() {
                say!("{}", text::yaml(suggestion));
            }
            anstream::eprint!("{}", text::remarks(suggestion));
        }
        SuggestFormat::Text => say!("{}", text::render(suggestion)),
        SuggestFormat::Json => json::print(suggestion)?,
        SuggestFormat::Markdown => say!("{}", markdown::render(suggestion)),
    }
    Ok(())
}
