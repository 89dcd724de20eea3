//! Lints as tests: each passes where it finds nothing that is bad enough.

use std::collections::BTreeMap;

use ringfence_model::Severity;
use ringfence_reach::lint::{Finding, LINTS, Report};

use super::selection::Selection;
use crate::output::case::{Case, Failure, Suite};
use crate::output::finding::MANIFEST_RULE;
use crate::output::junit;

/// A suite of what validation says, and one of the lints that were looked for. Each fails by findings of at least
/// `fail_on`.
pub(super) fn document(report: &Report, selection: &Selection, fail_on: Severity) -> String {
    let bad = report
        .findings
        .iter()
        .filter(|finding| finding.diagnostic.severity >= fail_on);
    let mut found: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in bad {
        let id = finding.id().unwrap_or(MANIFEST_RULE);
        found.entry(id).or_default().push(finding);
    }
    let lints = LINTS.iter().filter(|lint| selection.takes(lint.id));
    let lints = lints.map(|lint| {
        let name = format!("{} {}", lint.id, lint.name);
        case(name, "lint", found.remove(lint.id).unwrap_or_default())
    });
    let lints = suite("lints", lints.collect());
    let rules = found
        .into_iter()
        .map(|(id, findings)| case(id.to_owned(), "validation", findings));
    junit::document(&[suite("validation", validation(rules.collect())), lints])
}

/// Programs that collect tests take a suite without any for one that did not run.
fn validation(rules: Vec<Case>) -> Vec<Case> {
    if rules.is_empty() {
        vec![case("manifests".to_owned(), "validation", Vec::new())]
    } else {
        rules
    }
}

fn suite(name: &str, cases: Vec<Case>) -> Suite {
    Suite {
        name: name.to_owned(),
        cases,
    }
}

fn case(name: String, class: &str, findings: Vec<&Finding>) -> Case {
    Case {
        name,
        class: class.to_owned(),
        failure: failure(&findings),
        skipped: None,
        remarks: Vec::new(),
        seconds: 0.0,
    }
}

fn failure(findings: &[&Finding]) -> Option<Failure> {
    let first = findings.first()?;
    let message = match findings.len() {
        1 => first.diagnostic.message.clone(),
        several => format!("{several} findings"),
    };
    let lines = findings
        .iter()
        .map(|finding| format!("{}\n", finding.diagnostic));
    Some(Failure {
        message,
        details: lines.collect(),
    })
}
