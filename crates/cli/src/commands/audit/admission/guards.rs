//! Whether the manifests hold what `--admission` prints, and for which namespaces.

use std::collections::BTreeMap;

use ringfence_model::{Input, LabelSelector, Requirement, SelectorOperator, SourceMap, read_json};
use serde_json::{Map, Value};

use super::POLICY;

const POLICY_KIND: &str = "ValidatingAdmissionPolicy";
const BINDING_KIND: &str = "ValidatingAdmissionPolicyBinding";

/// The kinds that are read here and nowhere else.
pub(in crate::commands::audit) const KINDS: [&str; 2] = [POLICY_KIND, BINDING_KIND];

/// The namespaces in which admission refuses pods on the host network. Only the policy that ringfence prints is known, as
/// it is printed or as an API server gives it back: of other expressions nobody can say what they let pass.
pub(in crate::commands::audit) fn guards(sources: &SourceMap) -> Vec<LabelSelector> {
    let texts = sources
        .iter()
        .filter(|(_, text)| text.contains(POLICY_KIND));
    let objects: Vec<Value> = texts
        .flat_map(|(name, text)| documents(name, text))
        .collect();
    let of_kind = |kind: &'static str| {
        let objects = objects.iter();
        objects.filter(move |object| text(object, "kind") == Some(kind))
    };
    let printed = documents("", POLICY);
    let is_ours = |policy: &&Value| printed.iter().any(|ours| same_spec(ours, policy));
    let names = of_kind(POLICY_KIND).filter(is_ours).filter_map(name);
    let names: Vec<&str> = names.collect();
    of_kind(BINDING_KIND)
        .filter_map(|binding| guard(binding, &names))
        .collect()
}

/// The objects of a text, those of lists too; none if it cannot be read.
fn documents(name: &str, text: &str) -> Vec<Value> {
    let input = Input {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let documents = read_json(&input).unwrap_or_default();
    let flattened = documents.into_iter().flat_map(|document| {
        match document.get("items").and_then(Value::as_array) {
            Some(items) => items.clone(),
            None => vec![document],
        }
    });
    flattened.collect()
}

fn same_spec(one: &Value, other: &Value) -> bool {
    let spec = |object: &Value| object.get("spec").map(without_defaults);
    spec(one) == spec(other)
}

/// Without what an API server adds where nothing is said: selectors of everything, and rules of every scope.
fn without_defaults(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = fields.iter().filter(|(key, value)| !is_default(key, value));
            let said = said.map(|(key, value)| (key.clone(), without_defaults(value)));
            Value::Object(said.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_defaults).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "namespaceSelector" | "objectSelector" => *value == Value::Object(Map::new()),
        "scope" => value == "*",
        _ => false,
    }
}

fn name(object: &Value) -> Option<&str> {
    text(object.get("metadata")?, "name")
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// What `binding` binds one of the policies to, if it denies and says no more than which namespaces it means.
fn guard(binding: &Value, policies: &[&str]) -> Option<LabelSelector> {
    let spec = without_defaults(binding.get("spec")?);
    let is_bound = policies.contains(&text(&spec, "policyName")?);
    let actions = spec.get("validationActions")?.as_array()?;
    let denies = actions.iter().any(|action| action == "Deny");
    let is_plain = spec.get("paramRef").is_none();
    let selector = match spec.get("matchResources") {
        None => LabelSelector::default(),
        Some(resources) => namespaces(resources)?,
    };
    (is_bound && denies && is_plain).then_some(selector)
}

/// `None` if it is about more than namespaces.
fn namespaces(resources: &Value) -> Option<LabelSelector> {
    let mut fields = resources.as_object()?.iter();
    let is_plain = fields.all(|(key, value)| match key.as_str() {
        "namespaceSelector" => true,
        "matchPolicy" => value == "Equivalent",
        _ => false,
    });
    let selector = resources.get("namespaceSelector").map(label_selector);
    let selector = selector.unwrap_or_else(|| Some(LabelSelector::default()));
    selector.filter(|_| is_plain)
}

fn label_selector(value: &Value) -> Option<LabelSelector> {
    let mut selector = LabelSelector::default();
    if let Some(labels) = value.get("matchLabels") {
        let labels = labels.as_object()?.iter();
        let labels = labels.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        selector.match_labels = labels.collect::<Option<BTreeMap<_, _>>>()?;
    }
    if let Some(expressions) = value.get("matchExpressions") {
        let expressions = expressions.as_array()?.iter().map(requirement);
        selector.match_expressions = expressions.collect::<Option<_>>()?;
    }
    Some(selector)
}

fn requirement(value: &Value) -> Option<Requirement> {
    let operator = match text(value, "operator")? {
        "In" => SelectorOperator::In,
        "NotIn" => SelectorOperator::NotIn,
        "Exists" => SelectorOperator::Exists,
        "DoesNotExist" => SelectorOperator::DoesNotExist,
        _ => return None,
    };
    let values = value.get("values").and_then(Value::as_array);
    let values = values.into_iter().flatten();
    Some(Requirement {
        key: text(value, "key")?.to_owned(),
        operator,
        values: values
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<_>>()?,
    })
}
