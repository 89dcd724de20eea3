//! An audit as the programs know it that collect findings.

use ringfence_model::Severity as Level;
use ringfence_reach::audit::{self, Audit, Principle, Severity};
use serde_json::Value;

use super::{pages, words};
use crate::output::finding::{Finding, Rule};
use crate::output::sarif;

/// The log of a run. What annotations accept is in it, with the reason.
pub(super) fn sarif(audit: &Audit, first: &str) -> Value {
    let rules: Vec<Rule> = Principle::ALL.into_iter().map(rule).collect();
    let findings: Vec<Finding> = audit.findings().map(finding).collect();
    sarif::log(&rules, &findings, first)
}

fn rule(principle: Principle) -> Rule {
    let about = principle.about();
    Rule {
        id: about.id.to_owned(),
        name: Some(about.name.to_owned()),
        summary: format!("{}.", about.title),
        page: Some(pages::page(about)),
        level: Level::Warning,
    }
}

fn finding(finding: &audit::Finding) -> Finding {
    let about = finding.principle.about();
    Finding {
        rule: about.id.to_owned(),
        level: match finding.severity {
            Severity::High => Level::Error,
            Severity::Medium => Level::Warning,
        },
        message: words::sentence(finding),
        place: finding.source.clone(),
        help: Some(format!("to mend it: {}", about.mend)),
        related: Vec::new(),
        suppressed: finding.accepted.as_ref().map(|one| one.reason.clone()),
    }
}
