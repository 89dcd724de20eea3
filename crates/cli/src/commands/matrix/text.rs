//! A matrix for terminals: a grid if it fits, else a list.

use std::collections::BTreeMap;

use comfy_table::Table;
use comfy_table::presets::NOTHING as NO_LINES;
use ringfence_reach::matrix::{Cell, Matrix, Summary};
use ringfence_reach::workload::Unit;

use super::view::{Names, cell_text, legend};
use crate::paint;

const NOT_LISTED: &str = "what is not listed may not be opened";

/// Of nodes that run some of the pods.
const NOT_LISTED_OF_NODES: &str = "what is not listed may not be opened, but by a node to the pods on it: it always reaches them, whatever policies say (NP-50)";

/// The matrix in lines of at most `width` columns where names allow it.
pub(crate) fn render(matrix: &Matrix, names: &Names, width: usize) -> String {
    let grid = (matrix.destinations.len() < width).then(|| grid(matrix, names));
    let mut notes = legend(matrix.cells().map(|(_, _, cell)| cell));
    let body = if let Some(grid) = grid.filter(|grid| fits(grid, width)) {
        grid.iter().map(|line| format!("{line}\n")).collect()
    } else {
        let mut sources = matrix.sources.iter();
        notes.push(match sources.any(|source| matrix.has_own_pods(source)) {
            true => NOT_LISTED_OF_NODES,
            false => NOT_LISTED,
        });
        list(matrix, names)
    };
    let notes = notes.iter().map(|line| format!("{}\n", paint::dim(line)));
    let notes: Vec<String> = notes.collect();
    let gap = if notes.is_empty() { "" } else { "\n" };
    format!("{body}{gap}{}", notes.concat())
}

fn fits(lines: &[String], width: usize) -> bool {
    lines.iter().all(|line| line.chars().count() <= width)
}

fn grid(matrix: &Matrix, names: &Names) -> Vec<String> {
    let mut table = Table::new();
    let columns = matrix.destinations.iter().map(|unit| names.of_unit(unit));
    let header: Vec<String> = std::iter::once("FROM \\ TO".to_owned())
        .chain(columns)
        .collect();
    table.load_style(NO_LINES).set_header(header);
    for source in &matrix.sources {
        let cells = matrix.row(source);
        let cells = cells.map(|(_, cell)| cell.map_or_else(String::new, cell_text));
        table.add_row(std::iter::once(names.of_unit(source)).chain(cells));
    }
    let lines = table.lines();
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// For each source what it may open, without what it may not; sources of which the same is true together.
fn list(matrix: &Matrix, names: &Names) -> String {
    let shown = if matrix.sources.len() > IN_FULL {
        NAMED
    } else {
        usize::MAX
    };
    let mut blocks: Vec<(Vec<String>, String)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for source in &matrix.sources {
        let lines = lines(matrix, names, source, shown);
        let place = *places.entry(lines.clone()).or_insert(blocks.len());
        match blocks.get_mut(place) {
            Some((sources, _)) => sources.push(names.of_unit(source)),
            None => blocks.push((vec![names.of_unit(source)], lines)),
        }
    }
    let blocks = blocks.iter().map(|(sources, lines)| {
        let heading = paint::heading(&joined(sources, shown));
        format!("{heading}\n{lines}")
    });
    blocks.collect::<Vec<_>>().join("\n")
}

/// Of so many sources each is shown in full.
const IN_FULL: usize = 3;

/// How many names are listed of those of which the same is true.
const NAMED: usize = 12;

fn joined(names: &[String], shown: usize) -> String {
    match names.get(..shown) {
        Some(first) if first.len() < names.len() => {
            format!("{} and {} more", first.join(", "), names.len() - shown)
        }
        Some(_) | None => names.join(", "),
    }
}

/// A line for each text that cells of `source` have.
fn lines(matrix: &Matrix, names: &Names, source: &Unit, shown: usize) -> String {
    let mut alike: Vec<(String, Vec<String>)> = Vec::new();
    let mut places: BTreeMap<&Cell, usize> = BTreeMap::new();
    let mut denied = 0;
    for (destination, cell) in matrix.row(source) {
        match cell {
            Some(cell) if cell.summary() == Summary::Nothing => denied += 1,
            Some(cell) => {
                let place = *places.entry(cell).or_insert(alike.len());
                let name = names.of_unit(destination);
                match alike.get_mut(place) {
                    Some((_, same)) => same.push(name),
                    None => alike.push((cell_text(cell), vec![name])),
                }
            }
            None => {}
        }
    }
    match alike.as_slice() {
        [] if matrix.has_own_pods(source) => "  -> nothing but the pods on it\n".to_owned(),
        [] => "  -> nothing\n".to_owned(),
        [(text, same)] if denied == 0 && same.len() > 2 => {
            format!("  -> everything: {text}\n")
        }
        _ => alike
            .iter()
            .map(|(text, same)| format!("  -> {}: {text}\n", joined(same, shown)))
            .collect(),
    }
}
