//! Labels and label selectors (rules V-12 to V-17, V-20).

use super::{invalid_text, names, quote};
use crate::diagnostic::Severity;
use crate::report::{Problem, Report};
use crate::schema::nearest;
use crate::view::View;
use crate::{LabelSelector, Labels, Requirement, SelectorOperator};

const OPERATORS: [(&str, SelectorOperator); 4] = [
    ("In", SelectorOperator::In),
    ("NotIn", SelectorOperator::NotIn),
    ("Exists", SelectorOperator::Exists),
    ("DoesNotExist", SelectorOperator::DoesNotExist),
];

/// The selector at `at`; missing is the empty one.
pub(crate) fn selector(report: &mut Report, at: &View<'_>) -> LabelSelector {
    let expressions = at.field("matchExpressions");
    LabelSelector {
        match_labels: labels(report, "V-12", &at.field("matchLabels")),
        match_expressions: expressions
            .items()
            .filter_map(|item| requirement(report, &item))
            .collect(),
    }
}

/// The labels at `at`.
pub(crate) fn labels(report: &mut Report, rule: &'static str, at: &View<'_>) -> Labels {
    let mut labels = Labels::new();
    for (key, value) in at.entries() {
        invalid_text(
            report,
            rule,
            &at.pointing_at(key.span),
            &key.text,
            names::qualified_name(&key.text),
        );
        let text = value.text_or_empty();
        invalid_text(
            report,
            rule,
            &at.pointing_at(value.span),
            text,
            names::label_value(text),
        );
        if !value.is_set() {
            warn_of_missing_value(report, &value);
        }
        labels.insert(key.text.clone(), text.to_owned());
    }
    labels
}

/// The API server reads `app:` as the empty string, which is rarely meant (rule NP-22).
fn warn_of_missing_value(report: &mut Report, at: &View<'_>) {
    let message = "the value is missing, and read as the empty string";
    let problem = Problem::new("NP-22", &at.path, at.span, message)
        .with_severity(Severity::Warning)
        .with_help("write \"\" if that is meant");
    report.add(problem);
}

fn requirement(report: &mut Report, at: &View<'_>) -> Option<Requirement> {
    let key = at.field("key");
    let values_at = at.field("values");
    let operator = operator(report, &at.field("operator"));
    let values: Vec<String> = values_at
        .items()
        .map(|value| {
            let text = value.text_or_empty();
            invalid_text(report, "V-17", &value, text, names::label_value(text));
            text.to_owned()
        })
        .collect();
    match operator {
        Some(SelectorOperator::In | SelectorOperator::NotIn) if values.is_empty() => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            report.required("V-15", &values_at, detail);
        }
        Some(SelectorOperator::Exists | SelectorOperator::DoesNotExist) if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            report.forbidden("V-16", &values_at, detail);
        }
        Some(_) | None => {}
    }
    let name = key.text_or_empty();
    invalid_text(report, "V-13", &key, name, names::qualified_name(name));
    Some(Requirement {
        key: name.to_owned(),
        operator: operator?,
        values,
    })
}

fn operator(report: &mut Report, at: &View<'_>) -> Option<SelectorOperator> {
    let text = at.text_or_empty();
    let found = OPERATORS.iter().find(|(name, _)| *name == text);
    if let Some((_, operator)) = found {
        return Some(*operator);
    }
    let message = format!(
        "Invalid value: {}: not a valid selector operator",
        quote(text)
    );
    let mut problem = Problem::new("V-14", &at.path, at.span, message);
    if let Some(meant) = nearest(text, OPERATORS.iter().map(|(name, _)| *name)) {
        problem = problem.with_label(format!("did you mean `{meant}`?"));
    }
    report.add(problem);
    None
}
