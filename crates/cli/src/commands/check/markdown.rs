//! Findings as a Markdown table, for comments on a change.

use ringfence_reach::lint::{Finding, Report};

use super::text::Counts;
use crate::output::answer::{write_line, write_out};
use crate::output::markdown::{Cell, table};

pub(super) fn print(report: &Report) {
    let counts = Counts::of(report).in_words();
    if counts.is_empty() {
        write_line!("Nothing found.");
        return;
    }
    let rows: Vec<Vec<Cell>> = report.findings.iter().map(row).collect();
    write_out!("{counts}\n\n{}", table(&["", "id", "where", "what"], &rows));
}

fn row(finding: &Finding) -> Vec<Cell> {
    let found = &finding.diagnostic;
    let place = found.location.as_ref().map_or_else(
        || Cell::from(""),
        |location| Cell::Code(location.source.to_string()),
    );
    let help = found.help.iter().map(|help| format!("\n{help}"));
    vec![
        found.severity.to_string().into(),
        found.rule.unwrap_or_default().into(),
        place,
        Cell::Sentence(format!("{}{}", found.message, help.collect::<String>())),
    ]
}
