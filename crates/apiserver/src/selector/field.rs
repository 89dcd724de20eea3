//! Field selectors: `metadata.name=x,status.phase!=Running`, for the fields that a kind offers.

use serde_json::Value;

use crate::object;

/// All of its terms must hold; without any, everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    field: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Reads a selector over `fields` and those of every kind.
    ///
    /// # Errors
    /// What cannot be understood, or the field that is not offered.
    pub fn parse(text: &str, fields: &[&str]) -> Result<Self, String> {
        let terms = text.split(',').filter(|term| !term.is_empty());
        let terms = terms.map(|term| parse_term(term, fields));
        terms.collect::<Result<_, _>>().map(Self)
    }

    /// Whether the fields of `object` are as asked for.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.0
            .iter()
            .all(|term| (value(object, &term.field) == term.value) == term.equal)
    }
}

fn parse_term(term: &str, fields: &[&str]) -> Result<Term, String> {
    let (field, value, equal) = if let Some((field, value)) = term.split_once("!=") {
        (field, value, false)
    } else if let Some((field, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (field, value, true)
    } else {
        return Err(format!("invalid selector: {term:?}; can't understand it"));
    };
    if !["metadata.name", "metadata.namespace"].contains(&field) && !fields.contains(&field) {
        return Err(format!("field label not supported: {field}"));
    }
    Ok(Term {
        field: field.to_owned(),
        value: value.to_owned(),
        equal,
    })
}

/// The field as text: absent text is empty, an absent switch is off.
fn value(object: &Value, field: &str) -> String {
    let path: Vec<&str> = match field {
        "source" => vec!["source", "component"],
        // Events have two names for some fields, and are stored under the older one.
        "reportingController" => vec!["reportingComponent"],
        _ => match field.split_once('.') {
            Some(("regarding", rest)) => vec!["involvedObject", rest],
            _ => field.split('.').collect(),
        },
    };
    match object::at(object, &path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None if field == "spec.unschedulable" => "false".to_owned(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn terms_hold_together() {
        let pod = json!({"metadata": {"name": "a"}, "status": {"phase": "Running"}});
        let fields = ["status.phase", "spec.nodeName"];
        for (selector, expected) in [
            ("metadata.name=a", true),
            ("metadata.name=a,status.phase!=Running", false),
            ("spec.nodeName=", true),
            ("status.phase==Running", true),
        ] {
            let parsed = FieldSelector::parse(selector, &fields).unwrap();
            assert_eq!(parsed.matches(&pod), expected, "{selector}");
        }
        assert_eq!(
            FieldSelector::parse("spec.x=1", &fields).unwrap_err(),
            "field label not supported: spec.x"
        );
        assert!(FieldSelector::parse("metadata.name", &fields).is_err());
    }
}
