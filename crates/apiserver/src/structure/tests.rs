use serde_json::{Value, json};

use super::{Structure, check_definition};
use crate::check::Findings;

fn structure() -> Structure {
    Structure::new(json!({
        "type": "object",
        "properties": {"spec": {
            "type": "object", "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 5},
                "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
                "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 3},
                "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "items": {"type": "array", "maxItems": 2, "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            },
        }},
    }))
}

/// What is wrong with a specification.
fn wrong(spec: &Value) -> Vec<String> {
    let mut causes = Vec::new();
    let object =
        json!({"apiVersion": "e/v1", "kind": "K", "metadata": {"name": "a"}, "spec": spec});
    structure().validate(&object, &mut causes);
    causes
        .into_iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect()
}

#[test]
fn what_fits_is_taken() {
    let spec = json!({"size": 1, "color": "blue", "name": "abc", "port": "http", "labels": {"a": "b"}, "free": {"x": [1]}, "items": ["a", "b"]});
    assert_eq!(wrong(&spec), Vec::<String>::new());
    assert_eq!(wrong(&json!({"size": 5, "port": 80})), Vec::<String>::new());
}

#[test]
fn every_rule_is_named_with_its_place() {
    for (spec, expected) in [
        (json!({}), "spec.size: Required value"),
        (
            json!({"size": "1"}),
            "spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\"",
        ),
        (
            json!({"size": 0}),
            "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1",
        ),
        (
            json!({"size": 6}),
            "spec.size: Invalid value: 6: spec.size in body should be less than or equal to 5",
        ),
        (
            json!({"size": 1, "color": "green"}),
            "spec.color: Unsupported value: \"green\": supported values: \"red\", \"blue\"",
        ),
        (
            json!({"size": 1, "name": "A"}),
            "spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]+$'",
        ),
        (
            json!({"size": 1, "name": "abcd"}),
            "spec.name: Invalid value: \"abcd\": spec.name in body should be at most 3 chars long",
        ),
        (
            json!({"size": 1, "port": true}),
            "spec.port: Invalid value: \"boolean\": spec.port in body must be of type integer,string: \"boolean\"",
        ),
        (
            json!({"size": 1, "labels": {"a": 1}}),
            "spec.labels.a: Invalid value: \"number\": spec.labels.a in body must be of type string: \"number\"",
        ),
        (
            json!({"size": 1, "items": ["a", "b", "c"]}),
            "spec.items: Invalid value: 3: spec.items in body should have at most 2 items",
        ),
        (
            json!({"size": 1, "items": ["a", "a"]}),
            "spec.items[1]: Duplicate value: \"a\"",
        ),
    ] {
        assert_eq!(wrong(&spec), [expected]);
    }
}

#[test]
fn unknown_fields_are_taken_out_where_none_are_kept_and_defaults_filled_in() {
    let mut object = json!({"apiVersion": "e/v1", "kind": "K", "metadata": {"name": "a"}, "spec": {"sise": 1, "free": {"x": 1}}, "more": 1});
    let mut findings = Findings::default();
    structure().prune(&mut object, &mut findings);
    structure().complete(&mut object);
    assert_eq!(findings.unknown, ["spec.sise", "more"]);
    let expected = json!({"apiVersion": "e/v1", "kind": "K", "metadata": {"name": "a"}, "spec": {"free": {"x": 1}, "color": "red"}});
    assert_eq!(object, expected);
}

#[test]
fn schemas_that_are_not_structural_are_refused() {
    for (schema, field) in [
        (json!({"type": "string"}), "s.type"),
        (
            json!({"type": "object", "properties": {"a": {}}}),
            "s.properties[a].type",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "text"}}}),
            "s.properties[a].type",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string", "patern": "x"}}}),
            "s.properties[a].patern",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "["}}}),
            "s.properties[a].pattern",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array"}}}),
            "s.properties[a].items",
        ),
        (
            json!({"type": "object", "properties": {"a": {"$ref": "#/b", "type": "object"}}}),
            "s.properties[a].$ref",
        ),
        (
            json!({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}),
            "s.additionalProperties",
        ),
    ] {
        let mut causes = Vec::new();
        check_definition(&schema, "s", &mut causes);
        let fields: Vec<String> = causes.into_iter().map(|cause| cause.field).collect();
        assert_eq!(fields, [field]);
    }
    let mut causes = Vec::new();
    check_definition(structure().schema(), "s", &mut causes);
    assert_eq!(causes, []);
}
