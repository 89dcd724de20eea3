//! Rules NP-20 to NP-23: label selectors.

use ringfence_model::{LabelSelector, Labels, Requirement, SelectorOperator};

/// NP-20: every pair and every expression must hold; nothing to hold means everything matches.
pub(crate) fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let pairs_hold = selector
        .match_labels
        .iter()
        .all(|(key, wanted)| labels.get(key).is_some_and(|value| value == wanted));
    let expressions_hold = selector
        .match_expressions
        .iter()
        .all(|requirement| holds(requirement, labels));
    pairs_hold && expressions_hold
}

/// NP-21, NP-22: one expression; an absent key and an empty value are different things.
fn holds(requirement: &Requirement, labels: &Labels) -> bool {
    let value = labels.get(&requirement.key);
    let present = value.is_some();
    let listed = requirement
        .values
        .iter()
        .any(|wanted| Some(wanted) == value);
    match requirement.operator {
        SelectorOperator::In => present && listed,
        SelectorOperator::NotIn => !present || !listed,
        SelectorOperator::Exists => present,
        SelectorOperator::DoesNotExist => !present,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn expression(key: &str, operator: SelectorOperator, values: &[&str]) -> LabelSelector {
        LabelSelector {
            match_labels: Labels::new(),
            match_expressions: vec![Requirement {
                key: key.to_owned(),
                operator,
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            }],
        }
    }

    #[test]
    fn the_truth_table_of_operators() {
        use SelectorOperator::{DoesNotExist, Exists, In, NotIn};
        let absent = labels(&[]);
        let empty = labels(&[("k", "")]);
        let listed = labels(&[("k", "a")]);
        let other = labels(&[("k", "b")]);
        let expected = [
            (In, ["a"].as_slice(), [false, false, true, false]),
            (In, [""].as_slice(), [false, true, false, false]),
            (NotIn, ["a"].as_slice(), [true, true, false, true]),
            (Exists, [].as_slice(), [false, true, true, true]),
            (DoesNotExist, [].as_slice(), [true, false, false, false]),
        ];
        for (operator, values, results) in expected {
            let selector = expression("k", operator, values);
            let found = [&absent, &empty, &listed, &other].map(|labels| selects(&selector, labels));
            assert_eq!(found, results, "{operator:?} {values:?}");
        }
    }

    #[test]
    fn pairs_and_expressions_are_all_required() {
        let mut selector = expression("k", SelectorOperator::Exists, &[]);
        selector.match_labels = labels(&[("app", "web")]);
        assert!(selects(&selector, &labels(&[("app", "web"), ("k", "")])));
        assert!(!selects(&selector, &labels(&[("app", "web")])));
        assert!(!selects(&selector, &labels(&[("app", "Web"), ("k", "")])));
        assert!(selects(&LabelSelector::default(), &labels(&[])));
    }
}
