//! Zones for comments on changes.

use ringfence_reach::matrix::Evidence;
use ringfence_reach::zone::Deviation;

use super::Table;
use super::text::{summary_words, words};
use crate::commands::matrix::markdown;
use crate::commands::matrix::reason::one_line;
use crate::commands::matrix::view::flow;
use crate::output::markdown::{Cell, table};

pub(super) fn render(found: &Table) -> String {
    let names = found.names();
    let matrix = markdown::render(&found.matrix, &names);
    let summary = summary_words(found.deviations.len());
    let rows: Vec<Vec<Cell>> = found.deviations.iter().map(row).collect();
    let deviations = if rows.is_empty() {
        String::new()
    } else {
        let columns = ["from", "to", "difference", "connections", "because"];
        format!("\n{}", table(&columns, &rows))
    };
    format!("### Trust zones: {summary}\n\n{matrix}{deviations}")
}

fn row(deviation: &Deviation) -> Vec<Cell> {
    let connections = deviation.connections.to_string();
    let first = deviation.evidence.first();
    vec![
        Cell::Text(deviation.from.clone()),
        Cell::Text(deviation.to.clone()),
        Cell::from(words(deviation.kind)),
        match first {
            Some(shown) => Cell::Example(connections, flow(&shown.query)),
            None => Cell::Text(connections),
        },
        Cell::Lines(first.map(because).unwrap_or_default()),
    ]
}

fn because(shown: &Evidence) -> Vec<String> {
    let connections = shown.answer.connections.iter();
    connections
        .flat_map(|connection| [&connection.egress, &connection.ingress])
        .map(one_line)
        .collect()
}
