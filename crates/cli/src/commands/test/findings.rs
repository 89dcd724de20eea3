//! What a run found, as SARIF knows it.

use ringfence_model::{Expected, Severity};
use ringfence_reach::assertion::{Deciding, Missed, Mutant};
use serde_json::Value;

use super::print;
use super::report::{Failure, Judged, Report, Skipped};
use super::suggestion::Suggested;
use crate::output::finding::{Finding, Related, Rule};
use crate::output::sarif;

/// What a test may be found to be, and why that matters.
const RULES: [(&str, Severity, &str); 5] = [
    (
        ALLOW,
        Severity::Error,
        "A test says that a connection must be allowed, and it is not.",
    ),
    (
        DENY,
        Severity::Error,
        "A test says that a connection must be denied, and it is not.",
    ),
    (
        SKIPPED,
        Severity::Note,
        "A test could not be tried in the way that was asked for.",
    ),
    (
        UNCOVERED,
        Severity::Note,
        "No connection of a test is decided by this part of a policy.",
    ),
    (
        UNNOTICED,
        Severity::Warning,
        "No test would notice this mistake in a policy.",
    ),
];

const ALLOW: &str = "must-be-allowed";
const DENY: &str = "must-be-denied";
const SKIPPED: &str = "not-judged";
const UNCOVERED: &str = "not-exercised";
const UNNOTICED: &str = "unnoticed-mistake";

/// The log of a run. What is written nowhere is told at the beginning of the first file of tests.
pub(super) fn sarif(report: &Report) -> Value {
    let rules: Vec<Rule> = RULES.iter().map(rule).collect();
    let mut findings = Vec::new();
    for case in &report.cases {
        findings.extend(case.failures.iter().map(|failure| failed(case, failure)));
        findings.extend(case.skipped.iter().map(|skipped| left_out(case, skipped)));
    }
    let coverage = report.coverage.iter();
    findings.extend(coverage.flat_map(|coverage| coverage.uncovered().map(uncovered)));
    let trials = report.trial.iter();
    findings.extend(trials.flat_map(|trial| {
        let missed = trial.mutations.missed();
        missed.map(|(mutant, missed)| unnoticed(mutant, missed))
    }));
    let first = report.cases.first().map(|case| case.file.as_str());
    sarif::log(&rules, &findings, first.unwrap_or("<stdin>"))
}

fn rule((id, level, summary): &(&str, Severity, &str)) -> Rule {
    Rule {
        id: (*id).to_owned(),
        name: None,
        summary: (*summary).to_owned(),
        page: None,
        level: *level,
    }
}

/// At the assertion, with the rules that decided the connection.
fn failed(case: &Judged, failure: &Failure) -> Finding {
    let id = match failure.expected {
        Expected::Allow => ALLOW,
        Expected::Deny => DENY,
    };
    let deciding = failure.answer.iter().flat_map(Deciding::of);
    let related = deciding.filter_map(|part| {
        Some(Related {
            message: part.to_string(),
            place: part.source()?.clone(),
        })
    });
    Finding {
        place: failure.place.clone(),
        help: print::hint(failure).map(str::to_owned),
        related: related.collect(),
        ..finding(
            id,
            Severity::Error,
            format!("{}: {}", case.name, print::claim(failure)),
        )
    }
}

fn left_out(case: &Judged, skipped: &Skipped) -> Finding {
    Finding {
        place: skipped.place.clone(),
        ..finding(
            SKIPPED,
            Severity::Note,
            format!("{}: {}", case.name, print::skipped(skipped)),
        )
    }
}

fn uncovered(part: &Deciding) -> Finding {
    let message = format!("{part}: no connection of a test is decided by it");
    Finding {
        place: part.source().cloned(),
        ..finding(UNCOVERED, Severity::Note, message)
    }
}

fn unnoticed(mutant: &Mutant, missed: &Missed) -> Finding {
    let message = format!(
        "no test would notice {mutant}: {}",
        print::difference(missed)
    );
    let help = format!("this one would:\n{}", Suggested::from(&missed.suggestion));
    Finding {
        place: mutant.source.clone(),
        help: Some(help),
        ..finding(UNNOTICED, Severity::Warning, message)
    }
}

fn finding(rule: &str, level: Severity, message: String) -> Finding {
    Finding {
        rule: rule.to_owned(),
        level,
        message,
        place: None,
        help: None,
        related: Vec::new(),
        suppressed: None,
    }
}
