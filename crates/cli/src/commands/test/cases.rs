//! A run as JUnit and TAP know it: tests by file, and one for each number that must be reached.

use super::print;
use super::report::{Judged, Report};
use crate::output::case::{Case, Failure, Suite};

/// A suite for each file, in order, and one of the numbers that must be reached.
pub(super) fn suites(report: &Report) -> Vec<Suite> {
    let mut suites: Vec<Suite> = Vec::new();
    for case in &report.cases {
        let told = self::case(case);
        match suites.iter_mut().find(|suite| suite.name == case.file) {
            Some(suite) => suite.cases.push(told),
            None => suites.push(Suite {
                name: case.file.clone(),
                cases: vec![told],
            }),
        }
    }
    let numbers = numbers(report);
    if !numbers.is_empty() {
        suites.push(Suite {
            name: "policies".to_owned(),
            cases: numbers,
        });
    }
    suites
}

fn case(case: &Judged) -> Case {
    let failure = case.failures.first().map(|first| Failure {
        message: print::headline(first),
        details: print::details(case),
    });
    Case {
        name: case.name.clone(),
        class: case.file.clone(),
        skipped: failure
            .is_none()
            .then(|| print::why_skipped(case))
            .flatten(),
        failure,
        seconds: case.seconds,
    }
}

fn numbers(report: &Report) -> Vec<Case> {
    let coverage = report
        .coverage
        .as_ref()
        .zip(report.coverage_min)
        .map(|(coverage, least)| {
            let name = format!("tests exercise {least} % of the policies");
            let details = print::coverage_lines(coverage, Some(least));
            number(name, report.is_covered(), &details)
        });
    let mutations = report
        .trial
        .as_ref()
        .zip(report.mutate_min)
        .map(|(trial, least)| {
            let name = format!("tests notice {least} % of the mistakes");
            let details = print::trial_lines(trial, Some(least));
            number(name, report.is_noticed(), &details)
        });
    coverage.into_iter().chain(mutations).collect()
}

fn number(name: String, is_reached: bool, lines: &[String]) -> Case {
    let failure = (!is_reached).then(|| Failure {
        message: lines.first().cloned().unwrap_or_default(),
        details: lines.join("\n"),
    });
    Case {
        name,
        class: "policies".to_owned(),
        failure,
        skipped: None,
        seconds: 0.0,
    }
}
