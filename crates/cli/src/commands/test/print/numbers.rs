//! How much of the policies the tests exercise, and how many mistakes they would notice.

use std::collections::BTreeSet;

use ringfence_model::Source;
use ringfence_reach::assertion::Coverage;

use super::{count, difference};
use crate::commands::test::mutation::Trial;
use crate::commands::test::report::Report;
use crate::commands::test::suggestion::Suggested;
use crate::output::answer::{say_line, write_line};
use crate::paint;

pub(super) fn print(report: &Report) {
    if let Some(coverage) = &report.coverage {
        write_line!();
        lines(
            &coverage_lines(coverage, report.coverage_min),
            report.is_covered(),
        );
    }
    if let Some(trial) = &report.trial {
        write_line!();
        lines(&trial_lines(trial, report.mutate_min), report.is_noticed());
    }
}

/// The last one is the complaint, if there is one.
fn lines(lines: &[String], is_enough: bool) {
    let complaint = lines.len().saturating_sub(usize::from(!is_enough));
    for (index, line) in lines.iter().enumerate() {
        if index == complaint {
            say_line!("{}", paint::bad(line));
        } else {
            write_line!("{line}");
        }
    }
}

/// How much of the policies decided something, and what did not.
pub(in super::super) fn coverage_lines(coverage: &Coverage, least: Option<usize>) -> Vec<String> {
    let (covered, all) = (coverage.covered().len(), coverage.all().len());
    let percent = coverage.percent();
    let parts = count(all, "part");
    let mut lines = vec![format!(
        "coverage: {covered} of {parts} decided a connection ({percent} %)"
    )];
    if covered < all {
        lines.push("  never decided:".to_owned());
    }
    for part in coverage.uncovered() {
        lines.push(format!("    {part}{}", in_parentheses(part.source())));
    }
    lines.extend(too_little("coverage", percent, least));
    lines
}

/// Which mistakes no test would notice, and which tests would.
pub(in super::super) fn trial_lines(trial: &Trial, least: Option<usize>) -> Vec<String> {
    let found = &trial.mutations;
    let (noticed, percent) = (found.noticed(), found.percent());
    let all = noticed + found.missed().count();
    let mistakes = count(all, "mistake");
    let mut lines = vec![format!(
        "mutations: {noticed} of {mistakes} would be noticed ({percent} %)"
    )];
    lines.extend(aside(trial));
    if noticed < all {
        lines.push("  not noticed:".to_owned());
    }
    let mut suggested = BTreeSet::new();
    for (mutant, missed) in found.missed() {
        let place = mutant.source.as_ref();
        let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
        lines.push(format!("    {place}{mutant}"));
        lines.push(format!("      {}", difference(missed)));
        suggested.insert(Suggested::from(&missed.suggestion));
    }
    if !suggested.is_empty() {
        lines.push("  these tests would notice:".to_owned());
    }
    for one in suggested {
        lines.extend(one.to_string().lines().map(|line| format!("    {line}")));
    }
    lines.extend(too_little("the part that is noticed", percent, least));
    lines
}

/// What is not in the score.
fn aside(trial: &Trial) -> Vec<String> {
    let mut lines = Vec::new();
    let harmless = trial.mutations.harmless();
    if harmless > 0 {
        lines.push(format!(
            "  {harmless} more would change nothing that anybody can open"
        ));
    }
    let unobservable = trial.mutations.unobservable();
    if unobservable > 0 {
        lines.push(format!(
            "  {unobservable} more would change only what no test can name"
        ));
    }
    if trial.left_out > 0 {
        let connections = count(trial.left_out, "connection");
        lines.push(format!(
            "  {connections} not as the tests say, by the policies: left out here"
        ));
    }
    lines
}

fn too_little(what: &str, percent: usize, least: Option<usize>) -> Option<String> {
    let least = least.filter(|least| percent < *least)?;
    Some(format!("  {what} is below {least} %"))
}

fn in_parentheses(source: Option<&Source>) -> String {
    source
        .map(|source| format!(" ({source})"))
        .unwrap_or_default()
}
