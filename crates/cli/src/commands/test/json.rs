//! A run for programs. Version 1 of the form; fields are added, never changed.

mod mutation;

use std::collections::BTreeSet;

use ringfence_model::{Expected, Source};
use ringfence_reach::assertion::{Coverage, Deciding};
use serde::Serialize;

use super::judge::Way;
use super::print::claim;
use super::report::{Failure, Judged, Report, Skipped, Status};
use crate::output;
use crate::output::doubt::Doubt;
use mutation::Mistakes;

#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    against: &'static str,
    passed: bool,
    summary: Summary,
    tests: Vec<Test<'a>>,
    /// What to know before relying on the verdicts.
    warnings: &'a BTreeSet<Doubt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Covered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<Mistakes<'a>>,
}

#[derive(Debug, Serialize)]
struct Summary {
    tests: usize,
    passed: usize,
    failed: usize,
    skipped: usize,
    not_judged: usize,
    connections: usize,
}

#[derive(Debug, Serialize)]
struct Test<'a> {
    name: &'a str,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    status: &'static str,
    connections: usize,
    failures: Vec<Failed<'a>>,
    skipped: Vec<LeftOut<'a>>,
}

#[derive(Debug, Serialize)]
struct Failed<'a> {
    assertion: Option<&'a Source>,
    expected: &'static str,
    /// `allow`, `deny`, `partial`, `no-endpoints` or `unknown`; nothing where the question has no answer.
    outcome: Option<&'static str>,
    message: String,
    connections: Vec<Connections>,
    decided_by: Vec<Part>,
}

#[derive(Debug, Serialize)]
struct LeftOut<'a> {
    assertion: Option<&'a Source>,
    reason: &'a str,
    connections: Vec<Connections>,
}

#[derive(Debug, Serialize)]
struct Connections {
    from: String,
    to: String,
    ports: String,
}

#[derive(Debug, Serialize)]
struct Part {
    part: String,
    source: Option<Source>,
}

#[derive(Debug, Serialize)]
struct Covered {
    percent: usize,
    least: Option<usize>,
    parts: usize,
    decided: usize,
    never_decided: Vec<Part>,
}

pub(super) fn print(report: &Report) -> anyhow::Result<()> {
    output::json::print(&Document {
        version: 1,
        against: report.against.word(),
        passed: report.passed(),
        summary: summary(report),
        tests: report.cases.iter().map(test).collect(),
        warnings: &report.warnings,
        coverage: report
            .coverage
            .as_ref()
            .map(|coverage| covered(coverage, report.coverage_min)),
        mutation: report
            .trial
            .as_ref()
            .map(|trial| Mistakes::new(trial, report.mutate_min)),
    })
}

fn summary(report: &Report) -> Summary {
    Summary {
        tests: report.cases.len() + report.not_judged,
        passed: report.count(Status::Passed),
        failed: report.count(Status::Failed),
        skipped: report.count(Status::Skipped),
        not_judged: report.not_judged,
        connections: report.asked(),
    }
}

fn test(case: &Judged) -> Test<'_> {
    Test {
        name: &case.name,
        file: &case.file,
        reason: case.reason.as_deref(),
        status: case.status().word(),
        connections: case.asked,
        failures: case.failures.iter().map(failed).collect(),
        skipped: case.skipped.iter().map(left_out).collect(),
    }
}

fn failed(failure: &Failure) -> Failed<'_> {
    let decided = failure.answer.iter().flat_map(Deciding::of);
    Failed {
        assertion: failure.place.as_ref(),
        expected: expected(failure.expected),
        outcome: failure.outcome.as_ref().ok().map(mutation::outcome),
        message: claim(failure),
        connections: failure.ways.iter().map(connections).collect(),
        decided_by: decided.map(|decided| part(&decided)).collect(),
    }
}

fn left_out(skipped: &Skipped) -> LeftOut<'_> {
    LeftOut {
        assertion: skipped.place.as_ref(),
        reason: &skipped.reason,
        connections: skipped.ways.iter().map(connections).collect(),
    }
}

fn connections(way: &Way) -> Connections {
    Connections {
        from: way.source.to_string(),
        to: way.destination.to_string(),
        ports: way.connections.to_string(),
    }
}

fn covered(coverage: &Coverage, least: Option<usize>) -> Covered {
    Covered {
        percent: coverage.percent(),
        least,
        parts: coverage.all().len(),
        decided: coverage.covered().len(),
        never_decided: coverage.uncovered().map(part).collect(),
    }
}

fn part(part: &Deciding) -> Part {
    Part {
        part: part.to_string(),
        source: part.source().cloned(),
    }
}

pub(super) const fn expected(expected: Expected) -> &'static str {
    match expected {
        Expected::Allow => "allow",
        Expected::Deny => "deny",
    }
}
