//! Findings: what in the manifests probably means something else than its author thinks.
//!
//! A lint is a function from the cluster to problems, one file each; [`LINTS`] has what is said about it. A lint reports what
//! it can show: a pod, an address or a connection stands in the message wherever one proves the point.
//! What the manifests leave open, such as pods of a namespace that is not among them, is no finding.

mod block;
mod cluster_site;
mod context;
mod cover;
mod finding;
mod names;
mod outside;
mod peer;
mod port;
mod problem;
mod proof;
mod quotient;
mod ranges;
mod redundancy;
mod requirement;
mod rules;
mod sample;
mod service;
mod stranger;
mod suppression;
mod table;
mod words;

use ringfence_model::{
    Diagnostic, Documents, Location, Object, OneByOne, Severity, Workers, map_with,
};
use ringfence_policy::Engine;

use context::Context;

pub use finding::{Finding, Report, Suppressed};
pub use suppression::IGNORE_ANNOTATION;
pub use table::{LINTS, Lint, lint};

/// What there is to look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The cluster that the manifests describe.
    pub engine: &'a Engine,
    /// The objects it was put together from.
    pub objects: &'a [Object],
    /// The manifests as they were written; empty for objects that come from elsewhere.
    pub documents: &'a Documents,
    /// What loading and assembling them has said.
    pub diagnostics: &'a [Diagnostic],
    /// The namespace of objects that name none (rule OB-2).
    pub default_namespace: &'a str,
}

/// Everything that is wrong with the subject, as far as no annotation of an object takes it back.
#[must_use]
pub fn check(subject: &Subject<'_>) -> Report {
    check_with(subject, &OneByOne)
}

/// As [`check`], by `workers`.
#[must_use]
pub fn check_with(subject: &Subject<'_>, workers: &dyn Workers) -> Report {
    let context = Context::new(subject, workers);
    let lints = map_with(workers, LINTS, |lint| {
        let problems = (lint.run)(&context).into_iter();
        let findings = problems.map(|problem| problem.into_finding(lint, subject.documents));
        findings.collect::<Vec<Finding>>()
    });
    let lints: Vec<Finding> = lints.into_iter().flatten().collect();
    let said = subject.diagnostics.iter();
    let said = said.filter(|diagnostic| !is_proven(diagnostic, &lints, subject.documents));
    let said = said.map(|diagnostic| rated(diagnostic, &context));
    let said: Vec<Finding> = said.map(Finding::from).collect();
    let findings = said.into_iter().chain(lints).collect();
    let mut report = suppression::apply(findings, subject);
    report.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    let suppressed = &mut report.suppressed;
    suppressed.sort_by(|a, b| a.finding.order().cmp(&b.finding.order()));
    report
}

/// Whether `diagnostic` suspects of the same object what a lint has shown: RF030 is AM-13 with a proof.
fn is_proven(diagnostic: &Diagnostic, lints: &[Finding], documents: &Documents) -> bool {
    if diagnostic.rule != Some("AM-13") {
        return false;
    }
    let object = |location: &Option<Location>| documents.object_at(location.as_ref()?);
    let suspected = object(&diagnostic.location);
    let mut proofs = lints.iter().filter(|finding| finding.id() == Some("RF030"));
    suspected.is_some() && proofs.any(|proof| object(&proof.diagnostic.location) == suspected)
}

/// A namespace that is not given (rule OB-4) matters to selectors that read labels of namespaces.
fn rated(diagnostic: &Diagnostic, context: &Context<'_>) -> Diagnostic {
    let mut diagnostic = diagnostic.clone();
    if diagnostic.rule == Some("OB-4") && !context.reads_namespace_labels() {
        diagnostic.severity = Severity::Note;
    }
    diagnostic
}
