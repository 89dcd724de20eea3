//! `ringfence audit`: which principles of network security do these workloads live by?

mod admission;
mod arguments;
mod findings;
mod html;
mod json;
mod markdown;
mod pages;
mod score;
mod text;
mod words;

use std::process::ExitCode;

use anyhow::ensure;
use ringfence_model::{Documents, Outcome, RenderStyle, Severity as Level};
use ringfence_policy::Engine;
use ringfence_reach::audit::{self, Audit, Finding, Severity, Subject};
use ringfence_reach::lint;
use ringfence_reach::workload::Unit;

use crate::inputs::manifests::{Awake, LoadedManifests};
use crate::output;
use crate::output::answer::{say, write_out};
use crate::threads::{Threads, both};

pub(crate) use arguments::{AuditArguments, EXAMPLES};
use arguments::{AuditFormat, FailOn};

pub(crate) fn run(arguments: &AuditArguments) -> anyhow::Result<ExitCode> {
    if let Some(id) = &arguments.explain {
        return pages::explain(id, arguments.output);
    }
    if arguments.list {
        return pages::list(arguments.output);
    }
    if arguments.admission {
        ensure!(
            arguments.output == AuditFormat::Text,
            "--admission writes manifests, which are YAML: leave -o out"
        );
        return admission::run(arguments);
    }
    let manifests = arguments.manifests()?;
    let mut loaded = manifests.options.load_silently(&manifests.named())?;
    loaded.forget_notes_of(&admission::KINDS);
    loaded.print_diagnostics();
    loaded.tell_caveat();
    let missing = loaded.missing();
    let awake = manifests.options.awake(&loaded);
    let engine = Engine::new(std::mem::take(&mut loaded.cluster));
    let report = Report::of(&loaded, &engine, awake, arguments);
    for note in report.audit.notes() {
        let said = note.render(&loaded.sources, RenderStyle::Colored);
        anstream::eprintln!("{said}\n");
    }
    match arguments.output {
        AuditFormat::Text => say!("{}", text::render(&report, arguments)),
        AuditFormat::Json => output::json::print(&json::document(&report))?,
        AuditFormat::Markdown => write_out!("{}", markdown::render(&report, arguments)),
        AuditFormat::Html => write_out!("{}", html::render(&report)),
        AuditFormat::Sarif => {
            output::json::print(&findings::sarif(&report.audit, &loaded.first_file()))?
        }
    }
    missing.tell_if(report.is_unknown());
    Ok(exit_code(&report.audit, arguments))
}

/// What was measured, and what `ringfence check` says of the policies.
struct Report {
    audit: Audit,
    /// Workloads without pods, that are measured as if they had one.
    asleep: Vec<Unit>,
    health: Health,
}

/// How many findings `ringfence check` has; they are no part of the score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
struct Health {
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Report {
    fn of(
        loaded: &LoadedManifests,
        engine: &Engine,
        awake: Option<Awake>,
        arguments: &AuditArguments,
    ) -> Self {
        let documents = Documents::new(&loaded.sources);
        let (cluster, objects) = match &awake {
            Some(awake) => (&awake.cluster, &awake.objects),
            None => (engine.cluster(), &loaded.objects),
        };
        let subject = Subject {
            cluster,
            objects,
            documents: &documents,
            guards: &admission::guards(&loaded.sources),
        };
        let namespace = &arguments.options.namespace;
        // Neither needs the other, and on large clusters each takes its time.
        let (health, audit) = both(
            || Health::of(loaded, engine, &documents, namespace),
            || audit::audit(&subject, &arguments.measures()),
        );
        Self {
            audit,
            asleep: awake.map(|awake| awake.asleep).unwrap_or_default(),
            health,
        }
    }

    /// Whether a finding depends on an address that is not known (rule AM-22).
    fn is_unknown(&self) -> bool {
        let mut gaps = self.audit.findings().flat_map(|finding| &finding.gaps);
        gaps.any(|gap| {
            let shown = gap.shown.as_ref();
            shown.is_some_and(|shown| matches!(shown.answer.outcome, Outcome::Unknown { .. }))
        })
    }
}

impl Health {
    fn of(
        loaded: &LoadedManifests,
        engine: &Engine,
        documents: &Documents,
        default_namespace: &str,
    ) -> Self {
        let subject = lint::Subject {
            engine,
            objects: &loaded.objects,
            documents,
            diagnostics: &loaded.diagnostics,
            default_namespace,
        };
        let report = lint::check_with(&subject, &Threads);
        let mut health = Self::default();
        for finding in &report.findings {
            match finding.diagnostic.severity {
                Level::Error => health.errors += 1,
                Level::Warning => health.warnings += 1,
                Level::Note => health.notes += 1,
            }
        }
        health
    }
}

/// A score is asked for by `--min-score`, which nothing reaches where there is nothing to measure; otherwise the worst finding that nobody accepts decides.
fn exit_code(audit: &Audit, arguments: &AuditArguments) -> ExitCode {
    let points = audit.score().map(|score| score.points());
    let too_low = arguments
        .min_score
        .is_some_and(|least| points.is_none_or(|points| points < u64::from(least)));
    let fail_on = match (arguments.fail_on, arguments.min_score) {
        (Some(fail_on), _) => fail_on,
        (None, Some(_)) => FailOn::Never,
        (None, None) => FailOn::High,
    };
    if too_low || audit.findings().any(|finding| fails(finding, fail_on)) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn fails(finding: &Finding, fail_on: FailOn) -> bool {
    let worst = match fail_on {
        FailOn::High => Severity::High,
        FailOn::Medium => Severity::Medium,
        FailOn::Never => return false,
    };
    finding.accepted.is_none() && finding.severity >= worst
}
