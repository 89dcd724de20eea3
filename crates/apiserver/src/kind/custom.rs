//! Kinds that a CustomResourceDefinition describes.

use std::cmp::Reverse;
use std::sync::Arc;

use ringfence_model::{Schema, Type};
use serde_json::Value;

use super::json_path::JsonPath;
use super::{Cell, Column, Kind, Scope, Subresources, Word, age_column};
use crate::object::{at, items, number, text};
use crate::structure::Structure;

/// What all custom resources have. What else they have says their structure.
pub(crate) static CUSTOM: Schema = Schema {
    name: "CustomResource",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Any),
    ],
};

/// Where `/scale` finds its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalePaths {
    /// How many are wanted.
    pub spec: Vec<String>,
    /// How many there are.
    pub status: Vec<String>,
    /// Which they are, as text.
    pub selector: Vec<String>,
}

/// The kind that `definition` describes; `None` if it serves no version.
pub(crate) fn custom(definition: &Value) -> Option<Kind> {
    let mut served: Vec<&Value> = items(definition, &["spec", "versions"])
        .iter()
        .filter(|version| version.get("served") == Some(&Value::Bool(true)))
        .collect();
    served.sort_by_key(|version| rank(text(version, &["name"])));
    let first = *served.first()?;
    let name = |field: &str| Word::from(text(definition, &["spec", "names", field]).to_owned());
    let names = |field: &str| {
        let names = items(definition, &["spec", "names", field]).iter();
        names
            .filter_map(Value::as_str)
            .map(|name| name.to_owned().into())
            .collect()
    };
    let has = |path: &[&str]| served.iter().any(|version| at(version, path).is_some());
    Some(Kind {
        group: text(definition, &["spec", "group"]).to_owned().into(),
        versions: served
            .iter()
            .map(|version| text(version, &["name"]).to_owned().into())
            .collect(),
        kind: name("kind"),
        list_kind: match text(definition, &["spec", "names", "listKind"]) {
            "" => format!("{}List", text(definition, &["spec", "names", "kind"])).into(),
            given => given.to_owned().into(),
        },
        plural: name("plural"),
        singular: name("singular"),
        short_names: names("shortNames"),
        categories: names("categories"),
        scope: match text(definition, &["spec", "scope"]) {
            "Cluster" => Scope::Cluster,
            _ => Scope::Namespaced,
        },
        description: text(first, &["schema", "openAPIV3Schema", "description"])
            .to_owned()
            .into(),
        subresources: Subresources {
            status: has(&["subresources", "status"]),
            scale: has(&["subresources", "scale"]),
        },
        columns: columns(first),
        version_columns: served
            .iter()
            .map(|version| (text(version, &["name"]).to_owned(), columns(version)))
            .collect(),
        structures: served.iter().map(|version| structure(version)).collect(),
        scale_paths: served.iter().find_map(|version| scale_paths(version)),
        ..Kind::namespaced("", "", "", "", "", &CUSTOM)
    })
}

fn structure(version: &Value) -> (String, Arc<Structure>) {
    let schema = at(version, &["schema", "openAPIV3Schema"]).cloned();
    let name = text(version, &["name"]).to_owned();
    (name, Arc::new(Structure::new(schema.unwrap_or_default())))
}

fn scale_paths(version: &Value) -> Option<ScalePaths> {
    let scale = at(version, &["subresources", "scale"])?;
    let path = |field: &str| {
        let fields = text(scale, &[field])
            .split('.')
            .filter(|field| !field.is_empty());
        fields.map(str::to_owned).collect()
    };
    Some(ScalePaths {
        spec: path("specReplicasPath"),
        status: path("statusReplicasPath"),
        selector: path("labelSelectorPath"),
    })
}

fn columns(version: &Value) -> Vec<Column> {
    let columns = items(version, &["additionalPrinterColumns"]).iter();
    let columns: Vec<Column> = columns.filter_map(column).collect();
    if columns.is_empty() {
        let value = "date".into();
        vec![Column {
            value,
            ..age_column()
        }]
    } else {
        columns
    }
}

fn column(column: &Value) -> Option<Column> {
    let path = text(column, &["jsonPath"]);
    let description = match text(column, &["description"]) {
        "" => format!("Custom resource definition column (in JSONPath format): {path}"),
        given => given.to_owned(),
    };
    Some(Column {
        name: text(column, &["name"]).to_owned().into(),
        value: text(column, &["type"]).to_owned().into(),
        format: text(column, &["format"]).to_owned().into(),
        description: description.into(),
        wide: number(column, &["priority"]).unwrap_or_default() > 0,
        cell: Cell::Path(JsonPath::parse(path)?),
    })
}

type Rank = (Reverse<(u8, u32, u32)>, String);

/// Sorts versions by preference: stable ones before betas before alphas, newer ones first, and whatever else at the end.
fn rank(version: &str) -> Rank {
    let read = || {
        let rest = version.strip_prefix('v')?;
        let end = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let (major, rest) = rest.split_at_checked(end)?;
        let major = major.parse().ok()?;
        if rest.is_empty() {
            return Some((3, major, 0));
        }
        let (stability, minor) = rest
            .strip_prefix("beta")
            .map(|minor| (2, minor))
            .or_else(|| rest.strip_prefix("alpha").map(|minor| (1, minor)))?;
        Some((stability, major, minor.parse().ok()?))
    };
    (Reverse(read().unwrap_or_default()), version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_and_new_versions_come_first() {
        let mut versions = ["foo", "v1alpha1", "v1", "v2beta1", "v10", "v1beta2", "v2"];
        versions.sort_by_key(|version| rank(version));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo"]
        );
    }
}
