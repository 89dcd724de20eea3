//! Policy tests: names, assertions, and where each text of them stands.

use std::collections::BTreeMap;

use super::pod::owned;
use crate::report::{Problem, Report};
use crate::validate::quote;
use crate::view::View;
use crate::yaml::Span;
use crate::{Assertion, Expected, PolicyTest, PolicyTestCase, Written};

/// What diagnostics name as the rule: a policy test is ringfence's own.
const RULE: &str = "PolicyTest";

pub(crate) fn policy_test(report: &mut Report, root: &View<'_>) -> PolicyTest {
    let tests = root.field("tests");
    if tests.items().len() == 0 {
        report.required(RULE, &tests, "a policy test lists at least one test");
    }
    let cases = tests.items().map(|item| case(report, &item)).collect();
    check_names(report, &tests);
    PolicyTest {
        name: owned(&root.field("metadata").field("name")),
        cases,
        source: report.source(root.span),
    }
}

/// Names tell tests apart in reports and in `--filter`.
fn check_names(report: &mut Report, tests: &View<'_>) {
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    for item in tests.items() {
        let at = item.field("name");
        let Some(name) = at.text().filter(|name| !name.is_empty()) else {
            continue;
        };
        match first.get(name) {
            Some(span) => {
                let message = format!("Duplicate value: {}", quote(name));
                let help = format!("the first of that name is in line {}", span.line);
                report.add(Problem::new(RULE, &at.path, at.span, message).with_help(help));
            }
            None => {
                first.insert(name, at.span);
            }
        }
    }
}

fn case(report: &mut Report, at: &View<'_>) -> PolicyTestCase {
    let name = at.field("name");
    if name.text_or_empty().is_empty() {
        report.required(RULE, &name, "a test has a name");
    }
    let assertions = assertions(report, at);
    if assertions.is_empty() {
        let message = "a test has something under `allow` or `deny`";
        report.add(Problem::new(RULE, &at.path, at.span, message));
    }
    PolicyTestCase {
        name: name.text_or_empty().to_owned(),
        reason: owned(&at.field("reason")),
        assertions,
        source: report.source(at.span),
    }
}

/// What stands under `allow` and `deny`, in order of appearance.
fn assertions(report: &mut Report, case: &View<'_>) -> Vec<Assertion> {
    let mut found = Vec::new();
    for (key, _) in case.entries() {
        let (at, expected) = match key.text.as_str() {
            "allow" => (case.field("allow"), Expected::Allow),
            "deny" => (case.field("deny"), Expected::Deny),
            _ => continue,
        };
        for item in at.one_or_more() {
            // One alone begins at its key: there the reader looks for it.
            let begins = if at.is_list() { item.span } else { key.span };
            found.push(assertion(report, expected, &item, begins));
        }
    }
    found
}

fn assertion(report: &mut Report, expected: Expected, at: &View<'_>, begins: Span) -> Assertion {
    Assertion {
        expected,
        from: endpoints(report, &at.field("from"), "who opens the connection"),
        to: endpoints(report, &at.field("to"), "whom it is opened to"),
        ports: ports(report, RULE, &at.field("ports")),
        source: report.source(begins),
    }
}

fn endpoints(report: &mut Report, at: &View<'_>, meaning: &str) -> Vec<Written> {
    let found = written(report, RULE, at);
    if found.is_empty() {
        report.required(RULE, at, meaning);
    }
    found
}

/// An empty list, as templates make one, must not mean what no list means.
pub(super) fn ports(report: &mut Report, rule: &'static str, at: &View<'_>) -> Vec<Written> {
    if at.is_set() && at.one_or_more().is_empty() {
        let message = "an empty list names no port: leave it away to mean every port";
        report.add(Problem::new(rule, &at.path, at.span, message));
    }
    written(report, rule, at)
}

pub(super) fn written(report: &mut Report, rule: &'static str, at: &View<'_>) -> Vec<Written> {
    let items = at.one_or_more();
    items.iter().map(|item| text(report, rule, item)).collect()
}

fn text(report: &mut Report, rule: &'static str, at: &View<'_>) -> Written {
    let text = at.text().map(str::to_owned);
    let text = text.or_else(|| at.integer().map(|number| number.to_string()));
    let text = text.unwrap_or_default();
    if text.is_empty() {
        report.invalid(rule, at, &quote(""), "it says nothing");
    }
    Written {
        text,
        location: report.location(at.span),
    }
}
