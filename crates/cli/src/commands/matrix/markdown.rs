//! A matrix for documents.

use ringfence_reach::matrix::Matrix;

use super::view::{Names, cell_text, legend};

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
    let header = row(std::iter::once("from".to_owned()).chain(columns));
    let rows = matrix.sources.iter().map(|source| {
        let cells = matrix.destinations.iter().map(|destination| {
            let cell = matrix.cell(source, destination);
            cell.map_or_else(String::new, cell_text)
        });
        let name = format!("**{}**", escaped(&names.of_unit(source)));
        format!("| {name} {}", row(cells))
    });
    let rule = rule(matrix.destinations.len() + 1);
    format!("{header}{rule}{}", rows.collect::<String>())
}

fn list(matrix: &Matrix, names: &Names) -> String {
    let header = row(["from", "to", "may open"].map(str::to_owned));
    let cells = matrix.cells().filter(|(_, _, cell)| !cell.is_nothing());
    let rows = cells.map(|(source, destination, cell)| {
        row([
            names.of_unit(source),
            names.of_unit(destination),
            cell_text(cell),
        ])
    });
    format!("{header}{}{}", rule(3), rows.collect::<String>())
}

/// One row of a table.
pub(crate) fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells = cells
        .into_iter()
        .map(|cell| format!("| {} ", escaped(&cell)));
    cells.collect::<String>() + "|\n"
}

/// The line below the header of a table.
pub(crate) fn rule(columns: usize) -> String {
    "|---".repeat(columns) + "|\n"
}

/// `text` without anything that Markdown or HTML would take for its own.
pub(crate) fn escaped(text: &str) -> String {
    let special = |c: char| "\\`*_{}[]<>|&#".contains(c);
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string().replace('\\', "\\\\")
        } else if special(c) {
            format!("\\{c}")
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_cell() {
        let hostile = "a|b\n<img src=x>`".to_owned();
        assert_eq!(row([hostile]), "| a\\|b\\\\n\\<img src=x\\>\\` |\n");
    }
}
