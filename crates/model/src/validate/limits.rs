//! What the schema of a custom resource bounds: numbers, counts, lengths, and fields that exclude each other.

use std::ops::RangeInclusive;

use super::{problem, quote};
use crate::report::Report;
use crate::view::View;

impl Report {
    /// There are more than may be.
    fn too_many(&mut self, rule: &'static str, at: &View<'_>, found: usize, detail: &str) {
        self.add(problem(rule, at, format!("Too many: {found}: {detail}")));
    }
}

/// The number at `at`, which is required and must lie in `range`.
pub(crate) fn number(
    report: &mut Report,
    rule: &'static str,
    at: &View<'_>,
    range: RangeInclusive<i64>,
) -> Option<i64> {
    let Some(number) = at.integer() else {
        report.required(rule, at, "");
        return None;
    };
    let detail = if number < *range.start() {
        format!("should be greater than or equal to {}", range.start())
    } else if number > *range.end() {
        format!("should be less than or equal to {}", range.end())
    } else {
        return Some(number);
    };
    report.invalid(rule, at, &number.to_string(), &detail);
    None
}

/// The number of a port at `at`.
pub(crate) fn port(report: &mut Report, rule: &'static str, at: &View<'_>) -> Option<u16> {
    let number = number(report, rule, at, 1..=i64::from(u16::MAX))?;
    u16::try_from(number).ok()
}

/// Reports a list that is longer than `most`.
pub(crate) fn at_most(report: &mut Report, rule: &'static str, at: &View<'_>, most: usize) {
    let found = at.items().len();
    if found > most {
        report.too_many(rule, at, found, &format!("must have at most {most} items"));
    }
}

/// Reports a list, if there is one, that is empty or longer than `most`.
pub(crate) fn not_empty(report: &mut Report, rule: &'static str, at: &View<'_>, most: usize) {
    if at.is_set() && at.items().len() == 0 {
        report.invalid(rule, at, "0", "should have at least 1 item");
    }
    at_most(report, rule, at, most);
}

/// Reports an item that occurred before, compared as written.
pub(crate) fn distinct(report: &mut Report, rule: &'static str, at: &View<'_>) {
    let mut seen = std::collections::BTreeSet::new();
    for item in at.items() {
        let text = item.text_or_empty();
        if !seen.insert(text) {
            report.duplicate(rule, &item, &quote(text));
        }
    }
}

/// Whether the text at `at` has no more than `most` characters; reports one that has.
pub(crate) fn length(report: &mut Report, rule: &'static str, at: &View<'_>, most: usize) -> bool {
    let fits = at.text_or_empty().chars().count() <= most;
    if !fits {
        let message = format!("Too long: may not be more than {most} characters");
        report.add(problem(rule, at, message));
    }
    fits
}

/// The one field of `fields` that is set; reports none, and more than one.
pub(crate) fn exactly_one<'a>(
    report: &mut Report,
    rule: &'static str,
    at: &View<'a>,
    fields: &[&'static str],
) -> Option<(&'static str, View<'a>)> {
    let mut set: Vec<(&'static str, View<'a>)> = fields
        .iter()
        .filter_map(|name| Some((*name, at.field(name).set()?)))
        .collect();
    let detail = format!("must specify exactly one of {}", fields.join(", "));
    match set.len() {
        0 => report.required(rule, at, &detail),
        1 => return set.pop(),
        several => report.too_many(rule, at, several, &detail),
    }
    None
}
