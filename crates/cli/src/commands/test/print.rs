//! What became of tests, for people.

mod numbers;

use ringfence_model::{Expected, Outcome};
use ringfence_reach::assertion::Missed;

use super::judge::Way;
use super::report::{Failure, Judged, Report, Skipped, Status};
use super::suggestion::way;
use crate::inputs::manifests::POD_CIDR_HINT;
use crate::output::answer::{say_line, write_line};
use crate::paint;
pub(super) use numbers::{coverage_lines, trial_lines};

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
            say_line!("{}", paint::heading(&case.file));
            self.file = Some(case.file.clone());
        }
        let word = match case.status() {
            Status::Passed => paint::good("ok  "),
            Status::Failed => paint::bad("FAIL"),
            Status::Skipped => paint::heading("skip"),
        };
        let asked = paint::dim(&format!("({})", count(case.asked, "connection")));
        say_line!("  {word} {} {asked}", case.name);
        if let (Status::Failed, Some(reason)) = (case.status(), &case.reason) {
            say_line!("       {}", paint::dim(reason));
        }
        for line in lines(case) {
            write_line!("       {line}");
        }
    }
}

/// What is to say of a test that did not pass.
fn lines(case: &Judged) -> Vec<String> {
    let mut lines = Vec::new();
    for failure in case.failures.iter().take(MOST_FAILURES) {
        lines.push(headline(failure));
        let more = reasons(failure).into_iter();
        lines.extend(more.map(|line| format!("  {line}")));
        lines.extend(hint(failure).map(|hint| format!("  {hint}")));
        lines.extend(also(&failure.ways));
    }
    lines.extend(more(case.failures.len(), MOST_FAILURES));
    for skipped in case.skipped.iter().take(MOST_FAILURES) {
        lines.push(self::skipped(skipped));
        lines.extend(also(&skipped.ways));
    }
    lines.extend(more(case.skipped.len(), MOST_FAILURES));
    lines
}

/// All that is said of a test, in lines.
pub(super) fn details(case: &Judged) -> String {
    lines(case).join("\n")
}

/// Why connections of a test could not be tried.
pub(super) fn why_skipped(case: &Judged) -> Option<String> {
    let reasons: Vec<String> = case.skipped.iter().map(skipped).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// `tests.yaml:14:3: default/client -> 192.0.2.1 tcp/80 is skipped: there is no such host`.
pub(super) fn skipped(skipped: &Skipped) -> String {
    let place = skipped
        .place
        .as_ref()
        .map(|place| format!("{place}: "))
        .unwrap_or_default();
    let way = first(&skipped.ways);
    format!("{place}{way} is skipped: {}", skipped.reason)
}

/// `tests.yaml:14:3: default/client -> svc/demo/web tcp/80 must be denied and is allowed`.
pub(super) fn headline(failure: &Failure) -> String {
    let place = failure
        .place
        .as_ref()
        .map(|place| format!("{place}: "))
        .unwrap_or_default();
    format!("{place}{}", claim(failure))
}

/// The same without its place.
pub(super) fn claim(failure: &Failure) -> String {
    let way = first(&failure.ways);
    let expected = match failure.expected {
        Expected::Allow => "allowed",
        Expected::Deny => "denied",
    };
    format!("{way} must be {expected} and {}", found(&failure.outcome))
}

fn first(ways: &[Way]) -> String {
    ways.first().map(ToString::to_string).unwrap_or_default()
}

/// `default/client -> demo/web-0 tcp/80 is denied, and would be allowed`.
pub(super) fn difference(missed: &Missed) -> String {
    let after = match &missed.after {
        Some(Outcome::Allow) => "would be allowed".to_owned(),
        Some(Outcome::Deny) => "would be denied".to_owned(),
        Some(Outcome::Partial) => {
            "would be allowed to some of the pods behind the Service".to_owned()
        }
        Some(Outcome::NoEndpoints) => "would lead to no pod".to_owned(),
        Some(unknown @ Outcome::Unknown { .. }) => format!("would be {unknown}"),
        None => "could not be judged any more".to_owned(),
    };
    let before = found(&Ok(missed.before.clone()));
    format!("{} {before}, and {after}", way(&missed.witness))
}

fn found(outcome: &Result<Outcome, String>) -> String {
    match outcome {
        Ok(Outcome::Allow) => "is allowed".to_owned(),
        Ok(Outcome::Deny) => "is denied".to_owned(),
        Ok(Outcome::Partial) => "is allowed to some of the pods behind the Service".to_owned(),
        Ok(Outcome::NoEndpoints) => "leads to no pod".to_owned(),
        Ok(unknown @ Outcome::Unknown { .. }) => format!("is {unknown} ({POD_CIDR_HINT})"),
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

fn also(ways: &[Way]) -> Vec<String> {
    let others = ways.iter().skip(1).take(MOST_WAYS);
    let mut lines: Vec<String> = others.map(|way| format!("  so is {way}")).collect();
    lines.extend(more(ways.len(), MOST_WAYS + 1).map(|line| format!("  {line}")));
    lines
}

fn more(all: usize, shown: usize) -> Option<String> {
    let rest = all.saturating_sub(shown);
    (rest > 0).then(|| format!("and {rest} more"))
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

/// What came of all of it.
pub(super) fn summary(report: &Report) {
    let mut words = vec![paint::good(&format!(
        "{} passed",
        report.count(Status::Passed)
    ))];
    let (failed, skipped) = (report.count(Status::Failed), report.count(Status::Skipped));
    if failed > 0 {
        words.push(paint::bad(&format!("{failed} failed")));
    }
    if skipped > 0 {
        words.push(paint::heading(&format!("{skipped} skipped")));
    }
    if report.not_judged > 0 {
        words.push(format!("{} not judged", report.not_judged));
    }
    let tests = count(report.cases.len() + report.not_judged, "test");
    say_line!(
        "\n{tests}, {}: {}",
        count(report.asked(), "connection"),
        words.join(", ")
    );
    if !report.judged_anything() {
        say_line!(
            "{}",
            paint::bad("every connection was skipped: nothing is known")
        );
    }
    numbers::print(report);
}

pub(super) fn count(number: usize, of: &str) -> String {
    match number {
        1 => format!("1 {of}"),
        _ => format!("{number} {of}s"),
    }
}
