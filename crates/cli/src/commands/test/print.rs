//! What became of tests, for people.

use ringfence_model::{Expected, Outcome, Source};
use ringfence_reach::assertion::{Coverage, Deciding};

use super::judge::{Failure, Judged, Report};
use crate::paint;

/// Failures of one test that are told in full.
const MOST_FAILURES: usize = 5;
/// Further ways of one failure that are named.
const MOST_WAYS: usize = 5;

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
        for line in reasons(failure) {
            println!("         {line}");
        }
        if let Some(hint) = hint(failure) {
            println!("         {hint}");
        }
        also(failure);
    }
    more(case.failures.len(), MOST_FAILURES);
}

/// `tests.yaml:14:3: default/client -> svc/demo/web tcp/80 must be denied and is allowed`.
pub(super) fn headline(failure: &Failure) -> String {
    let place = failure
        .place
        .as_ref()
        .map(|place| format!("{place}: "))
        .unwrap_or_default();
    let way = failure
        .ways
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let expected = match failure.expected {
        Expected::Allow => "allowed",
        Expected::Deny => "denied",
    };
    format!("{place}{way} must be {expected} and {}", found(failure))
}

fn found(failure: &Failure) -> String {
    match &failure.outcome {
        Ok(Outcome::Allow) => "is allowed".to_owned(),
        Ok(Outcome::Deny) => "is denied".to_owned(),
        Ok(Outcome::Partial) => "is allowed to some of the pods behind the Service".to_owned(),
        Ok(Outcome::NoEndpoints) => "leads to no pod".to_owned(),
        Ok(unknown @ Outcome::Unknown { .. }) => format!("is {unknown}"),
        Err(reason) => format!("cannot be judged: {reason}"),
    }
}

/// What decided the first way, both ends where it passes and those that refuse it where it does not.
fn reasons(failure: &Failure) -> Vec<String> {
    let mut found = Vec::new();
    let connections = failure.answer.iter().flat_map(|answer| &answer.connections);
    for connection in connections {
        let ends = [&connection.egress, &connection.ingress].into_iter();
        let deciding = ends.filter(|end| end.verdict == connection.verdict());
        found.extend(deciding.map(ToString::to_string));
    }
    found.dedup();
    found
}

fn also(failure: &Failure) {
    for way in failure.ways.iter().skip(1).take(MOST_WAYS) {
        println!("         so is {way}");
    }
    more(failure.ways.len(), MOST_WAYS + 1);
}

fn more(all: usize, shown: usize) {
    let rest = all.saturating_sub(shown);
    if rest > 0 {
        println!("         and {rest} more");
    }
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

/// How much of the policies decided something, and what did not.
pub(super) fn coverage(coverage: &Coverage, least: Option<usize>) {
    let (covered, all) = (coverage.covered().len(), coverage.all().len());
    let percent = coverage.percent();
    println!(
        "\ncoverage: {covered} of {} decided a connection ({percent} %)",
        count(all, "part")
    );
    let uncovered: Vec<&Deciding> = coverage.uncovered().collect();
    if !uncovered.is_empty() {
        println!("  never decided:");
    }
    for part in uncovered {
        println!("    {part}{}", in_parentheses(part.source()));
    }
    if let Some(least) = least.filter(|least| percent < *least) {
        let told = format!("coverage is below {least} %");
        anstream::println!("  {}", paint::bad(&told));
    }
}

fn in_parentheses(source: Option<&Source>) -> String {
    source
        .map(|source| format!(" ({source})"))
        .unwrap_or_default()
}

fn count(number: usize, of: &str) -> String {
    match number {
        1 => format!("1 {of}"),
        _ => format!("{number} {of}s"),
    }
}
