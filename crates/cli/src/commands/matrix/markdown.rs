//! A matrix for documents.

use ringfence_reach::matrix::Matrix;

use super::view::{Names, cell_text, legend};
use crate::output::markdown::{Cell, table};

/// With more columns a table cannot be read, and a list can.
const WIDEST: usize = 12;

pub(crate) fn render(matrix: &Matrix, names: &Names) -> String {
    let body = if matrix.destinations.len() > WIDEST {
        list(matrix, names)
    } else {
        grid(matrix, names)
    };
    let notes = legend(matrix.cells().map(|(_, _, cell)| cell));
    let notes = notes.into_iter().map(|line| format!("\n*{line}*\n"));
    body + &notes.collect::<String>()
}

fn grid(matrix: &Matrix, names: &Names) -> String {
    let columns = matrix.destinations.iter().map(|unit| names.of_unit(unit));
    let columns: Vec<String> = std::iter::once("from".to_owned()).chain(columns).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let rows = matrix.sources.iter().map(|source| {
        let cells = matrix.row(source);
        let cells = cells.map(|(_, cell)| Cell::Text(cell.map_or_else(String::new, cell_text)));
        let name = Cell::Strong(names.of_unit(source));
        std::iter::once(name).chain(cells).collect()
    });
    table(&columns, &rows.collect::<Vec<_>>())
}

fn list(matrix: &Matrix, names: &Names) -> String {
    let cells = matrix.cells().filter(|(_, _, cell)| !cell.is_nothing());
    let rows = cells.map(|(source, destination, cell)| {
        let ends = [names.of_unit(source), names.of_unit(destination)];
        let row = ends.into_iter().chain([cell_text(cell)]);
        row.map(Cell::Text).collect()
    });
    table(&["from", "to", "may open"], &rows.collect::<Vec<_>>())
}
