//! A difference for spreadsheets: a line for each change.

use ringfence_reach::diff::{Difference, Kind};

use super::one::{One, changes};
use super::words::{Told, doubts, names, ports, told};
use crate::commands::matrix::view::Names;
use crate::output::answer::streamed;
use crate::output::csv;

pub(super) fn write(difference: &Difference) {
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
    let lines = changes(difference).map(|one| {
        let [example, before, after] = if one.pair.is_shown(one.change) {
            let Told { example, what, .. } = told(&names, one, None);
            let example = example.unwrap_or_default();
            [example, what.before.join("; "), what.after.join("; ")]
        } else {
            [like(one, &names), String::new(), String::new()]
        };
        csv::line(&[
            word(one.change.kind).to_owned(),
            names.of_unit(&one.pair.source),
            names.of_unit(&one.pair.destination),
            ports(one.change),
            example,
            before,
            after,
        ])
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
    streamed(|out| {
        let mut lines = std::iter::once(header).chain(moved).chain(lines);
        lines.try_for_each(|line| out.write_all(line.as_bytes()))
    });
}

/// `like shop/web -> shop/db`, the pair that shows the change too.
fn like(one: One<'_>, names: &Names) -> String {
    let by = one.change.shown_by.as_deref();
    let by = by.map(|(source, destination)| [source, destination].map(|unit| names.of_unit(unit)));
    by.map_or_else(String::new, |ends| format!("like {}", ends.join(" -> ")))
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
