//! The checks of the API server beyond types: names, labels, selectors, ports, addresses (rules V-*).

pub(crate) mod address;
pub(crate) mod domain;
pub(crate) mod limits;
pub(crate) mod names;
pub(crate) mod ports;
pub(crate) mod selector;

use crate::report::{Problem, Report};
use crate::view::View;

/// The API server's types of field errors, in its words.
impl Report {
    /// A value is missing.
    pub(crate) fn required(&mut self, rule: &'static str, at: &View<'_>, detail: &str) {
        self.add_missing(problem(rule, at, with_detail("Required value", detail)));
    }

    /// The value as written is malformed.
    pub(crate) fn invalid(&mut self, rule: &'static str, at: &View<'_>, value: &str, detail: &str) {
        let message = with_detail(&format!("Invalid value: {value}"), detail);
        self.add(problem(rule, at, message));
    }

    /// The value is none of those that are `supported`.
    pub(crate) fn not_supported(
        &mut self,
        rule: &'static str,
        at: &View<'_>,
        value: &str,
        supported: &[&str],
    ) {
        let list: Vec<String> = supported.iter().map(|value| quote(value)).collect();
        let message = format!(
            "Unsupported value: {}: supported values: {}",
            quote(value),
            list.join(", ")
        );
        let mut problem = problem(rule, at, message);
        if let Some(meant) = crate::schema::nearest(value, supported.iter().copied()) {
            problem = problem.with_label(format!("did you mean `{meant}`?"));
        }
        self.add(problem);
    }

    /// The field may not be here.
    pub(crate) fn forbidden(&mut self, rule: &'static str, at: &View<'_>, detail: &str) {
        self.add(problem(rule, at, with_detail("Forbidden", detail)));
    }

    /// The value is taken.
    pub(crate) fn duplicate(&mut self, rule: &'static str, at: &View<'_>, value: &str) {
        self.add(problem(rule, at, format!("Duplicate value: {value}")));
    }
}

fn problem(rule: &'static str, at: &View<'_>, message: impl AsRef<str>) -> Problem {
    Problem::new(rule, &at.path, at.span, message)
}

fn with_detail(message: &str, detail: &str) -> String {
    if detail.is_empty() {
        message.to_owned()
    } else {
        format!("{message}: {detail}")
    }
}

/// `text` in double quotes, as the API server quotes values.
pub(crate) fn quote(text: &str) -> String {
    format!("{text:?}")
}

/// Reports every message of `messages` at `at`.
pub(crate) fn invalid_text(
    report: &mut Report,
    rule: &'static str,
    at: &View<'_>,
    value: &str,
    messages: Vec<String>,
) {
    for message in messages {
        report.invalid(rule, at, &quote(value), &message);
    }
}
