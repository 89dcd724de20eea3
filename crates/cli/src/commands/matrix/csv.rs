//! A matrix for spreadsheets: a line for each cell.

use std::io::{self, Write};

use ringfence_reach::matrix::Matrix;
use ringfence_reach::workload::Unit;

use super::view::{Names, plain};

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

/// One line of CSV (RFC 4180).
pub(crate) fn line(fields: &[String]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
    fields.join(",") + "\n"
}

/// A field in quotation marks where it needs them. Spreadsheets take what begins like a formula for one, so that gets
/// an apostrophe.
fn quoted(field: &str) -> String {
    let field = plain(field);
    let field = if field.starts_with(['=', '+', '-', '@']) {
        format!("'{field}")
    } else {
        field
    };
    if field.contains([',', '"']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let fields = ["a", "tcp/80,443", "say \"x\"", "=1+1", "a\nb"].map(str::to_owned);
        assert_eq!(
            line(&fields),
            "a,\"tcp/80,443\",\"say \"\"x\"\"\",'=1+1,a\\nb\n"
        );
    }
}
