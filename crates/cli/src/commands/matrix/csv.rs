//! A matrix for spreadsheets: a line for each cell.

use std::io::{self, Write};

use ringfence_reach::matrix::Matrix;
use ringfence_reach::workload::Unit;

use super::view::Names;
use crate::output::csv::line;

const HEADER: &str = "source,destination,verdict,all,some,unknown\n";

/// Writes line by line: of thousands of units there are millions of cells.
pub(crate) fn write(out: &mut impl Write, matrix: &Matrix, names: &Names) -> io::Result<()> {
    out.write_all(HEADER.as_bytes())?;
    for (source, destination, cell) in matrix.cells() {
        let name = |unit: &Unit| names.of_unit(unit);
        let line = line(&[
            name(source),
            name(destination),
            cell.summary().word().to_owned(),
            cell.all.to_string(),
            cell.some.to_string(),
            cell.unknown.to_string(),
        ]);
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}
