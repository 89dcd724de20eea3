//! Differences from what is intended, as the writers of formats know them.

use anstream::adapter::strip_str;
use ringfence_model::{Severity, Source};
use ringfence_reach::zone::{Deviation, DeviationKind};
use serde_json::Value;

use super::Table;
use super::text::{witness, words};
use crate::commands::matrix::reason::told;
use crate::commands::matrix::view::flow;
use crate::output::case::{Case, Failure, Suite};
use crate::output::finding::{Finding, Related, Rule};
use crate::output::{junit, sarif};

/// The log of a run: each difference, at the line that decides its first witness, or where an end of that is written.
pub(super) fn sarif(table: &Table) -> Value {
    let rules = DeviationKind::ALL.map(|kind| Rule {
        id: id(kind).to_owned(),
        name: None,
        summary: summary(kind).to_owned(),
        page: None,
        level: level(kind),
    });
    let homes = table.deviations.iter().zip(&table.homes);
    let findings: Vec<Finding> = homes.map(finding).collect();
    sarif::log(&rules, &findings, &table.file)
}

/// A test for each pair of zones.
pub(super) fn junit(table: &Table) -> String {
    let cases = table.matrix.cells().map(|(from, to, _)| {
        let between = (from.to_string(), to.to_string());
        let found: Vec<&Deviation> = table
            .deviations
            .iter()
            .filter(|one| (&one.from, &one.to) == (&between.0, &between.1))
            .collect();
        Case {
            name: format!("{} -> {}", between.0, between.1),
            class: "zones".to_owned(),
            failure: failure(&found),
            skipped: None,
            remarks: Vec::new(),
            seconds: 0.0,
        }
    });
    let empty = table.empty.iter().map(|zone| Case {
        name: zone.clone(),
        class: "zones".to_owned(),
        failure: None,
        skipped: Some("nobody is in this zone".to_owned()),
        remarks: Vec::new(),
        seconds: 0.0,
    });
    let suite = Suite {
        name: "zones".to_owned(),
        cases: cases.chain(empty).collect(),
    };
    junit::document(&[suite])
}

fn failure(found: &[&Deviation]) -> Option<Failure> {
    let messages: Vec<String> = found.iter().map(|one| what(one)).collect();
    let witnesses = found.iter().flat_map(|one| &one.evidence);
    let details: String = witnesses.map(|shown| witness(shown, "")).collect();
    (!found.is_empty()).then(|| Failure {
        message: messages.join("; "),
        details: strip_str(&details).to_string(),
    })
}

fn what(deviation: &Deviation) -> String {
    format!("{}: {}", words(deviation.kind), deviation.connections)
}

fn finding((deviation, home): (&Deviation, &Option<Source>)) -> Finding {
    let mut places = lines(deviation).into_iter();
    let place = places
        .next()
        .map(|line| line.place)
        .or_else(|| home.clone());
    let example = deviation.evidence.first();
    let example = example.map(|shown| format!(", such as {}", flow(&shown.query)));
    Finding {
        rule: id(deviation.kind).to_owned(),
        level: level(deviation.kind),
        message: format!(
            "{} -> {}: {}{}",
            deviation.from,
            deviation.to,
            what(deviation),
            example.unwrap_or_default()
        ),
        place,
        help: None,
        related: places.collect(),
        suppressed: None,
    }
}

/// The lines that decide the first witness.
fn lines(deviation: &Deviation) -> Vec<Related> {
    let first = deviation.evidence.iter().take(1);
    let connections = first.flat_map(|shown| &shown.answer.connections);
    let decisions = connections.flat_map(|found| [&found.egress, &found.ingress]);
    decisions
        .flat_map(|decision| told(decision).lines)
        .filter_map(|line| {
            let (message, place) = (line.text, line.source?);
            Some(Related { message, place })
        })
        .collect()
}

const fn id(kind: DeviationKind) -> &'static str {
    match kind {
        DeviationKind::Unintended => "zone-unintended",
        DeviationKind::Unknown => "zone-unknown",
        DeviationKind::Missing => "zone-missing",
    }
}

const fn summary(kind: DeviationKind) -> &'static str {
    match kind {
        DeviationKind::Unintended => "Between zones nothing is possible but what is intended.",
        DeviationKind::Unknown => "What is not intended depends on no unknown address.",
        DeviationKind::Missing => "What is intended between zones is possible.",
    }
}

const fn level(kind: DeviationKind) -> Severity {
    match kind {
        DeviationKind::Unintended => Severity::Error,
        DeviationKind::Unknown | DeviationKind::Missing => Severity::Warning,
    }
}
