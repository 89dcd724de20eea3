//! Suggestions for comments on changes.

use ringfence_reach::suggest::{Evidence, Suggestion};

use super::text::{open, words};
use crate::output::markdown::{Cell, table};

pub(super) fn render(suggestion: &Suggestion) -> String {
    let mut parts = Vec::new();
    let needs: Vec<Vec<Cell>> = suggestion
        .needs
        .iter()
        .map(|need| {
            let evidence: Vec<String> = need.evidence.iter().map(Evidence::to_string).collect();
            vec![
                need.from.to_string().into(),
                need.to.to_string().into(),
                Cell::Code(need.port.to_string()),
                evidence.join("\n").into(),
            ]
        })
        .collect();
    parts.push(table(&["From", "To", "Port", "Evidence"], &needs));
    let unresolved: Vec<Vec<Cell>> = suggestion
        .unresolved
        .iter()
        .map(|found| vec![found.to_string().into(), found.help.clone().into()])
        .collect();
    if !unresolved.is_empty() {
        parts.push(table(
            &["Left for a human to decide", "What to do"],
            &unresolved,
        ));
    }
    let differences: Vec<Vec<Cell>> = suggestion
        .deviations
        .iter()
        .map(|found| {
            vec![
                found.from.clone().into(),
                found.to.clone().into(),
                Cell::Code(found.connections.to_string()),
                words(found.kind).into(),
            ]
        })
        .collect();
    if !differences.is_empty() {
        parts.push(table(
            &["From", "To", "Connections", "Difference"],
            &differences,
        ));
    }
    for found in &suggestion.namespaces {
        parts.push(format!("```yaml\n{}```\n", found.text));
    }
    let (before, after) = (suggestion.before, suggestion.after);
    parts.push(format!(
        "Open between workloads: {}.\n",
        open(before, after)
    ));
    parts.join("\n")
}
