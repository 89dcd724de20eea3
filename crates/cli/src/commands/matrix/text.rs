//! A matrix for terminals: a grid if it fits, else a list.

use comfy_table::Table;
use comfy_table::presets::NOTHING as NO_LINES;
use ringfence_reach::matrix::{Matrix, Summary};
use ringfence_reach::workload::Unit;

use super::view::{NOTHING, Names, cell_text, legend};
use crate::paint;

/// The matrix in lines of at most `width` columns where names allow it.
pub(crate) fn render(matrix: &Matrix, names: &Names, width: usize) -> String {
    let grid = grid(matrix, names);
    let mut notes = legend(matrix.cells().map(|(_, _, cell)| cell));
    let body = if fits(&grid, width) {
        grid.iter().map(|line| format!("{line}\n")).collect()
    } else {
        notes.push("what is not listed may not be opened");
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
        let cells = matrix.destinations.iter().map(|destination| {
            let cell = matrix.cell(source, destination);
            cell.map_or_else(String::new, cell_text)
        });
        table.add_row(std::iter::once(names.of_unit(source)).chain(cells));
    }
    let lines = table.lines();
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// For each source what it may open, without what it may not.
fn list(matrix: &Matrix, names: &Names) -> String {
    let blocks: Vec<String> = matrix
        .sources
        .iter()
        .map(|source| block(matrix, names, source))
        .collect();
    blocks.join("\n")
}

fn block(matrix: &Matrix, names: &Names, source: &Unit) -> String {
    let heading = paint::heading(&names.of_unit(source));
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut denied = 0;
    for destination in &matrix.destinations {
        match matrix.cell(source, destination) {
            Some(cell) if cell.summary() == Summary::Nothing => denied += 1,
            Some(cell) => lines.push((names.of_unit(destination), cell_text(cell))),
            None => {}
        }
    }
    if lines.is_empty() {
        return format!("{heading}\n  -> nothing\n");
    }
    let texts: Vec<&String> = lines.iter().map(|(_, text)| text).collect();
    if denied == 0 && lines.len() > 2 && texts.windows(2).all(|pair| pair.first() == pair.last()) {
        let text = texts.first().map_or(NOTHING, |text| text.as_str());
        return format!("{heading}\n  -> everything: {text}\n");
    }
    let lines = lines
        .iter()
        .map(|(name, text)| format!("  -> {name}: {text}\n"));
    format!("{heading}\n{}", lines.collect::<String>())
}
