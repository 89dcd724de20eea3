//! A matrix for spreadsheets: a line for each cell.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ringfence_reach::matrix::{Cell, Matrix};
use ringfence_reach::workload::Unit;

use super::view::Names;
use crate::output::csv::{line, quoted};

const HEADER: &str = "source,destination,verdict,all,some,unknown\n";

/// Writes line by line: of thousands of units there are millions of cells, and few that differ.
pub(crate) fn write(out: &mut impl Write, matrix: &Matrix, names: &Names) -> io::Result<()> {
    out.write_all(HEADER.as_bytes())?;
    // By where they stand in the matrix.
    let mut rests: BTreeMap<*const Cell, String> = BTreeMap::new();
    let mut known: BTreeMap<*const Unit, String> = BTreeMap::new();
    for (source, destination, cell) in matrix.cells() {
        for unit in [source, destination] {
            let name = known.entry(std::ptr::from_ref(unit));
            let name = name.or_insert_with(|| quoted(&names.of_unit(unit)));
            out.write_all(name.as_bytes())?;
            out.write_all(b",")?;
        }
        let rest = rests
            .entry(std::ptr::from_ref(cell))
            .or_insert_with(|| rest(cell));
        out.write_all(rest.as_bytes())?;
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
