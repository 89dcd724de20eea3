//! Findings as the writers of formats know them.

use ringfence_reach::lint::{self, LINTS, Lint, Report};
use serde_json::Value;

use crate::output::finding::{Finding, Rule};
use crate::output::sarif;

/// The log of a run. What annotations suppress is in it, with the reason.
pub(super) fn sarif(report: &Report, first: &str) -> Value {
    let rules: Vec<Rule> = LINTS.iter().map(rule).collect();
    let found = report.findings.iter().map(finding);
    let suppressed = report.suppressed.iter().map(|one| Finding {
        suppressed: Some(one.reason.clone()),
        ..finding(&one.finding)
    });
    let findings: Vec<Finding> = found.chain(suppressed).collect();
    sarif::log(&rules, &findings, first)
}

fn finding(finding: &lint::Finding) -> Finding {
    Finding::from(&finding.diagnostic)
}

fn rule(lint: &Lint) -> Rule {
    Rule {
        id: lint.id.to_owned(),
        name: Some(lint.name.to_owned()),
        summary: lint.summary.to_owned(),
        page: Some(lint.explanation.to_owned()),
        level: lint.severity,
    }
}
