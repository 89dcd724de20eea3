//! A difference as a comment on a change.

use ringfence_reach::diff::Difference;

use super::gate::Judged;
use super::words::{
    DOUBTS, Extent, Section, Told, doubts, grouped, names, sections, summary, unused,
};
use crate::commands::matrix::view::Names;
use crate::output::markdown::{Cell, escape, table};

pub(super) fn render(difference: &Difference, judged: Option<&Judged>, extent: Extent) -> String {
    let names = names(difference);
    let sections = sections(difference);
    let sections: String = sections
        .iter()
        .map(|section| format!("\n{}", render_section(section, &names, judged, extent)))
        .collect();
    let doubtful = doubtful(&doubts(difference, &names, judged));
    let summary = escape(&summary(difference, &names));
    let verdict = judged.map_or_else(String::new, verdict);
    format!("### Connectivity: {summary}\n{verdict}{doubtful}{sections}")
}

fn verdict(judged: &Judged) -> String {
    let verdict = match judged.refused() {
        0 => format!(
            "\n**Passed**: nothing is newly allowed that is not permitted{}.\n",
            escape(&judged.aside())
        ),
        1 => "\n**Failed**: 1 change is not permitted.\n".to_owned(),
        count => format!("\n**Failed**: {count} changes are not permitted.\n"),
    };
    let unused = judged.unused().iter().map(|allowance| {
        let text = escape(&unused(allowance));
        format!("\n{text}\n")
    });
    verdict + &unused.collect::<String>()
}

fn doubtful(doubts: &[String]) -> String {
    if doubts.is_empty() {
        return String::new();
    }
    let lines = doubts.iter();
    let lines: String = lines
        .map(|doubt| format!("- {}\n", escape(doubt)))
        .collect();
    format!("\n#### {}\n\n{lines}", escape(DOUBTS))
}

fn render_section(
    section: &Section<'_>,
    names: &Names,
    judged: Option<&Judged>,
    extent: Extent,
) -> String {
    let title = format!("#### {}\n", escape(&section.heading(names)));
    if section.changes.is_empty() {
        return title;
    }
    let marked = judged.is_some() && section.has_more_access();
    let mut columns = vec!["from", "to", "connections", "before", "now"];
    columns.extend(marked.then_some("permitted"));
    let (groups, left) = extent.of(grouped(section, names, judged));
    let rows: Vec<Vec<Cell>> = groups.iter().map(row).collect();
    let left = match left {
        0 => String::new(),
        left => format!("\n{left} more are not shown; --all shows them.\n"),
    };
    format!("{title}\n{}{left}", table(&columns, &rows))
}

fn row(told: &Told) -> Vec<Cell> {
    let ports = told.what.ports.clone();
    let mut cells = vec![
        Cell::Lines(told.sources.clone()),
        Cell::Lines(told.destinations.clone()),
        match &told.example {
            Some(example) => Cell::Example(ports, example.clone()),
            None => Cell::Text(ports),
        },
        Cell::Lines(told.what.before.clone()),
        Cell::Lines(told.what.after.clone()),
    ];
    cells.extend(told.what.mark.clone().map(Cell::Text));
    cells
}
