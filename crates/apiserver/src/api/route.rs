//! Which object or collection a path names.

use std::sync::Arc;

use super::Api;
use crate::kind::Kind;
use crate::status::ApiError;

/// What a path below `/api/v1` or `/apis/<group>/<version>` names.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) kind: Arc<Kind>,
    pub(crate) version: String,
    /// `None` for all namespaces, and for kinds that live in none.
    pub(crate) namespace: Option<String>,
    /// `None` for the collection.
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Route {
    /// The name in the store of the object that is named.
    pub(crate) fn key(&self, name: &str) -> crate::store::Name {
        crate::store::Name {
            namespace: self.namespace.clone().unwrap_or_default(),
            name: name.to_owned(),
        }
    }
}

impl Api {
    /// Finds what `path` names.
    pub(crate) fn route(&self, path: &[&str]) -> Result<Route, ApiError> {
        let (group, version, rest) = match path {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(ApiError::no_such_path()),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if is_inside(rest) => (Some(*namespace), rest),
            rest => (None, rest),
        };
        let [plural, rest @ ..] = rest else {
            return Err(ApiError::no_such_path());
        };
        let kinds = self.served();
        let kind = kinds.served(group, version, plural);
        let kind = kind.ok_or_else(ApiError::no_such_path)?;
        if namespace.is_some() && !kind.is_namespaced() {
            return Err(ApiError::no_such_path());
        }
        let (name, subresource) = match rest {
            [] => (None, None),
            [name] => (Some(*name), None),
            [name, subresource] => (Some(*name), Some(*subresource)),
            _ => return Err(ApiError::no_such_path()),
        };
        if name.is_some() && kind.is_namespaced() && namespace.is_none() {
            return Err(ApiError::no_such_path());
        }
        Ok(Route {
            kind: Arc::clone(kind),
            version: version.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
        })
    }
}

/// Whether what follows `namespaces/<name>` is a resource, and not one of the Namespace's own.
fn is_inside(rest: &[&str]) -> bool {
    !matches!(rest, [] | ["status" | "finalize"])
}
