//! Comma-separated values (RFC 4180), lines ending as Unix has them.

/// A line of names, then a line for each of `rows`.
pub(crate) fn table(names: &[&str], rows: &[Vec<String>]) -> String {
    let lines = rows.iter().map(|row| line(row));
    std::iter::once(line(names)).chain(lines).collect()
}

fn line(cells: &[impl AsRef<str>]) -> String {
    let alone = cells.len() == 1;
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| quoted(cell.as_ref(), alone))
        .collect();
    format!("{}\n", cells.join(","))
}

/// `cell` in quotes if it needs them. One that is empty and `alone` would be an empty line, which readers pass over.
fn quoted(cell: &str, alone: bool) -> String {
    let special = cell.contains([',', '"', '\n', '\r'])
        || cell.starts_with(char::is_whitespace)
        || cell.ends_with(char::is_whitespace)
        || (alone && cell.is_empty());
    if special {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_need_it() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect();
        let rows = [
            row(&["demo/web", "tcp/80", "allow"]),
            row(&["a,b", "say \"no\"", "two\nlines"]),
            row(&["", " space", "carriage\r"]),
        ];
        assert_eq!(
            table(&["from", "port", "verdict"], &rows),
            "from,port,verdict\ndemo/web,tcp/80,allow\n\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\n,\" space\",\"carriage\r\"\n"
        );
    }

    #[test]
    fn a_row_of_one_empty_cell_is_no_empty_line() {
        assert_eq!(table(&["name"], &[vec![String::new()]]), "name\n\"\"\n");
    }
}
