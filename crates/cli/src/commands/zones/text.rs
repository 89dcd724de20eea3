//! Zones for people.

use std::fmt::Write as _;

use ringfence_model::Connection;
use ringfence_reach::matrix::Evidence;
use ringfence_reach::zone::{Deviation, DeviationKind};

use super::Table;
use crate::commands::matrix::reason::told;
use crate::commands::matrix::text;
use crate::commands::matrix::view::flow;
use crate::output::plain::plain;
use crate::paint;

/// How many connections are shown for each difference.
const SHOWN: usize = 2;

pub(super) fn render(table: &Table, width: usize) -> String {
    let names = table.names();
    let mut out = text::render(&table.matrix, &names, width);
    for deviation in &table.deviations {
        out.push('\n');
        out.push_str(&one(deviation));
    }
    out.push('\n');
    out.push_str(&summary(table.deviations.len()));
    out
}

fn summary(count: usize) -> String {
    let words = summary_words(count);
    let painted = if count == 0 {
        paint::good(&words)
    } else {
        paint::bad(&words)
    };
    format!("{painted}\n")
}

pub(super) fn summary_words(count: usize) -> String {
    match count {
        0 => "what is possible is what is intended".to_owned(),
        1 => "1 difference from what is intended".to_owned(),
        count => format!("{count} differences from what is intended"),
    }
}

fn one(deviation: &Deviation) -> String {
    let Deviation {
        from,
        to,
        kind,
        connections,
        evidence,
    } = deviation;
    let pair = paint::heading(&plain(&format!("{from} -> {to}")));
    let mut out = format!("{pair}: {}: {connections}\n", words(*kind));
    for shown in evidence.iter().take(SHOWN) {
        out.push_str(&witness(shown, "  "));
    }
    if let Some(more) = evidence.len().checked_sub(SHOWN + 1) {
        let _ = writeln!(out, "  and {} more for other reasons", more + 1);
    }
    out
}

pub(super) const fn words(kind: DeviationKind) -> &'static str {
    match kind {
        DeviationKind::Unintended => "possible and not intended",
        DeviationKind::Unknown => "not intended, and perhaps possible",
        DeviationKind::Missing => "intended and not possible",
    }
}

/// A connection, and why it may or may not be opened.
pub(super) fn witness(shown: &Evidence, indent: &str) -> String {
    let mut out = format!("{indent}{}\n", flow(&shown.query));
    for connection in &shown.answer.connections {
        out.push_str(&reasons(connection, indent));
    }
    out
}

fn reasons(connection: &Connection, indent: &str) -> String {
    let mut out = String::new();
    for told in [told(&connection.egress), told(&connection.ingress)] {
        let _ = writeln!(out, "{indent}  {}", told.headline);
        for line in told.lines {
            let place = line.source.map(|source| format!(" ({source})"));
            let _ = writeln!(
                out,
                "{indent}    {}{}",
                line.text,
                place.unwrap_or_default()
            );
        }
    }
    out
}
