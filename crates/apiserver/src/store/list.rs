//! Lists, whole or page by page; every page shows the same revision.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Name, Store, Text};
use crate::object;
use crate::selector::Filter;
use crate::status::ApiError;

/// What a list is asked for.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// Which objects.
    pub filter: Filter,
    /// The longest page; 0 for all at once.
    pub limit: usize,
    /// Where the last page ended, as it said itself.
    pub after: Option<String>,
    /// The revision that must be shown at least, or exactly.
    pub revision: Option<u64>,
    /// Whether exactly that revision is asked for.
    pub exact: bool,
}

/// An object of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The object.
    pub object: Arc<Value>,
    /// Its JSON, which is shared by all who list it; none for an earlier state.
    pub text: Option<Text>,
}

/// A page.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The objects.
    pub objects: Vec<Listed>,
    /// The revision that they are of.
    pub revision: u64,
    /// What to ask for to get the next page.
    pub next: Option<String>,
    /// How many objects are on later pages.
    pub remaining: usize,
}

impl Store {
    /// Lists objects of a resource.
    ///
    /// # Errors
    /// 400 for a token that is not ours, 410 for a revision that is too old, 504 for one that is still to come.
    pub fn list(&self, resource: &str, request: &ListRequest) -> Result<Listing, ApiError> {
        let (revision, after) = self.start(request)?;
        let is_wanted = |name: &Name, object: &Value| {
            after.as_ref().is_none_or(|after| name > after) && request.filter.matches(object)
        };
        if revision == self.revision() {
            let objects = self.held(resource);
            let matching = objects.filter(|(name, held)| is_wanted(name, &held.object));
            return Ok(page(revision, request.limit, matching, |held| Listed {
                object: Arc::clone(&held.object),
                text: Some(held.text()),
            }));
        }
        let objects = self.objects_at(resource, revision)?;
        let objects = objects.iter();
        let matching = objects.filter(|(name, object)| is_wanted(name, object));
        Ok(page(revision, request.limit, matching, |object| Listed {
            object: Arc::clone(object),
            text: None,
        }))
    }

    fn start(&self, request: &ListRequest) -> Result<(u64, Option<Name>), ApiError> {
        if let Some(token) = &request.after {
            let (revision, name) = read_token(token)
                .ok_or_else(|| ApiError::bad_request("continue key is not valid"))?;
            return Ok((revision, Some(name)));
        }
        match request.revision {
            Some(revision) if revision > self.revision() => {
                Err(super::too_large(revision, self.revision()))
            }
            Some(revision) if request.exact => Ok((revision, None)),
            Some(_) | None => Ok((self.revision(), None)),
        }
    }
}

/// The first `limit` of these objects, or all of them for 0.
fn page<'a, T: 'a>(
    revision: u64,
    limit: usize,
    mut objects: impl Iterator<Item = (&'a Name, &'a T)>,
    listed: impl Fn(&'a T) -> Listed,
) -> Listing {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let page: Vec<(&Name, &T)> = objects.by_ref().take(limit).collect();
    let remaining = objects.count();
    let last = page.last().filter(|_| remaining > 0);
    Listing {
        revision,
        next: last.map(|(name, _)| token(revision, name)),
        remaining,
        objects: page.into_iter().map(|(_, object)| listed(object)).collect(),
    }
}

fn token(revision: u64, name: &Name) -> String {
    let token = json!({"revision": revision, "namespace": name.namespace, "name": name.name});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read_token(token: &str) -> Option<(u64, Name)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let token: Value = serde_json::from_slice(&bytes).ok()?;
    let name = Name {
        namespace: object::text(&token, &["namespace"]).to_owned(),
        name: token.get("name")?.as_str()?.to_owned(),
    };
    Some((token.get("revision")?.as_u64()?, name))
}
