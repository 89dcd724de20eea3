//! `ringfence guard`: policies against what pods never need, and the proof on manifests that they do what they say.

mod arguments;
mod json;
mod text;

use std::process::ExitCode;

use anyhow::ensure;
use ringfence_model::{Input, LoadOptions, Object, RenderStyle, load};
use ringfence_policy::Engine;
use ringfence_reach::guard::{Guard, MOST_GRANTS, NAME, Proof, prove};

use crate::output::answer::say;

pub(crate) use arguments::{EXAMPLES, GuardCommand};
use arguments::{GuardFormat, MetadataArguments};

pub(crate) fn run(command: &GuardCommand) -> anyhow::Result<ExitCode> {
    match command {
        GuardCommand::Metadata(arguments) => metadata(arguments),
    }
}

fn metadata(arguments: &MetadataArguments) -> anyhow::Result<ExitCode> {
    if arguments.list {
        say!("{}", text::addresses());
        return Ok(ExitCode::SUCCESS);
    }
    let guard = arguments.guard();
    ensure!(
        guard.grants.len() <= MOST_GRANTS,
        "a guard has at most {MOST_GRANTS} grants; give pods that need the same a common label"
    );
    let proof = proof(arguments, &guard)?;
    match arguments.output {
        GuardFormat::Yaml => {
            say!("{}", text::policies(&guard));
            anstream::eprint!("{}", text::proof(&guard, proof.as_ref()));
        }
        GuardFormat::Text => say!("{}", text::proof(&guard, proof.as_ref())),
        GuardFormat::Json => say!("{}", json::json(&guard, proof.as_ref())?),
    }
    let holds = proof.is_none_or(|proof| proof.open.is_empty() && proof.unused.is_empty());
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the engine says about the manifests with the guard, in the place of one that they have.
fn proof(arguments: &MetadataArguments, guard: &Guard) -> anyhow::Result<Option<Proof>> {
    let files = arguments.options.cluster.with(&arguments.files);
    if files.is_empty() {
        return Ok(None);
    }
    let loaded = arguments.options.load(&files)?;
    loaded.tell_caveat();
    let mut objects = loaded.objects;
    objects.retain(|object| !is_of_guard(object));
    objects.extend(policies(guard)?);
    let engine = Engine::new(arguments.options.assemble(&objects));
    Ok(Some(prove(&engine, guard)))
}

fn is_of_guard(object: &Object) -> bool {
    matches!(object, Object::ClusterPolicy(policy) if policy.name.name.starts_with(NAME))
}

/// The guard's policies, read as anybody reads them.
fn policies(guard: &Guard) -> anyhow::Result<Vec<Object>> {
    let input = Input {
        name: "guard".to_owned(),
        text: guard.yaml(),
    };
    let loaded = load(&[input], &LoadOptions::default());
    let errors = loaded.diagnostics.iter().filter(|found| found.is_error());
    let errors: Vec<String> = errors
        .map(|error| error.render(&loaded.sources, RenderStyle::Colored))
        .collect();
    ensure!(
        errors.is_empty(),
        "the guard cannot be written as policies\n\n{}",
        errors.join("\n\n")
    );
    Ok(loaded.objects)
}
