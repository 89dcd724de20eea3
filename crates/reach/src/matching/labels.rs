//! Rules NP-20 to NP-23: which requirements of a selector labels do not meet.

use ringfence_model::{LabelSelector, Labels, Requirement, SelectorOperator};

use super::{Miss, Step, Why, below, field};

/// What `labels` of `who` miss of the selector that stands at `place`.
pub(super) fn misses(
    selector: &LabelSelector,
    labels: &Labels,
    who: &str,
    place: &[Step],
) -> Vec<Miss> {
    let pairs = selector
        .match_labels
        .iter()
        .filter(|(key, wanted)| labels.get(*key) != Some(*wanted))
        .map(|(key, _)| Miss {
            place: below(place, [field("matchLabels"), field(key)]),
            why: missing_or_different(labels, key, who),
        });
    let expressions = selector.match_expressions.iter().enumerate();
    let expressions = expressions
        .filter(|(_, requirement)| !requirement.matches(labels))
        .map(|(index, requirement)| Miss {
            place: below(place, [field("matchExpressions"), Step::Item(index)]),
            why: unmet(requirement, labels, who),
        });
    pairs.chain(expressions).collect()
}

fn missing_or_different(labels: &Labels, key: &str, who: &str) -> Why {
    match labels.get(key) {
        None => Why::LabelMissing {
            who: who.to_owned(),
            key: key.to_owned(),
        },
        Some(found) => Why::LabelDiffers {
            who: who.to_owned(),
            key: key.to_owned(),
            found: found.clone(),
        },
    }
}

fn unmet(requirement: &Requirement, labels: &Labels, who: &str) -> Why {
    let key = &requirement.key;
    match requirement.operator {
        SelectorOperator::In | SelectorOperator::Exists => missing_or_different(labels, key, who),
        SelectorOperator::NotIn | SelectorOperator::DoesNotExist => Why::LabelUnwanted {
            who: who.to_owned(),
            key: key.clone(),
            found: labels.get(key).cloned().unwrap_or_default(),
        },
    }
}
