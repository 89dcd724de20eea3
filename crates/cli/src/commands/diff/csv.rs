//! A difference for spreadsheets: a line for each change.

use ringfence_reach::diff::{Difference, Kind};

use super::words::{doubts, names, told};
use crate::output::csv;

pub(super) fn render(difference: &Difference) -> String {
    let names = names(difference);
    let header = [
        "change",
        "source",
        "destination",
        "connections",
        "example",
        "before",
        "after",
    ];
    let lines = difference.pairs.iter().flat_map(|pair| {
        let line = |change| {
            let told = told(&names, (pair, change), None);
            csv::line(&[
                word(told.what.kind).to_owned(),
                told.sources.concat(),
                told.destinations.concat(),
                told.what.ports,
                told.example.unwrap_or_default(),
                told.what.before.join("; "),
                told.what.after.join("; "),
            ])
        };
        pair.changes.iter().map(line).collect::<Vec<_>>()
    });
    let line = |word: &str, unit| {
        let known = [word.to_owned(), names.of_unit(unit)];
        let empty = std::iter::repeat_with(String::new);
        let fields: Vec<String> = known.into_iter().chain(empty).take(header.len()).collect();
        csv::line(&fields)
    };
    let unbound = difference.unbound.keys();
    let unbound = unbound.map(|unit| line("host-network", unit));
    let bound = difference.bound.iter();
    let bound = bound.map(|unit| line("no-host-network", unit));
    let doubts = doubts(difference, &names, None);
    let doubts = doubts.iter().map(|doubt| {
        let known = ["cannot-be-judged".to_owned(), doubt.clone()];
        let empty = std::iter::repeat_with(String::new);
        let fields: Vec<String> = known.into_iter().chain(empty).take(header.len()).collect();
        csv::line(&fields)
    });
    let moved: Vec<String> = doubts.chain(unbound).chain(bound).collect();
    let header = csv::line(&header.map(str::to_owned));
    std::iter::once(header).chain(moved).chain(lines).collect()
}

/// The word for machines.
pub(super) const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Opened => "opened",
        Kind::MayOpen => "may-open",
        Kind::Closed => "closed",
        Kind::MayClose => "may-close",
    }
}
