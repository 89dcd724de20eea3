//! What a kind is: its names, fields, columns, defaults and rules. Everything else is read from here.

mod cells;
mod column;
mod custom;
mod defaults;
mod ignored;
mod json_path;
mod view;

pub(crate) use cells::{age_column, conditions, containers, count, selector_text};
pub use column::{Cell, Column};
pub use custom::ScalePaths;
pub(crate) use custom::{CUSTOM, custom};
pub(crate) use defaults::{pod_spec, template};
pub(crate) use ignored::{Ignored, ignored, ignored_of, ignored_of_pods};

pub use json_path::JsonPath;
pub use view::View;

use std::borrow::Cow;
use std::sync::Arc;

use ringfence_model::Schema;
use serde_json::Value;

use crate::status::Cause;
use crate::structure::Structure;

/// A name of the API.
pub type Word = Cow<'static, str>;

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Once in the cluster.
    Cluster,
    /// In a namespace.
    Namespaced,
}

/// What a kind has beside its objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subresources {
    /// `/status`, which a write to the object itself leaves as it is.
    pub status: bool,
    /// `/scale`, of `spec.replicas`.
    pub scale: bool,
}

/// A kind of objects.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Empty for the core group.
    pub group: Word,
    /// The versions it is served in, all with the same fields; it is stored in the first.
    pub versions: Vec<Word>,
    /// Such as `NetworkPolicy`.
    pub kind: Word,
    /// What a list of it says as `kind`, such as `NetworkPolicyList`.
    pub list_kind: Word,
    /// Such as `networkpolicies`.
    pub plural: Word,
    /// Such as `networkpolicy`.
    pub singular: Word,
    /// Such as `netpol`.
    pub short_names: Vec<Word>,
    /// `all`, for what `kubectl get all` shows.
    pub categories: Vec<Word>,
    /// Where its objects live.
    pub scope: Scope,
    /// One sentence, for `kubectl explain`.
    pub description: Word,
    /// Its fields.
    pub schema: &'static Schema,
    /// What it has beside its objects.
    pub subresources: Subresources,
    /// The fields that can be selected by, beside name and namespace.
    pub selectable: &'static [&'static str],
    /// What `kubectl get` shows, between the name and nothing else.
    pub columns: Vec<Column>,
    /// The same for versions of a custom resource that say it themselves.
    pub version_columns: Vec<(String, Vec<Column>)>,
    /// Whether names are made up and say nothing, so that only `kubectl get -o wide` shows them.
    pub names_are_made_up: bool,
    /// Whether names are any text that a path can hold, and not those of DNS.
    pub has_path_names: bool,
    /// Fills in what was left out.
    pub defaults: fn(&mut Value),
    /// What is wrong with an object, beyond its fields.
    pub validate: fn(&Value, &mut Vec<Cause>),
    /// What an object asks for that is accepted and not done.
    pub warnings: fn(&Value) -> Vec<String>,
    /// The fields of a custom resource by version; none for a kind of ours.
    pub structures: Vec<(String, Arc<Structure>)>,
    /// Where `/scale` finds its numbers, if elsewhere than in a Deployment.
    pub scale_paths: Option<ScalePaths>,
    /// Of which objects this is another face, if it has none of its own.
    pub view: Option<&'static View>,
    /// What may not change: the field, and why.
    pub immutable: &'static [(&'static str, &'static str)],
    /// How long an object may take to end, in seconds, where something ends it.
    pub grace: fn(&Value) -> i64,
}

impl Kind {
    /// A kind of namespaces with a name and an age, to be completed.
    pub(crate) fn namespaced(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
        description: &'static str,
        schema: &'static Schema,
    ) -> Self {
        Self {
            group: group.into(),
            versions: vec![version.into()],
            kind: kind.into(),
            list_kind: format!("{kind}List").into(),
            plural: plural.into(),
            singular: kind.to_lowercase().into(),
            short_names: Vec::new(),
            categories: Vec::new(),
            scope: Scope::Namespaced,
            description: description.into(),
            schema,
            subresources: Subresources::default(),
            selectable: &[],
            columns: vec![age_column()],
            version_columns: Vec::new(),
            names_are_made_up: false,
            has_path_names: false,
            defaults: |_| {},
            validate: |_, _| {},
            warnings: |_| Vec::new(),
            structures: Vec::new(),
            scale_paths: None,
            view: None,
            immutable: &[],
            grace: |_| 0,
        }
    }

    /// What names the resource in the store: `deployments.apps`, `pods`.
    #[must_use]
    pub fn resource(&self) -> String {
        let stored = self.view.map(|view| view.resource.to_owned());
        stored.unwrap_or_else(|| qualified(&self.plural, &self.group))
    }

    /// The fields of its objects as they are stored.
    pub(crate) fn stored_schema(&self) -> &'static Schema {
        self.view.map_or(self.schema, |view| view.schema)
    }

    /// What `kubectl get` shows of a version.
    #[must_use]
    pub fn columns_of(&self, version: &str) -> &[Column] {
        let mut own = self.version_columns.iter();
        let own = own.find(|(name, _)| name == version);
        own.map_or(&self.columns, |(_, columns)| columns)
    }

    /// What errors call the kind: `Deployment.apps`, `Pod`.
    #[must_use]
    pub fn qualified_kind(&self) -> String {
        qualified(&self.kind, &self.group)
    }

    /// The version that objects are stored in.
    #[must_use]
    pub fn version(&self) -> &str {
        self.versions.first().map_or("", Cow::as_ref)
    }

    /// What stored objects say as `apiVersion`.
    #[must_use]
    pub fn stored_api_version(&self) -> String {
        let stored = self.view.map(|view| view.api_version.to_owned());
        stored.unwrap_or_else(|| self.api_version(self.version()))
    }

    /// What objects of `version` say as `apiVersion`.
    #[must_use]
    pub fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() {
            version.to_owned()
        } else {
            format!("{}/{version}", self.group)
        }
    }

    /// The fields of the version of a custom resource.
    #[must_use]
    pub fn structure(&self, version: &str) -> Option<&Structure> {
        let mut structures = self.structures.iter();
        let found = structures.find(|(name, _)| name == version);
        found
            .or_else(|| self.structures.first())
            .map(|(_, structure)| structure.as_ref())
    }

    /// The fields of `object`, if it is a custom resource.
    pub(crate) fn structure_of(&self, object: &Value) -> Option<&Structure> {
        let api_version = crate::object::text(object, &["apiVersion"]);
        self.structure(api_version.rsplit('/').next().unwrap_or_default())
    }

    /// Fills in what `object` left out.
    pub(crate) fn complete(&self, object: &mut Value) {
        (self.defaults)(object);
        if let Some(structure) = self.structure_of(object) {
            structure.complete(object);
        }
    }

    /// Whether its objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// Names that are known when the program is built.
pub(crate) fn words(words: &[&'static str]) -> Vec<Word> {
    words.iter().map(|word| Cow::Borrowed(*word)).collect()
}
