//! Label selectors as clients write them: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.

use serde_json::Value;

use crate::object;

/// All of its requirements must hold; without any, everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    Absent,
    In(Vec<String>),
    /// Objects without the key match too.
    NotIn(Vec<String>),
}

impl LabelSelector {
    /// Reads a selector.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let requirements = split(text)?.into_iter().map(str::trim);
        let requirements = requirements.filter(|part| !part.is_empty());
        requirements
            .map(requirement)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the labels of `object` are as asked for.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        let labels = object::at(object, &["metadata", "labels"]);
        let value = |key: &str| labels.and_then(|labels| labels.get(key)?.as_str());
        self.0.iter().all(|requirement| {
            let value = value(&requirement.key);
            match &requirement.operator {
                Operator::Exists => value.is_some(),
                Operator::Absent => value.is_none(),
                Operator::In(values) => value.is_some_and(|value| contains(values, value)),
                Operator::NotIn(values) => !value.is_some_and(|value| contains(values, value)),
            }
        })
    }
}

fn contains(values: &[String], value: &str) -> bool {
    values.iter().any(|one| one == value)
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let mut inside = false;
    for character in text.chars() {
        match (character, inside) {
            ('(', false) => inside = true,
            (')', true) => inside = false,
            ('(' | ')', _) => return Err(bad(text)),
            _ => {}
        }
    }
    if inside {
        return Err(bad(text));
    }
    let mut inside = false;
    Ok(text
        .split(move |character| {
            match character {
                '(' => inside = true,
                ')' => inside = false,
                _ => {}
            }
            character == ',' && !inside
        })
        .collect())
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let (key, operator) = if let Some((key, rest)) = set(text, " notin") {
        (key, Operator::NotIn(values(rest, text)?))
    } else if let Some((key, rest)) = set(text, " in") {
        (key, Operator::In(values(rest, text)?))
    } else if let Some((key, value)) = text.split_once("!=") {
        (key, Operator::NotIn(vec![value.trim().to_owned()]))
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, Operator::In(vec![value.trim().to_owned()]))
    } else if let Some(key) = text.strip_prefix('!') {
        (key, Operator::Absent)
    } else {
        (text, Operator::Exists)
    };
    let key = key.trim().to_owned();
    let checked = match &operator {
        Operator::Exists | Operator::Absent => vec![""],
        Operator::In(values) | Operator::NotIn(values) => {
            values.iter().map(String::as_str).collect()
        }
    };
    for value in checked {
        ringfence_model::check_label(&key, value)
            .map_err(|error| format!("{}: {error}", bad(text)))?;
    }
    Ok(Requirement { key, operator })
}

/// Key and parenthesis of `key in (a,b)`.
fn set<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let (before, values) = text.split_once('(')?;
    let key = before.trim_end().strip_suffix(word)?;
    Some((key, values))
}

fn values(rest: &str, text: &str) -> Result<Vec<String>, String> {
    let inner = rest.trim_end().strip_suffix(')').ok_or_else(|| bad(text))?;
    Ok(inner
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect())
}

fn bad(text: &str) -> String {
    format!("unable to parse requirement: `{text}` is no label selector")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_operator_selects() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front", "empty": ""}}});
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app=db", false),
            ("app!=db", true),
            ("other!=x", true),
            ("app in (db, web)", true),
            ("app in (db)", false),
            ("app notin (db,cache)", true),
            ("other notin (a)", true),
            ("app notin (web)", false),
            ("tier", true),
            ("!tier", false),
            ("!other", true),
            ("empty=", true),
            ("app in (web),!other,tier!=back", true),
        ] {
            let parsed = LabelSelector::parse(selector).unwrap();
            assert_eq!(parsed.matches(&object), expected, "{selector}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "a in (b",
            "a in b)",
            "=x",
            "a=b=c",
            "-a",
            "a in ((b))",
            "a b",
            "!",
            "a notin",
        ] {
            assert!(LabelSelector::parse(text).is_err(), "{text}");
        }
    }
}
