use ringfence_model::{
    LabelSelector, Labels, METADATA_NAME_LABEL, Namespace, Requirement, SelectorOperator,
};

use crate::random::Random;

/// The keys and values of pods. A value may be empty, which is not the same as absent (rule NP-22).
pub(super) const POD: Vocabulary = &[
    ("app", &["web", "db", "api"]),
    ("tier", &["front", "back", ""]),
    ("track", &["stable"]),
];

/// The keys and values of namespaces.
pub(super) const NAMESPACE: Vocabulary = &[("team", &["a", "b"]), ("env", &["prod", ""])];

pub(super) type Vocabulary = &'static [(&'static str, &'static [&'static str])];

pub(super) fn namespaces(random: &mut Random) -> Vec<Namespace> {
    let names = ["default", "shop", "tools"];
    let count = random.between(1, names.len());
    names
        .iter()
        .take(count)
        .map(|name| Namespace::new(*name, draw(random, NAMESPACE)))
        .collect()
}

/// Some pairs of the vocabulary.
pub(super) fn draw(random: &mut Random, vocabulary: Vocabulary) -> Labels {
    let mut labels = Labels::new();
    for (key, values) in vocabulary {
        if random.chance(60) {
            let value = random.pick(values).copied().unwrap_or_default();
            labels.insert((*key).to_owned(), value.to_owned());
        }
    }
    labels
}

/// A selector of any form, biased to those that split the pods.
pub(super) fn selector(random: &mut Random, vocabulary: Vocabulary) -> LabelSelector {
    let mut selector = LabelSelector::default();
    match random.below(20) {
        0..=4 => {}
        5..=11 => add_pair(random, vocabulary, &mut selector),
        12..=15 => add_requirement(random, vocabulary, &mut selector),
        16 => {
            add_pair(random, vocabulary, &mut selector);
            add_pair(random, vocabulary, &mut selector);
        }
        17 | 18 => {
            add_pair(random, vocabulary, &mut selector);
            add_requirement(random, vocabulary, &mut selector);
        }
        _ => contradict(random, vocabulary, &mut selector),
    }
    selector
}

fn add_pair(random: &mut Random, vocabulary: Vocabulary, selector: &mut LabelSelector) {
    let (key, value) = pair(random, vocabulary);
    selector.match_labels.insert(key, value);
}

fn add_requirement(random: &mut Random, vocabulary: Vocabulary, selector: &mut LabelSelector) {
    use SelectorOperator::{DoesNotExist, Exists, In, NotIn};
    let (key, value) = pair(random, vocabulary);
    let operator = random
        .pick(&[In, NotIn, Exists, DoesNotExist])
        .copied()
        .unwrap_or(In);
    let values = match operator {
        In | NotIn if random.chance(40) => vec![value, pair(random, vocabulary).1],
        In | NotIn => vec![value],
        Exists | DoesNotExist => Vec::new(),
    };
    selector.match_expressions.push(Requirement {
        key,
        operator,
        values,
    });
}

/// Two expressions that cannot both hold (rule NP-23).
fn contradict(random: &mut Random, vocabulary: Vocabulary, selector: &mut LabelSelector) {
    let (key, _) = pair(random, vocabulary);
    for operator in [SelectorOperator::Exists, SelectorOperator::DoesNotExist] {
        let requirement = Requirement {
            key: key.clone(),
            operator,
            values: Vec::new(),
        };
        selector.match_expressions.push(requirement);
    }
}

/// A pair that some object may carry, or one that is wrong by a capital letter (rule NP-23).
fn pair(random: &mut Random, vocabulary: Vocabulary) -> (String, String) {
    if vocabulary == NAMESPACE && random.chance(30) {
        let name = random
            .pick(&["default", "shop", "tools"])
            .copied()
            .unwrap_or_default();
        return (METADATA_NAME_LABEL.to_owned(), name.to_owned());
    }
    let (key, values) = random
        .pick(vocabulary)
        .copied()
        .unwrap_or(("app", &["web"]));
    let value = random.pick(values).copied().unwrap_or_default();
    let value = if random.chance(3) {
        value.to_uppercase()
    } else {
        value.to_owned()
    };
    (key.to_owned(), value)
}
