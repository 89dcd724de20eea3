//! Sets of field paths, in memory and as `fieldsV1`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::patch::{ListRule, Position};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A field, or a key of a map.
    Field(String),
    /// The item of a list with these keys, as a JSON object.
    Item(String),
    /// An item of a set, as JSON.
    Member(String),
}

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    /// Whether the path up to here is in the set.
    here: bool,
    below: BTreeMap<Step, FieldSet>,
}

impl FieldSet {
    /// The paths of the values in `value`.
    pub(crate) fn of(value: &Value, at: Position) -> Self {
        let below: BTreeMap<Step, Self> = match (value, at) {
            (Value::Object(fields), Position::Object(_) | Position::Map(_) | Position::Free) => {
                fields
                    .iter()
                    .map(|(name, value)| {
                        let below = Self::of(value, at.applied_field(name));
                        (Step::Field(name.clone()), below)
                    })
                    .collect()
            }
            (Value::Array(list), Position::List(_, ListRule::Keyed { apply, .. })) => list
                .iter()
                .map(|item| {
                    let below = Self::of(item, at.item());
                    (
                        Step::Item(keys(item, apply)),
                        Self {
                            here: true,
                            ..below
                        },
                    )
                })
                .collect(),
            (Value::Array(list), Position::List(_, ListRule::Set)) => list
                .iter()
                .map(|item| (Step::Member(item.to_string()), Self::leaf()))
                .collect(),
            _ => BTreeMap::new(),
        };
        Self {
            here: below.is_empty(),
            below,
        }
    }

    /// The same paths, but none that ends below a single value.
    pub(crate) fn whole(self, at: Position) -> Self {
        if matches!(at, Position::Leaf) && !self.is_empty() {
            return Self::leaf();
        }
        let below = self.below.into_iter().map(|(step, set)| {
            let at = match &step {
                Step::Field(name) => at.applied_field(name),
                Step::Item(_) | Step::Member(_) => at.item(),
            };
            (step, set.whole(at))
        });
        Self {
            here: self.here,
            below: below.collect(),
        }
    }

    const fn leaf() -> Self {
        Self {
            here: true,
            below: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.here && self.below.values().all(Self::is_empty)
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut below = self.below.clone();
        for (step, set) in &other.below {
            let mine = below.entry(step.clone()).or_default();
            *mine = mine.union(set);
        }
        Self {
            here: self.here || other.here,
            below,
        }
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        let left = |(step, set): (&Step, &Self)| {
            let set = other
                .below
                .get(step)
                .map_or_else(|| set.clone(), |other| set.minus(other));
            (!set.is_empty()).then(|| (step.clone(), set))
        };
        Self {
            here: self.here && !other.here,
            below: self.below.iter().filter_map(left).collect(),
        }
    }

    /// What both have.
    pub(crate) fn common(&self, other: &Self) -> Self {
        self.minus(&self.minus(other))
    }

    /// Those of its paths at which the two objects differ.
    pub(crate) fn differing(&self, before: &Value, after: &Value) -> Self {
        let mut differing = Self::default();
        self.walk(&mut Vec::new(), &mut |path, is_leaf| {
            let (old, new) = (look(before, path), look(after, path));
            let differs = if is_leaf {
                old != new
            } else {
                old.is_some() != new.is_some()
            };
            if differs {
                differing.insert(path);
            }
        });
        differing
    }

    pub(crate) fn insert(&mut self, path: &[Step]) {
        match path {
            [] => self.here = true,
            [step, rest @ ..] => self.below.entry(step.clone()).or_default().insert(rest),
        }
    }

    /// Visits each path, and says whether nothing is below it.
    pub(crate) fn walk(&self, path: &mut Vec<Step>, visit: &mut dyn FnMut(&[Step], bool)) {
        if self.here && !path.is_empty() {
            visit(path, self.below.is_empty());
        }
        for (step, set) in &self.below {
            path.push(step.clone());
            set.walk(path, visit);
            path.pop();
        }
    }

    /// As `fieldsV1`.
    pub(crate) fn to_json(&self) -> Value {
        let mut fields = Map::new();
        if self.here && !self.below.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (step, set) in &self.below {
            let key = match step {
                Step::Field(name) => format!("f:{name}"),
                Step::Item(keys) => format!("k:{keys}"),
                Step::Member(value) => format!("v:{value}"),
            };
            fields.insert(key, set.to_json());
        }
        Value::Object(fields)
    }

    /// Reads `fieldsV1`; keys that it cannot have are left out.
    pub(crate) fn from_json(value: &Value) -> Self {
        let fields = value.as_object().into_iter().flatten();
        let mut set = Self::default();
        for (key, value) in fields {
            let step = match key.split_once(':') {
                Some(("f", name)) => Step::Field(name.to_owned()),
                Some(("k", keys)) => Step::Item(canonical(keys)),
                Some(("v", value)) => Step::Member(value.to_owned()),
                _ => {
                    set.here |= key == ".";
                    continue;
                }
            };
            set.below.insert(step, Self::from_json(value));
        }
        set.here |= set.below.is_empty();
        set
    }

    /// The first steps of its paths.
    pub(crate) fn below_steps(&self) -> impl Iterator<Item = &Step> {
        self.below.keys()
    }

    fn get(&self, step: &Step) -> Option<&Self> {
        self.below.get(step)
    }
}

/// The keys of a list's item as a JSON object; a port without protocol is one of TCP.
fn keys(item: &Value, names: &[&str]) -> String {
    let mut keys: BTreeMap<&str, Value> = BTreeMap::new();
    for name in names {
        let value = item.get(name).cloned();
        let value = value.or_else(|| (*name == "protocol").then(|| "TCP".into()));
        keys.extend(value.map(|value| (*name, value)));
    }
    serde_json::to_string(&keys).unwrap_or_default()
}

/// The same keys in our order.
fn canonical(keys: &str) -> String {
    let parsed: Option<BTreeMap<String, Value>> = serde_json::from_str(keys).ok();
    let written = parsed.and_then(|keys| serde_json::to_string(&keys).ok());
    written.unwrap_or_else(|| keys.to_owned())
}

/// The value at `path`.
pub(crate) fn look<'a>(value: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Item(_) | Step::Member(_) => {
            value.as_array()?.iter().find(|item| is_meant(item, step))
        }
    })
}

fn is_meant(item: &Value, step: &Step) -> bool {
    match step {
        Step::Field(_) => false,
        Step::Member(value) => serde_json::from_str(value).is_ok_and(|value: Value| value == *item),
        Step::Item(wanted) => {
            let wanted: Map<String, Value> = serde_json::from_str(wanted).unwrap_or_default();
            let same = |(name, value): (&String, &Value)| match item.get(name) {
                Some(found) => found == value,
                None => name == "protocol" && value == "TCP",
            };
            !wanted.is_empty() && wanted.iter().all(same)
        }
    }
}

/// Takes the paths of `gone` out of `value`, and what is empty without them, but nothing that holds a path of `kept`.
pub(crate) fn remove(value: &mut Value, gone: &FieldSet, kept: &FieldSet) {
    let nothing = FieldSet::default();
    for (step, gone) in &gone.below {
        let kept = kept.get(step).unwrap_or(&nothing);
        let whole = gone.here && kept.is_empty();
        match (&mut *value, step) {
            (Value::Object(fields), Step::Field(name)) => {
                let mut emptied = false;
                if let Some(value) = fields.get_mut(name).filter(|_| !whole) {
                    remove(value, gone, kept);
                    emptied = is_empty(value) && kept.is_empty();
                }
                if whole || emptied {
                    fields.shift_remove(name);
                }
            }
            (Value::Array(list), _) => {
                if whole {
                    list.retain(|item| !is_meant(item, step));
                } else if let Some(item) = list.iter_mut().find(|item| is_meant(item, step)) {
                    remove(item, gone, kept);
                }
            }
            (
                Value::Object(_)
                | Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_),
                _,
            ) => {}
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(value: &Value) -> FieldSet {
        FieldSet::of(
            value,
            Position::Object(ringfence_model::schema("v1", "Pod").unwrap()),
        )
    }

    #[test]
    fn paths_go_through_keyed_lists_and_sets_and_end_at_atomic_ones() {
        let object = json!({
            "metadata": {"finalizers": ["x"], "labels": {"a": "b"}},
            "spec": {"tolerations": [{"key": "t"}], "containers": [{"name": "c", "ports": [{"containerPort": 80}]}]},
        });
        let written = pod(&object).to_json();
        let expected = json!({
            "f:metadata": {"f:finalizers": {"v:\"x\"": {}}, "f:labels": {"f:a": {}}},
            "f:spec": {
                "f:containers": {"k:{\"name\":\"c\"}": {
                    ".": {}, "f:name": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
                }},
                "f:tolerations": {},
            },
        });
        assert_eq!(written, expected);
        assert_eq!(FieldSet::from_json(&written), pod(&object));
    }

    #[test]
    fn what_others_keep_is_not_removed() {
        let mut object = json!({"spec": {"containers": [
            {"name": "a", "image": "i", "command": ["x"]}, {"name": "b", "image": "i"},
        ]}});
        let gone = pod(&object);
        let kept = pod(&json!({"spec": {"containers": [{"name": "a", "image": "i"}]}}));
        remove(&mut object, &gone.minus(&kept), &kept);
        assert_eq!(
            object,
            json!({"spec": {"containers": [{"name": "a", "image": "i"}]}})
        );
    }

    #[test]
    fn what_is_emptied_goes_and_what_somebody_keeps_empty_stays() {
        let full = json!({"metadata": {"labels": {"a": "b"}, "finalizers": ["x"]}, "spec": {
            "affinity": {"podAffinity": {}}, "securityContext": {"runAsUser": 1},
        }});
        let mut object = full.clone();
        let kept = pod(&json!({"spec": {"securityContext": {}}}));
        remove(&mut object, &pod(&full).minus(&kept), &kept);
        assert_eq!(object, json!({"spec": {"securityContext": {}}}));
    }

    #[test]
    fn paths_below_a_single_value_are_those_of_the_value() {
        let at = Position::Object(ringfence_model::schema("v1", "Pod").unwrap());
        let told = json!({"f:spec": {"f:nodeSelector": {"f:disk": {}}, "f:hostname": {}}});
        let expected = json!({"f:spec": {"f:nodeSelector": {}, "f:hostname": {}}});
        let read = FieldSet::from_json(&told).whole(at);
        assert_eq!(read, FieldSet::from_json(&expected));
        assert_eq!(read.whole(at), FieldSet::from_json(&expected));
    }
}
