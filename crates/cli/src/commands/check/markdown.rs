//! Findings as a Markdown table, for comments on a change.

use ringfence_reach::lint::{Finding, Report};

use super::text::Counts;

pub(super) fn print(report: &Report) {
    let counts = Counts::of(report).in_words();
    if counts.is_empty() {
        println!("Nothing found.");
        return;
    }
    println!("{counts}\n\n| | id | where | what |\n| --- | --- | --- | --- |");
    for finding in &report.findings {
        println!("{}", row(finding));
    }
}

fn row(finding: &Finding) -> String {
    let found = &finding.diagnostic;
    let place = found
        .location
        .as_ref()
        .map(|location| format!("`{}`", location.source));
    let help = found
        .help
        .as_ref()
        .map(|help| format!("<br>{}", cell(help)));
    format!(
        "| {} | {} | {} | {}{} |",
        found.severity,
        found.rule.unwrap_or_default(),
        place.unwrap_or_default(),
        cell(&found.message),
        help.unwrap_or_default()
    )
}

/// What ends neither the cell nor the row.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
