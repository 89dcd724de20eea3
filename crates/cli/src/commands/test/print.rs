//! What became of tests, for people.

use ringfence_model::{Expected, Outcome};

use super::judge::{Failure, Judged, Report};
use crate::paint;

/// Failures of one test that are told in full.
const MOST_FAILURES: usize = 5;

/// Prints tests under the file that they are in.
#[derive(Debug, Default)]
pub(super) struct Printer {
    file: Option<String>,
}

impl Printer {
    pub(super) fn case(&mut self, case: &Judged) {
        if self.file.as_ref() != Some(&case.file) {
            anstream::println!("{}", paint::heading(&case.file));
            self.file = Some(case.file.clone());
        }
        let word = if case.passed() {
            paint::good("ok  ")
        } else {
            paint::bad("FAIL")
        };
        let asked = paint::dim(&format!("({})", count(case.asked, "connection")));
        anstream::println!("  {word} {} {asked}", case.name);
        if !case.passed() {
            failures(case);
        }
    }
}

fn failures(case: &Judged) {
    if let Some(reason) = &case.reason {
        anstream::println!("       {}", paint::dim(reason));
    }
    for failure in case.failures.iter().take(MOST_FAILURES) {
        println!("       {}", headline(failure));
        for line in failure.reasons().iter().flat_map(|reason| reason.lines()) {
            println!("         {line}");
        }
        if let Some(hint) = hint(failure) {
            println!("         {hint}");
        }
    }
    let rest = case.failures.len().saturating_sub(MOST_FAILURES);
    if rest > 0 {
        println!("       and {rest} more");
    }
}

/// `tests.yaml:14:3: deny: default/client -> svc/demo/web tcp/80: allow`.
pub(super) fn headline(failure: &Failure) -> String {
    let place = failure
        .place
        .as_ref()
        .map(|place| format!("{place}: "))
        .unwrap_or_default();
    let Failure {
        expected,
        source,
        destination,
        connections,
        ..
    } = failure;
    let outcome = match &failure.outcome {
        Ok(outcome) => outcome.to_string(),
        Err(reason) => reason.clone(),
    };
    format!("{place}{expected} {source} -> {destination} {connections}: {outcome}")
}

/// What to do about outcomes that are no verdicts.
pub(super) fn hint(failure: &Failure) -> Option<&'static str> {
    match (failure.outcome.as_ref().ok()?, failure.expected) {
        (Outcome::NoEndpoints, Expected::Allow) => {
            Some("no pod is behind the Service: do its selector and the pods' labels agree?")
        }
        (Outcome::NoEndpoints, Expected::Deny) => Some(
            "no pod is behind the Service, so policy was not asked: name the pods that must be out of reach",
        ),
        (Outcome::Unknown { .. }, _) => {
            Some("give the address in `status.podIPs`, or compare labels instead of addresses")
        }
        (Outcome::Partial, _) => Some("the pods behind the Service are not treated alike"),
        (Outcome::Allow | Outcome::Deny, _) => None,
    }
}

pub(super) fn summary(report: &Report) {
    let failed = report.cases.iter().filter(|case| !case.passed()).count();
    let passed = report.cases.len() - failed;
    let asked = report.cases.iter().map(|case| case.asked).sum();
    let mut words = vec![paint::good(&format!("{passed} passed"))];
    if failed > 0 {
        words.push(paint::bad(&format!("{failed} failed")));
    }
    if report.not_judged > 0 {
        words.push(format!("{} not judged", report.not_judged));
    }
    let tests = count(report.cases.len() + report.not_judged, "test");
    anstream::println!(
        "\n{tests}, {}: {}",
        count(asked, "connection"),
        words.join(", ")
    );
}

fn count(number: usize, of: &str) -> String {
    match number {
        1 => format!("1 {of}"),
        _ => format!("{number} {of}s"),
    }
}
