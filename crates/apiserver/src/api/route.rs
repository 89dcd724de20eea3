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

/// The parts of a path, whether or not there is what they name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'p> {
    pub(super) group: &'p str,
    pub(super) version: &'p str,
    pub(super) namespace: Option<&'p str>,
    pub(super) plural: &'p str,
    pub(super) name: Option<&'p str>,
    pub(super) subresource: Option<&'p str>,
    /// Whether more follows, which nothing has.
    goes_on: bool,
}

/// Splits `path`; `None` if it is none of a resource.
pub(super) fn parts<'p>(path: &[&'p str]) -> Option<Parts<'p>> {
    let (group, version, rest) = match path {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if is_inside(rest) => (Some(*namespace), rest),
        rest => (None, rest),
    };
    let (plural, rest) = rest.split_first()?;
    Some(Parts {
        group,
        version,
        namespace,
        plural,
        name: rest.first().copied(),
        subresource: rest.get(1).copied(),
        goes_on: rest.len() > 2,
    })
}

impl Api {
    /// Finds what `path` names.
    pub(crate) fn route(&self, path: &[&str]) -> Result<Route, ApiError> {
        let parts = parts(path).ok_or_else(ApiError::no_such_path)?;
        let Parts {
            namespace, name, ..
        } = parts;
        let kinds = self.served();
        let kind = kinds.served(parts.group, parts.version, parts.plural);
        let kind = kind.ok_or_else(ApiError::no_such_path)?;
        let is_outside = name.is_some() && kind.is_namespaced() && namespace.is_none();
        if parts.goes_on || is_outside || (namespace.is_some() && !kind.is_namespaced()) {
            return Err(ApiError::no_such_path());
        }
        Ok(Route {
            kind: Arc::clone(kind),
            version: parts.version.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: parts.subresource.map(str::to_owned),
        })
    }
}

/// Whether what follows `namespaces/<name>` is a resource, and not one of the Namespace's own.
fn is_inside(rest: &[&str]) -> bool {
    !matches!(rest, [] | ["status" | "finalize"])
}
