//! Whether whoever asks may ask for it.

use super::route::{Parts, parts};
use super::{Api, Method, Request};
use crate::permission::{Account, Attempt, User, permits};
use crate::status::ApiError;

impl Api {
    /// Lets `request` of `user` pass, or says why not. Before that nobody learns whether what is named exists.
    ///
    /// # Errors
    /// 403, in Kubernetes' words.
    pub fn authorize(&self, user: &User, request: &Request) -> Result<(), ApiError> {
        let User::Account(account) = user else {
            return Ok(());
        };
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let Some(parts) = parts(&path) else {
            return discovers(account, request);
        };
        let attempt = attempt(&parts, request);
        if permits(&self.store(), account, &attempt) {
            return Ok(());
        }
        let resource = match parts.group {
            "" => parts.plural.to_owned(),
            group => format!("{}.{group}", parts.plural),
        };
        let name = parts.name.unwrap_or_default();
        let what = parts
            .name
            .map_or_else(|| resource.clone(), |name| format!("{resource} {name:?}"));
        let user = account.to_string();
        let message = format!("{what} is forbidden: User {user:?} {attempt}");
        Err(ApiError::new(403, "Forbidden", message).about(&resource, name))
    }
}

/// What the API says of itself is for everybody who is known.
fn discovers(account: &Account, request: &Request) -> Result<(), ApiError> {
    if request.method == Method::Get {
        return Ok(());
    }
    let path = request.path.join("/");
    let message = format!(
        "forbidden: User {:?} may only read path \"/{path}\"",
        account.to_string()
    );
    Err(ApiError::new(403, "Forbidden", message))
}

fn attempt<'a>(parts: &Parts<'a>, request: &Request) -> Attempt<'a> {
    let verb = match (request.method, parts.name) {
        (Method::Get, None) if request.is_set("watch") => "watch",
        (Method::Get, None) => "list",
        (Method::Get, Some(_)) => "get",
        (Method::Post, _) => "create",
        (Method::Put, _) => "update",
        (Method::Patch, _) => "patch",
        (Method::Delete, None) => "deletecollection",
        (Method::Delete, Some(_)) => "delete",
    };
    Attempt {
        verb,
        group: parts.group,
        plural: parts.plural,
        subresource: parts.subresource,
        namespace: parts.namespace,
        name: parts.name,
    }
}
