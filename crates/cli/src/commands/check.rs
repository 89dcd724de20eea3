//! `ringfence check`: what is wrong with these manifests, and what do they probably not mean?

mod arguments;
mod findings;
mod json;
mod junit;
mod markdown;
mod pages;
mod selection;
mod text;

use std::process::ExitCode;

use ringfence_model::{Documents, Severity};
use ringfence_policy::Engine;
use ringfence_reach::lint::{self, Report, Subject};

use crate::BAD_INPUT;
use crate::inputs::manifests::{LoadedManifests, ManifestOptions};
use crate::output;
use crate::output::answer::write_out;
use crate::threads::Threads;

use arguments::CheckFormat;
pub(crate) use arguments::{CheckArguments, EXAMPLES};

pub(crate) fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    if let Some(id) = &arguments.explain {
        return pages::explain(id, arguments.output);
    }
    if arguments.list {
        return pages::list(arguments.output);
    }
    let selection = arguments.selection()?;
    let mut loaded = load(arguments)?;
    let engine = Engine::new(std::mem::take(&mut loaded.cluster));
    let mut report = check(&loaded, &engine, &arguments.manifests.options.namespace);
    selection.apply(&mut report);
    match arguments.output {
        CheckFormat::Text => text::print(&report, &loaded, arguments.show_suppressed),
        CheckFormat::Json => json::print(&report)?,
        CheckFormat::Markdown => markdown::print(&report),
        CheckFormat::Sarif => output::json::print(&findings::sarif(&report, &loaded.first_file()))?,
        CheckFormat::Junit => {
            let fail_on = arguments.fail_on.into();
            write_out!("{}", junit::document(&report, &selection, fail_on));
        }
    }
    Ok(exit_code(&report, arguments.fail_on.into()))
}

/// What is refused is a finding here, and no reason to stop.
fn load(arguments: &CheckArguments) -> anyhow::Result<LoadedManifests> {
    let options = ManifestOptions {
        skip_invalid: true,
        ..arguments.manifests.options.clone()
    };
    options.load_silently(&arguments.manifests.named())
}

fn check(loaded: &LoadedManifests, engine: &Engine, default_namespace: &str) -> Report {
    let subject = Subject {
        engine,
        objects: &loaded.objects,
        documents: &Documents::new(&loaded.sources),
        diagnostics: &loaded.diagnostics,
        default_namespace,
    };
    lint::check_with(&subject, &Threads)
}

/// Texts that are no YAML could not be checked; everything else was, and is judged by its worst finding.
fn exit_code(report: &Report, fail_on: Severity) -> ExitCode {
    let diagnostics = || report.findings.iter().map(|finding| &finding.diagnostic);
    if diagnostics().any(|found| found.is_error() && found.rule.is_none()) {
        ExitCode::from(BAD_INPUT)
    } else if diagnostics().any(|found| found.severity >= fail_on) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
