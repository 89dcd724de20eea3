//! A matrix for spreadsheets: a line for each cell.

use std::io::{self, Write};

use ringfence_reach::matrix::{Cell, Matrix};
use ringfence_reach::workload::Unit;

use super::view::Names;
use crate::output::csv::{line, quoted};

const HEADER: &str = "source,destination,verdict,all,some,unknown\n";

/// Writes row by row: of thousands of units there are millions of cells, and few that differ. The text of one row is
/// in memory, and `progress` hears of each row.
pub(crate) fn write(
    out: &mut impl Write,
    matrix: &Matrix,
    names: &Names,
    mut progress: impl FnMut(),
) -> io::Result<()> {
    out.write_all(HEADER.as_bytes())?;
    let field = |unit: &Unit| format!("{},", quoted(&names.of_unit(unit)));
    let columns = matrix.columns();
    let columns: Vec<(String, usize)> = columns.map(|(unit, at)| (field(unit), at)).collect();
    let cells = matrix.distinct_cells();
    let cells: Vec<Option<String>> = cells.map(|cell| cell.map(rest)).collect();
    let mut lines = Vec::new();
    for (source, numbers) in matrix.numbered_rows() {
        let source = field(source);
        for (destination, place) in &columns {
            let number = numbers.get(*place).copied().unwrap_or_default();
            if let Some(Some(rest)) = cells.get(number as usize) {
                lines.extend_from_slice(source.as_bytes());
                lines.extend_from_slice(destination.as_bytes());
                lines.extend_from_slice(rest.as_bytes());
            }
        }
        out.write_all(&lines)?;
        lines.clear();
        progress();
    }
    Ok(())
}

/// The fields that tell of the cell.
fn rest(cell: &Cell) -> String {
    line(&[
        cell.summary().word().to_owned(),
        cell.all.to_string(),
        cell.some.to_string(),
        cell.unknown.to_string(),
    ])
}
