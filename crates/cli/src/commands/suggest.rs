//! `ringfence suggest`: the least policies for what manifests show is needed.

mod arguments;
mod files;
mod json;
mod markdown;
mod text;

use std::process::ExitCode;

use anyhow::ensure;
use ringfence_model::Wiring;
use ringfence_policy::Engine;
use ringfence_reach::suggest::{IngressFrom, Subject, Suggestion, suggest};

use crate::inputs::manifests::LoadedManifests;
use crate::output::answer::say;
use arguments::SuggestFormat;
pub(crate) use arguments::{EXAMPLES, SuggestArguments};

pub(crate) fn run(arguments: &SuggestArguments) -> anyhow::Result<ExitCode> {
    let loaded = load(arguments)?;
    let missing = loaded.missing();
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
    for from in &options.ingress_from {
        ensure!(
            is_there(from, &engine),
            "--ingress-from: no workload `{}` of namespace `{}` has pods in these manifests; add its manifest, or name the namespace alone",
            from.workload.as_deref().unwrap_or_default(),
            from.namespace
        );
    }
    let suggestion = suggest(&subject, &options);
    if let Some(directory) = &arguments.output_dir {
        let written = files::write(directory, &suggestion, arguments.force)?;
        anstream::eprint!("{written}");
    }
    print(arguments, &suggestion)?;
    missing.tell_if(suggestion.is_unknown());
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
    loaded.forget_notes_of(&Wiring::KINDS);
    loaded.print_diagnostics();
    loaded.tell_caveat();
    // They need the same when somebody scales them up.
    if let Some(awake) = manifests.options.awake(&loaded) {
        (loaded.objects, loaded.cluster) = (awake.objects, awake.cluster);
    }
    Ok(loaded)
}

/// Whether the manifests hold pods of the workload that `from` names, if it names one.
fn is_there(from: &IngressFrom, engine: &Engine) -> bool {
    let Some(wanted) = &from.workload else {
        return true;
    };
    let mut pods = engine.cluster().pods.values();
    pods.any(|pod| {
        let workload = pod.workload.as_ref();
        let name = workload.map_or(&pod.name.name, |workload| &workload.name);
        pod.name.namespace == from.namespace && name == wanted
    })
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
