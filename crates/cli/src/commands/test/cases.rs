//! A run as JUnit and TAP know it: tests by file, and one for each number that was asked for.

use super::print;
use super::report::{Judged, Report};
use crate::output::case::{Case, Failure, Suite};

/// A suite for each file, in order, and one of the numbers that were asked for.
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
        remarks: Vec::new(),
        seconds: case.seconds,
    }
}

/// What was asked for of the policies, whether it has to reach a number or not.
fn numbers(report: &Report) -> Vec<Case> {
    let coverage = report.coverage.as_ref().map(|coverage| {
        let least = report.coverage_min;
        let name = least.map_or_else(
            || "how much of the policies tests exercise".to_owned(),
            |least| format!("tests exercise {least} % of the policies"),
        );
        let lines = print::coverage_lines(coverage, least);
        number(name, report.is_covered(), lines)
    });
    let mutations = report.trial.as_ref().map(|trial| {
        let least = report.mutate_min;
        let name = least.map_or_else(
            || "how many mistakes tests notice".to_owned(),
            |least| format!("tests notice {least} % of the mistakes"),
        );
        number(name, report.is_noticed(), print::trial_lines(trial, least))
    });
    coverage.into_iter().chain(mutations).collect()
}

fn number(name: String, is_reached: bool, lines: Vec<String>) -> Case {
    let failure = (!is_reached).then(|| Failure {
        message: lines.first().cloned().unwrap_or_default(),
        details: lines.join("\n"),
    });
    Case {
        name,
        class: "policies".to_owned(),
        failure,
        skipped: None,
        remarks: lines,
        seconds: 0.0,
    }
}
