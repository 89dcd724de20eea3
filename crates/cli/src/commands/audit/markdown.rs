//! An audit for comments on a change.

use std::fmt::Write as _;

use ringfence_reach::audit::{Finding, Measured};

use super::arguments::AuditArguments;
use super::{Report, words};
use crate::output::markdown::{Cell, table};

/// How many findings are shown.
const SHOWN: usize = 20;

pub(super) fn render(report: &Report, arguments: &AuditArguments) -> String {
    let audit = &report.audit;
    let headline = audit.score().map_or_else(
        || "There is no workload to measure.".to_owned(),
        |score| format!("**Score {} of 100**", score.points()),
    );
    let principles: Vec<Vec<Cell>> = audit.principles().iter().map(principle).collect();
    let names = ["", "principle", "holds for", "weight"];
    let mut principles = table(&names, &principles);
    for line in words::left_out(report) {
        let _ = write!(principles, "\n{line}.\n");
    }
    let most = if arguments.all { usize::MAX } else { SHOWN };
    let rows: Vec<Vec<Cell>> = audit.findings().take(most).map(row).collect();
    if rows.is_empty() {
        return format!("{headline}\n\n{principles}");
    }
    let findings = table(&["", "id", "where", "what"], &rows);
    let more = match audit.findings().count().saturating_sub(most) {
        0 => String::new(),
        more => format!("\n{more} more findings are not shown.\n"),
    };
    format!("{headline}\n\n{principles}\n{findings}{more}")
}

fn principle(measured: &Measured) -> Vec<Cell> {
    let about = measured.principle.about();
    vec![
        about.id.into(),
        about.title.into(),
        words::share(measured.holds, measured.measured()).into(),
        about.weight.to_string().into(),
    ]
}

fn row(finding: &Finding) -> Vec<Cell> {
    let severity = match &finding.accepted {
        Some(_) => "accepted",
        None => finding.severity.word(),
    };
    let place = finding
        .source
        .as_ref()
        .map_or_else(|| Cell::from(""), |source| Cell::Code(source.to_string()));
    vec![
        severity.into(),
        finding.principle.about().id.into(),
        place,
        Cell::Sentence(words::sentence(finding)),
    ]
}
