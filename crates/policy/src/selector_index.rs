//! Rules NP-20 to NP-23: which classes a label selector matches, found by key and value.

use std::collections::BTreeMap;

use ringfence_model::{LabelSelector, Labels, Requirement, SelectorOperator};

use crate::class::{ClassId, ClassSet};

/// Classes by label.
#[derive(Clone, Debug, Default)]
pub(crate) struct SelectorIndex {
    keys: BTreeMap<String, Key>,
}

/// The classes that have a key, and with which value.
#[derive(Clone, Debug, Default)]
struct Key {
    any: ClassSet,
    values: BTreeMap<String, ClassSet>,
}

const NOBODY: &ClassSet = &ClassSet::new();

impl SelectorIndex {
    pub(crate) fn add(&mut self, class: ClassId, labels: &Labels) {
        for (name, value) in labels {
            with_entry(&mut self.keys, name, |key| {
                key.any.insert(class);
                with_entry(&mut key.values, value, |classes| {
                    classes.insert(class);
                });
            });
        }
    }

    pub(crate) fn remove(&mut self, class: ClassId, labels: &Labels) {
        for (name, value) in labels {
            let Some(key) = self.keys.get_mut(name) else {
                continue;
            };
            key.any.remove(class);
            if let Some(classes) = key.values.get_mut(value) {
                classes.remove(class);
                if classes.is_empty() {
                    key.values.remove(value);
                }
            }
            if key.any.is_empty() {
                self.keys.remove(name);
            }
        }
    }

    /// The classes of `among` that `selector` matches (rule NP-20).
    pub(crate) fn select(&self, selector: &LabelSelector, among: &ClassSet) -> ClassSet {
        let mut found: Option<ClassSet> = None;
        for (key, value) in &selector.match_labels {
            let current = found.as_ref().unwrap_or(among);
            found = Some(current.intersection(self.with_value(key, value)));
        }
        for requirement in &selector.match_expressions {
            let current = found.as_ref().unwrap_or(among);
            found = Some(self.require(requirement, current));
        }
        found.unwrap_or_else(|| among.clone())
    }

    /// NP-21: one expression.
    fn require(&self, requirement: &Requirement, among: &ClassSet) -> ClassSet {
        let key = &requirement.key;
        let listed = || {
            let values = requirement.values.iter();
            ClassSet::union_of(values.map(|value| self.with_value(key, value)))
        };
        match requirement.operator {
            SelectorOperator::In => among.intersection(&listed()),
            SelectorOperator::NotIn => among.difference(&listed()),
            SelectorOperator::Exists => among.intersection(self.with_key(key)),
            SelectorOperator::DoesNotExist => among.difference(self.with_key(key)),
        }
    }

    fn with_key(&self, key: &str) -> &ClassSet {
        self.keys.get(key).map_or(NOBODY, |key| &key.any)
    }

    fn with_value(&self, key: &str, value: &str) -> &ClassSet {
        let key = self.keys.get(key);
        key.and_then(|key| key.values.get(value)).unwrap_or(NOBODY)
    }
}

/// Changes the entry of `key`, a new one if there is none; only then is the text copied.
pub(crate) fn with_entry<T: Default>(
    map: &mut BTreeMap<String, T>,
    key: &str,
    change: impl FnOnce(&mut T),
) {
    if let Some(found) = map.get_mut(key) {
        return change(found);
    }
    let mut new = T::default();
    change(&mut new);
    map.insert(key.to_owned(), new);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let owned = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    /// Every set of labels over two keys, one value of which is empty (rule NP-22).
    fn population() -> Vec<Labels> {
        let mut all = Vec::new();
        for app in [None, Some("web"), Some("db"), Some("")] {
            for tier in [None, Some("front"), Some("")] {
                let app = app.map(|value| ("app", value));
                let tier = tier.map(|value| ("tier", value));
                all.push(labels(&app.into_iter().chain(tier).collect::<Vec<_>>()));
            }
        }
        all
    }

    /// Selectors with up to two requirements of every kind.
    fn selectors() -> Vec<LabelSelector> {
        use SelectorOperator::{DoesNotExist, Exists, In, NotIn};
        let mut single = vec![LabelSelector::default()];
        for key in ["app", "tier", "absent"] {
            for (operator, values) in [
                (In, vec!["web", ""]),
                (NotIn, vec!["web", "front"]),
                (In, vec!["Web"]),
                (Exists, vec![]),
                (DoesNotExist, vec![]),
            ] {
                let mut selector = LabelSelector::default();
                selector.match_expressions.push(Requirement {
                    key: key.to_owned(),
                    operator,
                    values: values.into_iter().map(str::to_owned).collect(),
                });
                single.push(selector);
            }
            for value in ["web", ""] {
                single.push(LabelSelector {
                    match_labels: labels(&[(key, value)]),
                    ..LabelSelector::default()
                });
            }
        }
        let both = |one: &LabelSelector, other: &LabelSelector| LabelSelector {
            match_labels: one.match_labels.clone(),
            match_expressions: [
                one.match_expressions.clone(),
                other.match_expressions.clone(),
            ]
            .concat(),
        };
        let pairs = single
            .iter()
            .flat_map(|one| single.iter().map(move |other| both(one, other)));
        pairs.collect()
    }

    fn classes() -> impl Iterator<Item = ClassId> {
        (0..).step_by(37).map(ClassId::new)
    }

    #[test]
    fn selects_what_matches_and_nothing_after_removal() {
        let population = population();
        let mut index = SelectorIndex::default();
        for (class, labels) in classes().zip(&population) {
            index.add(class, labels);
        }
        for gone in [0, 5, 11] {
            let everybody = classes().zip(&population);
            let present: Vec<_> = everybody.skip(gone).collect();
            let all: ClassSet = present.iter().map(|(class, _)| *class).collect();
            for (class, labels) in classes().zip(&population).take(gone) {
                index.remove(class, labels);
            }
            for selector in selectors() {
                let matching = present
                    .iter()
                    .filter(|(_, labels)| selector.matches(labels));
                let expected: ClassSet = matching.map(|(class, _)| *class).collect();
                assert_eq!(index.select(&selector, &all), expected, "{selector:?}");
            }
        }
    }

    #[test]
    fn nothing_is_kept_of_who_left() {
        let mut index = SelectorIndex::default();
        let class = ClassId::new(3);
        index.add(class, &labels(&[("app", "web")]));
        index.remove(class, &labels(&[("app", "web")]));
        assert!(index.keys.is_empty());
    }
}
