//! Zones for spreadsheets: a line for each pair, with what is not as intended.

use ringfence_reach::workload::Unit;
use ringfence_reach::zone::DeviationKind;

use super::Table;
use super::text::words;
use crate::output::csv::line;

pub(super) fn render(table: &Table) -> String {
    let names = table.names();
    let columns = ["from", "to", "verdict", "all", "some", "unknown"];
    let header = columns.into_iter().chain(DeviationKind::ALL.map(words));
    let header: Vec<String> = header.map(str::to_owned).collect();
    let rows = table.matrix.cells().map(|(from, to, cell)| {
        let name = |unit: &Unit| names.of_unit(unit);
        let mut fields = vec![
            name(from),
            name(to),
            cell.summary().word().to_owned(),
            cell.all.to_string(),
            cell.some.to_string(),
            cell.unknown.to_string(),
        ];
        fields.extend(DeviationKind::ALL.map(|kind| different(table, (from, to), kind)));
        line(&fields)
    });
    std::iter::once(line(&header)).chain(rows).collect()
}

/// The connections between two zones that are not as intended in this way; empty if there are none.
fn different(table: &Table, (from, to): (&Unit, &Unit), kind: DeviationKind) -> String {
    let between = (from.to_string(), to.to_string());
    let mut found = table.deviations.iter();
    let found =
        found.find(|one| one.kind == kind && (&one.from, &one.to) == (&between.0, &between.1));
    found.map_or_else(String::new, |one| one.connections.to_string())
}
