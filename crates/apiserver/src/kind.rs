//! What a kind is: its names, fields, columns, defaults and rules. Everything else is read from here.

mod cells;
mod column;
mod defaults;

pub(crate) use cells::{age_column, conditions, containers, count, selector_text};
pub use column::{Cell, Column};
pub(crate) use defaults::{pod_spec, template};

use std::borrow::Cow;

use ringfence_model::Schema;
use serde_json::Value;

use crate::status::Cause;

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
    /// Whether names are made up and say nothing, so that only `kubectl get -o wide` shows them.
    pub names_are_made_up: bool,
    /// Fills in what was left out.
    pub defaults: fn(&mut Value),
    /// What is wrong with an object, beyond its fields.
    pub validate: fn(&Value, &mut Vec<Cause>),
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
            names_are_made_up: false,
            defaults: |_| {},
            validate: |_, _| {},
            immutable: &[],
            grace: |_| 0,
        }
    }

    /// What names the resource: `deployments.apps`, `pods`.
    #[must_use]
    pub fn resource(&self) -> String {
        qualified(&self.plural, &self.group)
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

    /// What objects of `version` say as `apiVersion`.
    #[must_use]
    pub fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() {
            version.to_owned()
        } else {
            format!("{}/{version}", self.group)
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
