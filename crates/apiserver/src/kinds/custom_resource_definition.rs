//! `CustomResourceDefinition`: what it describes is served as long as it is there.

use std::collections::BTreeSet;

use ringfence_model::{Schema, Type};
use serde_json::{Value, json};

use crate::kind::{Column, JsonPath, Kind, Scope, Subresources, age_column, words};
use crate::object::{at, child, default, fields, items, text};
use crate::status::Cause;
use crate::structure::check_definition;

pub(super) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        short_names: words(&["crd", "crds"]),
        categories: words(&["api-extensions"]),
        subresources: Subresources { status: true, scale: false },
        columns: vec![
            Column::new("Created At", |crd, _| text(crd, &["metadata", "creationTimestamp"]).into()),
            age_column().wide(),
        ],
        defaults,
        validate,
        warnings,
        immutable: &[
            ("spec.group", "field is immutable"),
            ("spec.scope", "field is immutable"),
            ("spec.names.kind", "field is immutable"),
        ],
        ..Kind::namespaced(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            "CustomResourceDefinition describes a kind of objects that is served from then on.",
            &DEFINITION,
        )
    }
}

static DEFINITION: Schema = Schema {
    name: "CustomResourceDefinition",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Any),
        ("spec", Type::Object(&SPEC)),
        ("status", Type::Object(&STATUS)),
    ],
};

static SPEC: Schema = Schema {
    name: "CustomResourceDefinitionSpec",
    fields: &[
        ("conversion", Type::Object(&CONVERSION)),
        ("group", Type::Text),
        ("names", Type::Object(&NAMES)),
        ("preserveUnknownFields", Type::Bool),
        ("scope", Type::Text),
        ("versions", Type::List(&Type::Object(&VERSION))),
    ],
};

static CONVERSION: Schema = Schema {
    name: "CustomResourceConversion",
    fields: &[("strategy", Type::Text), ("webhook", Type::Any)],
};

static NAMES: Schema = Schema {
    name: "CustomResourceDefinitionNames",
    fields: &[
        ("categories", Type::List(&Type::Text)),
        ("kind", Type::Text),
        ("listKind", Type::Text),
        ("plural", Type::Text),
        ("shortNames", Type::List(&Type::Text)),
        ("singular", Type::Text),
    ],
};

static VERSION: Schema = Schema {
    name: "CustomResourceDefinitionVersion",
    fields: &[
        ("additionalPrinterColumns", Type::List(&Type::Object(&COLUMN))),
        ("deprecated", Type::Bool),
        ("deprecationWarning", Type::Text),
        ("name", Type::Text),
        ("schema", Type::Object(&VALIDATION)),
        ("selectableFields", Type::List(&Type::Object(&SELECTABLE))),
        ("served", Type::Bool),
        ("storage", Type::Bool),
        ("subresources", Type::Object(&SUBRESOURCES)),
    ],
};

static COLUMN: Schema = Schema {
    name: "CustomResourceColumnDefinition",
    fields: &[
        ("description", Type::Text),
        ("format", Type::Text),
        ("jsonPath", Type::Text),
        ("name", Type::Text),
        ("priority", Type::Int32),
        ("type", Type::Text),
    ],
};

static VALIDATION: Schema = Schema {
    name: "CustomResourceValidation",
    fields: &[("openAPIV3Schema", Type::Any)],
};

static SELECTABLE: Schema = Schema {
    name: "SelectableField",
    fields: &[("jsonPath", Type::Text)],
};

static SUBRESOURCES: Schema = Schema {
    name: "CustomResourceSubresources",
    fields: &[("scale", Type::Object(&SCALE)), ("status", Type::Object(&EMPTY))],
};

static EMPTY: Schema = Schema { name: "CustomResourceSubresourceStatus", fields: &[] };

static SCALE: Schema = Schema {
    name: "CustomResourceSubresourceScale",
    fields: &[
        ("labelSelectorPath", Type::Text),
        ("specReplicasPath", Type::Text),
        ("statusReplicasPath", Type::Text),
    ],
};

static STATUS: Schema = Schema {
    name: "CustomResourceDefinitionStatus",
    fields: &[
        ("acceptedNames", Type::Object(&NAMES)),
        ("conditions", Type::List(&Type::Object(&CONDITION))),
        ("observedGeneration", Type::Int64),
        ("storedVersions", Type::List(&Type::Text)),
    ],
};

static CONDITION: Schema = Schema {
    name: "CustomResourceDefinitionCondition",
    fields: &[
        ("lastTransitionTime", Type::Time),
        ("message", Type::Text),
        ("observedGeneration", Type::Int64),
        ("reason", Type::Text),
        ("status", Type::Text),
        ("type", Type::Text),
    ],
};

fn defaults(definition: &mut Value) {
    let kind = text(definition, &["spec", "names", "kind"]).to_owned();
    let spec = child(definition, "spec");
    default(fields(child(spec, "conversion")), "strategy", "None");
    let names = fields(child(spec, "names"));
    default(names, "singular", kind.to_lowercase());
    default(names, "listKind", format!("{kind}List"));
    let names = Value::Object(names.clone());
    establish(definition, names);
}

/// What is stored is served at once.
fn establish(definition: &mut Value, names: Value) {
    let time = at(definition, &["metadata", "creationTimestamp"]).cloned();
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": time})
    };
    let conditions = json!([
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]);
    let versions = items(definition, &["spec", "versions"]).iter();
    let stored = versions.filter(|version| version.get("storage") == Some(&Value::Bool(true)));
    let stored = stored.filter_map(|version| version.get("name"));
    let before = items(definition, &["status", "storedVersions"]).iter();
    let mut versions: Vec<Value> = Vec::new();
    for version in before.chain(stored) {
        if !versions.contains(version) {
            versions.push(version.clone());
        }
    }
    let status = fields(child(definition, "status"));
    status.insert("acceptedNames".to_owned(), names);
    status.insert("storedVersions".to_owned(), versions.into());
    default(status, "conditions", conditions);
}

fn validate(definition: &Value, causes: &mut Vec<Cause>) {
    let word = |path: &[&str]| text(definition, path);
    for path in [["spec", "group"].as_slice(), &["spec", "names", "plural"], &["spec", "names", "kind"]] {
        if word(path).is_empty() {
            causes.push(Cause::required(&path.join("."), ""));
        }
    }
    let expected = format!("{}.{}", word(&["spec", "names", "plural"]), word(&["spec", "group"]));
    let name = word(&["metadata", "name"]);
    if name != expected {
        let message = format!("must be spec.names.plural+\".\"+spec.group, which is {expected}");
        causes.push(Cause::invalid("metadata.name", &name.into(), &message));
    }
    let scope = word(&["spec", "scope"]);
    if !["Cluster", "Namespaced"].contains(&scope) {
        let message = "must be Cluster or Namespaced";
        causes.push(Cause::invalid("spec.scope", &scope.into(), message));
    }
    if word(&["spec", "conversion", "strategy"]) != "None" {
        let message = "ringfence calls no webhooks: only None is supported, which changes the apiVersion alone";
        causes.push(Cause::forbidden("spec.conversion.strategy", message));
    }
    if at(definition, &["spec", "preserveUnknownFields"]) == Some(&Value::Bool(true)) {
        let message = "must be false: use x-kubernetes-preserve-unknown-fields in the schema";
        causes.push(Cause::forbidden("spec.preserveUnknownFields", message));
    }
    validate_versions(items(definition, &["spec", "versions"]), causes);
}

fn validate_versions(versions: &[Value], causes: &mut Vec<Cause>) {
    let stored = versions.iter().filter(|version| version.get("storage") == Some(&Value::Bool(true)));
    if stored.count() != 1 {
        let message = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &versions.len().into(), message));
    }
    let mut names = BTreeSet::new();
    for (index, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{index}]");
        let name = text(version, &["name"]);
        if name.is_empty() || !names.insert(name) {
            let message = "must be given, and once";
            causes.push(Cause::invalid(&format!("{path}.name"), &name.into(), message));
        }
        if version.get("served").is_none() {
            causes.push(Cause::required(&format!("{path}.served"), ""));
        }
        validate_version(version, &path, causes);
    }
}

fn validate_version(version: &Value, path: &str, causes: &mut Vec<Cause>) {
    let of_schema = format!("{path}.schema.openAPIV3Schema");
    match at(version, &["schema", "openAPIV3Schema"]) {
        Some(schema) => check_definition(schema, &of_schema, causes),
        None => causes.push(Cause::required(&of_schema, "schemas are required")),
    }
    for (index, column) in items(version, &["additionalPrinterColumns"]).iter().enumerate() {
        let path = format!("{path}.additionalPrinterColumns[{index}]");
        let json_path = text(column, &["jsonPath"]);
        if JsonPath::parse(json_path).is_none() {
            let message = "must be a path of fields, indexes and conditions, such as .spec.replicas";
            causes.push(Cause::invalid(&format!("{path}.jsonPath"), &json_path.into(), message));
        }
        if !["integer", "number", "string", "boolean", "date"].contains(&text(column, &["type"])) {
            let message = "must be one of boolean, date, integer, number and string";
            causes.push(Cause::invalid(&format!("{path}.type"), &text(column, &["type"]).into(), message));
        }
        if text(column, &["name"]).is_empty() {
            causes.push(Cause::required(&format!("{path}.name"), ""));
        }
    }
    let Some(scale) = at(version, &["subresources", "scale"]) else {
        return;
    };
    for (field, beginning) in [("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")] {
        let given = text(scale, &[field]);
        if !given.starts_with(beginning) {
            let message = format!("should be a json path under {beginning}");
            let path = format!("{path}.subresources.scale.{field}");
            causes.push(Cause::invalid(&path, &given.into(), &message));
        }
    }
}

/// What is accepted and not done.
fn warnings(definition: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    if mentions(definition, "x-kubernetes-validations") {
        warnings.push("ringfence does not evaluate x-kubernetes-validations: what only they forbid is accepted".to_owned());
    }
    if mentions(definition, "selectableFields") {
        warnings.push("ringfence does not select by selectableFields".to_owned());
    }
    warnings
}

fn mentions(value: &Value, field: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.contains_key(field) || fields.values().any(|value| mentions(value, field))
        }
        Value::Array(items) => items.iter().any(|item| mentions(item, field)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
