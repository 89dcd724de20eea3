//! The paths by which the columns of custom resources find their values: `.status.conditions[?(@.type=="Ready")].status`.

use serde_json::Value;

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
    All,
    /// The items at whose path there is this text.
    Where(JsonPath, String),
}

impl JsonPath {
    /// Reads a path; `None` if it is none, or uses more of the language than columns do.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (step, behind) = step(rest)?;
            steps.push(step);
            rest = behind;
        }
        (!steps.is_empty()).then_some(Self(steps))
    }

    /// The values that it leads to.
    #[must_use]
    pub fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let start = vec![value];
        self.0.iter().fold(start, |values, step| {
            values
                .into_iter()
                .flat_map(|value| step.find(value))
                .collect()
        })
    }
}

impl Step {
    fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            Self::Field(name) => value.get(name).into_iter().collect(),
            Self::Index(index) => value.get(index).into_iter().collect(),
            Self::All => items(value),
            Self::Where(path, wanted) => {
                let meant = |item: &&Value| path.find(item).iter().any(|found| says(found, wanted));
                items(value).into_iter().filter(meant).collect()
            }
        }
    }
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn says(found: &Value, wanted: &str) -> bool {
    let written = || serde_json::from_str::<Value>(wanted).ok();
    found.as_str() == Some(wanted) || written().is_some_and(|wanted| wanted == *found)
}

/// The first step of a path, and what is behind it.
fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        return bracket(rest);
    }
    let rest = text.strip_prefix('.')?;
    if rest.starts_with('[') {
        return step(rest);
    }
    let mut name = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => name.extend(letters.next().map(|(_, letter)| letter)),
            '.' | '[' => return field(name, rest.get(at..)?),
            letter => name.push(letter),
        }
    }
    field(name, "")
}

fn field(name: String, rest: &str) -> Option<(Step, &str)> {
    match name.as_str() {
        "" => None,
        "*" => Some((Step::All, rest)),
        _ => Some((Step::Field(name), rest)),
    }
}

fn bracket(text: &str) -> Option<(Step, &str)> {
    if let Some(condition) = text.strip_prefix("?(@") {
        let (condition, rest) = condition.split_once(")]")?;
        let (path, wanted) = condition.split_once("==")?;
        let wanted = wanted.trim().trim_matches(['"', '\'']).to_owned();
        return Some((Step::Where(JsonPath::parse(path)?, wanted), rest));
    }
    let (inside, rest) = text.split_once(']')?;
    let inside = inside.trim();
    if inside == "*" {
        return Some((Step::All, rest));
    }
    if let Ok(index) = inside.parse() {
        return Some((Step::Index(index), rest));
    }
    let name = inside.trim_matches(['"', '\'']);
    (name.len() + 2 == inside.len() && !name.is_empty())
        .then(|| (Step::Field(name.to_owned()), rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str) -> Vec<Value> {
        let object = json!({
            "metadata": {"labels": {"a.b/c": "x"}}, "spec": {"list": [{"n": 1}, {"n": 2}]},
            "status": {"conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]},
        });
        let path = JsonPath::parse(path).unwrap();
        path.find(&object).into_iter().cloned().collect()
    }

    #[test]
    fn values_are_found() {
        assert_eq!(found(".spec.list[1].n"), [json!(2)]);
        assert_eq!(found(".spec.list[*].n"), [json!(1), json!(2)]);
        assert_eq!(found(r".metadata.labels.a\.b/c"), [json!("x")]);
        assert_eq!(found(".metadata.labels['a.b/c']"), [json!("x")]);
        assert_eq!(
            found(".status.conditions[?(@.type==\"Ready\")].status"),
            [json!("True")]
        );
        assert_eq!(
            found(".status.conditions[?(@.type=='None')].status"),
            Vec::<Value>::new()
        );
        assert_eq!(found(".spec.none.more"), Vec::<Value>::new());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "spec", ".", "..a", ".a[", ".a[x]", ".a[?(@.b)]"] {
            assert_eq!(JsonPath::parse(text), None, "{text}");
        }
    }
}
