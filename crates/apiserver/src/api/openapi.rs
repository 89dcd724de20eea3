//! OpenAPI v3: what `kubectl explain` shows, and what tells clients that fields are validated here.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ringfence_model::{Schema, Type};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Body};
use super::{Api, Request};
use crate::kind::Kind;

impl Api {
    /// `/openapi/v3` and what is below it.
    pub(super) fn openapi(&self, request: &Request, path: &[&str]) -> Option<Answer> {
        let document = match path {
            [] => self.index(),
            ["api", version] => self.document("", version)?,
            ["apis", group, version] => self.document(group, version)?,
            _ => return None,
        };
        let tag = format!("\"{}\"", hash(&document));
        let answer = Answer {
            etag: Some(tag.clone()),
            ..Answer::json(200, document)
        };
        if request.if_none_match.as_ref() == Some(&tag) {
            return Some(Answer {
                code: 304,
                body: Body::NotModified,
                ..answer
            });
        }
        Some(answer)
    }

    fn index(&self) -> Value {
        let mut paths = Map::new();
        for (group, versions) in self.groups() {
            for version in versions {
                let path = prefix(&group, &version);
                let hash = self
                    .document(&group, &version)
                    .map(|document| hash(&document));
                let url = format!("/openapi/v3/{path}?hash={}", hash.unwrap_or_default());
                paths.insert(path, json!({"serverRelativeURL": url}));
            }
        }
        json!({"paths": paths})
    }

    fn document(&self, group: &str, version: &str) -> Option<Value> {
        let mut schemas = Schemas::default();
        let mut paths = Map::new();
        for kind in self.served().iter().filter(|kind| {
            kind.group == group && kind.versions.iter().any(|served| served == version)
        }) {
            add_kind(kind, version, &mut schemas);
            add_paths(kind, version, &mut paths);
        }
        let asked = super::reviews::of_group(group, version).next().is_some();
        (asked || !paths.is_empty()).then(|| {
            json!({
                "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.32.0+ringfence"},
                "paths": paths, "components": {"schemas": schemas.written},
            })
        })
    }
}

/// OpenAPI v2, which kubectl 1.27 and 1.28 load before they apply or create. It describes nothing: they go on without then, and
/// fields are checked here.
pub(super) fn version_2(request: &Request) -> Answer {
    if request.accept.contains("proto-openapi.spec.v2") {
        // The message `Document` with its first field, `swagger`. What was asked for has an `@`, which is no media type.
        return Answer {
            content_type: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
            ..Answer::text("\x0a\x032.0")
        };
    }
    let info = json!({"title": "Kubernetes", "version": "v1.32.0+ringfence"});
    Answer::json(200, json!({"swagger": "2.0", "info": info, "paths": {}}))
}

fn prefix(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn hash(document: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    document.to_string().hash(&mut hasher);
    format!("{:016X}", hasher.finish())
}

/// The schemas of a document, and the tables that they were written from.
#[derive(Default)]
struct Schemas {
    written: BTreeMap<String, Value>,
    tables: BTreeMap<String, &'static Schema>,
}

fn add_kind(kind: &Kind, version: &str, schemas: &mut Schemas) {
    let own = json!([{"group": kind.group, "version": version, "kind": kind.kind}]);
    let mut schema = match kind.structure(version) {
        Some(structure) => custom(structure.schema(), kind.schema, schemas),
        None => object(kind.schema, schemas),
    };
    if let Some(Type::Object(metadata)) = crate::check::metadata_type() {
        let reference = reference(metadata, schemas);
        let properties = crate::object::child(&mut schema, "properties");
        crate::object::fields(properties).insert("metadata".to_owned(), reference);
    }
    let fields = crate::object::fields(&mut schema);
    fields.insert("description".to_owned(), kind.description.as_ref().into());
    fields.insert("x-kubernetes-group-version-kind".to_owned(), own);
    schemas
        .written
        .insert(format!("io.ringfence.{version}.{}", kind.kind), schema);
}

/// The schema of a custom resource, with the fields that all have.
fn custom(schema: &Value, table: &'static Schema, schemas: &mut Schemas) -> Value {
    let mut schema = schema.clone();
    let own = object(table, schemas);
    let properties = crate::object::fields(crate::object::child(&mut schema, "properties"));
    let own = own.get("properties").and_then(Value::as_object);
    properties.extend(
        own.into_iter()
            .flatten()
            .map(|(name, kind)| (name.clone(), kind.clone())),
    );
    schema
}

fn object(table: &'static Schema, schemas: &mut Schemas) -> Value {
    let mut properties = Map::new();
    for (name, kind) in table.fields {
        properties.insert((*name).to_owned(), value(kind, schemas));
    }
    json!({"type": "object", "properties": properties})
}

/// Names an object type, and adds it if it is new. Two types of one name are told apart by a number.
fn reference(table: &'static Schema, schemas: &mut Schemas) -> Value {
    let mut name = table.name.to_owned();
    let mut number = 1;
    while schemas
        .tables
        .get(&name)
        .is_some_and(|known| !std::ptr::eq(*known, table))
    {
        number += 1;
        name = format!("{}{number}", table.name);
    }
    if !schemas.tables.contains_key(&name) {
        schemas.tables.insert(name.clone(), table);
        let schema = object(table, schemas);
        schemas.written.insert(name.clone(), schema);
    }
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn value(kind: &'static Type, schemas: &mut Schemas) -> Value {
    match kind {
        Type::Text => json!({"type": "string"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Int32 => json!({"type": "integer", "format": "int32"}),
        Type::Int64 => json!({"type": "integer", "format": "int64"}),
        Type::IntOrString => json!({"type": "string", "format": "int-or-string"}),
        Type::Quantity => json!({"type": "string"}),
        Type::Time => json!({"type": "string", "format": "date-time"}),
        Type::Bytes => json!({"type": "string", "format": "byte"}),
        Type::Any => json!({"type": "object"}),
        Type::Object(table) => reference(table, schemas),
        Type::List(item) | Type::OneOrMore(item) => {
            json!({"type": "array", "items": value(item, schemas)})
        }
        Type::Map(item) => json!({"type": "object", "additionalProperties": value(item, schemas)}),
    }
}

fn add_paths(kind: &Kind, version: &str, paths: &mut Map<String, Value>) {
    let own = json!({"group": kind.group, "version": version, "kind": kind.kind});
    let operation = |action: &str| {
        let mut operation = json!({
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": own,
            "responses": {"200": {"description": "OK"}},
        });
        if matches!(action, "post" | "put" | "patch") {
            let parameters = ["dryRun", "fieldManager", "fieldValidation"]
                .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}));
            crate::object::fields(&mut operation)
                .insert("parameters".to_owned(), json!(parameters));
        }
        operation
    };
    let scope = if kind.is_namespaced() {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    let collection = format!("/{}/{scope}{}", prefix(&kind.group, version), kind.plural);
    let item = format!("{collection}/{{name}}");
    paths.insert(
        collection,
        json!({"get": operation("list"), "post": operation("post")}),
    );
    paths.insert(
        item,
        json!({
            "get": operation("get"), "put": operation("put"),
            "patch": operation("patch"), "delete": operation("delete"),
        }),
    );
}
