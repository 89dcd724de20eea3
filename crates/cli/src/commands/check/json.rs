//! Findings for machines.

use ringfence_model::{Diagnostic, ObjectKey, Severity};
use ringfence_reach::lint::{Finding, Report};
use serde::Serialize;

use super::text::Counts;
use crate::output;

/// Version 1 of the form; fields are added, never changed.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    findings: Vec<Item<'a>>,
    suppressed: Vec<Item<'a>>,
    summary: Summary,
}

#[derive(Debug, Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    notes: usize,
    suppressed: usize,
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    id: Option<&'static str>,
    name: Option<&'static str>,
    severity: Severity,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a ObjectKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

pub(super) fn print(report: &Report) -> anyhow::Result<()> {
    let counts = Counts::of(report);
    let suppressed = report.suppressed.iter().map(|one| Item {
        reason: Some(&one.reason),
        ..Item::of(&one.finding)
    });
    let document = Document {
        version: 1,
        findings: report.findings.iter().map(Item::of).collect(),
        suppressed: suppressed.collect(),
        summary: Summary {
            errors: counts.errors,
            warnings: counts.warnings,
            notes: counts.notes,
            suppressed: counts.suppressed,
        },
    };
    output::json::print(&document)
}

impl<'a> Item<'a> {
    fn of(finding: &'a Finding) -> Self {
        let Diagnostic {
            severity,
            rule,
            message,
            path,
            location,
            label,
            help,
        } = &finding.diagnostic;
        let source = location.as_ref().map(|location| &location.source);
        Self {
            id: *rule,
            name: finding.lint.map(|lint| lint.name),
            severity: *severity,
            message,
            object: finding.object.as_ref(),
            path: path.as_deref(),
            file: source.map(|source| &*source.file),
            line: source.map(|source| source.line),
            column: source.map(|source| source.column),
            detail: label.as_deref(),
            help: help.as_deref(),
            reason: None,
        }
    }
}
