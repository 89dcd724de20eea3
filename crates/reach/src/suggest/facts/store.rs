//! ConfigMaps and Secrets by name.

use std::collections::BTreeMap;

use ringfence_model::{Documents, Object, ObjectName, Source};

use super::Place;

/// The data of the manifests.
pub(super) struct Store<'a> {
    data: BTreeMap<(Kind, &'a ObjectName), Data<'a>>,
    documents: &'a Documents,
}

/// What holds data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ConfigMap,
    Secret,
}

/// A ConfigMap or Secret.
#[derive(Clone, Copy)]
pub(super) struct Data<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a ObjectName,
    values: &'a BTreeMap<String, Vec<u8>>,
    source: Option<&'a Source>,
    documents: &'a Documents,
}

impl Kind {
    pub(super) const fn shown(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

impl<'a> Store<'a> {
    pub(super) fn of(objects: &'a [Object], documents: &'a Documents) -> Self {
        let mut data = BTreeMap::new();
        for object in objects {
            let (kind, name, values, source) = match object {
                Object::ConfigMap(found) => (
                    Kind::ConfigMap,
                    &found.name,
                    &found.data,
                    found.source.as_ref(),
                ),
                Object::Secret(found) => (
                    Kind::Secret,
                    &found.name,
                    &found.data,
                    found.source.as_ref(),
                ),
                Object::Namespace(_)
                | Object::Node(_)
                | Object::Pod(_)
                | Object::Workload(_)
                | Object::Service(_)
                | Object::NetworkPolicy(_)
                | Object::ClusterPolicy(_)
                | Object::HostFirewall(_)
                | Object::Endpoints(_)
                | Object::ServiceAccount(_)
                | Object::KindCluster(_) => continue,
            };
            let found = Data {
                kind,
                name,
                values,
                source,
                documents,
            };
            data.entry((kind, name)).or_insert(found);
        }
        Self { data, documents }
    }

    pub(super) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Data<'a>> {
        let name = ObjectName::new(namespace, name);
        self.data.get(&(kind, &name)).copied()
    }

    pub(super) const fn documents(&self) -> &'a Documents {
        self.documents
    }
}

impl<'a> Data<'a> {
    /// The value of `key`, if it is text.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        std::str::from_utf8(self.values.get(key)?).ok()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.values.keys().map(String::as_str)
    }

    /// Where the value of `key` is written.
    pub(super) fn place(&self, key: &str) -> Place {
        let fields = ["stringData", "data"].map(|field| format!("{field}[{key}]"));
        let written = |path: &&String| {
            let field = self
                .source
                .and_then(|source| self.documents.field(source, path));
            field.is_some()
        };
        Place {
            object: self.source.cloned(),
            path: fields.iter().find(written).cloned().unwrap_or_default(),
            line: 0,
        }
    }
}
