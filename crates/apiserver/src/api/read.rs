//! Get, list and watch.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{Answer, Body, Watching};
use super::route::Route;
use super::table::Form;
use super::{Api, Moment, Request};
use crate::kind::Kind;
use crate::object;
use crate::status::ApiError;
use crate::store::{ListRequest, Listed, Listing, Name, Watch, WatchRequest};

impl Api {
    pub(super) fn get(
        &self,
        request: &Request,
        route: &Route,
        name: &str,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let found = self.find(&route.kind, &route.key(name))?;
        let form = Form::of(request)?;
        let object = in_version(&found, &route.kind, &route.version);
        Ok(form.one(200, &object, &route.kind, moment.now))
    }

    /// An object that must be there.
    pub(super) fn find(&self, kind: &Kind, name: &Name) -> Result<Arc<Value>, ApiError> {
        let resource = kind.resource();
        let store = self.store();
        let found = store.get(&resource, name);
        found
            .cloned()
            .ok_or_else(|| ApiError::not_found(&resource, &name.name))
    }

    pub(super) fn list_or_watch(
        &self,
        request: &Request,
        route: &Route,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        if request.is_set("watch") {
            self.watch(request, route)
        } else {
            self.list(request, route, moment)
        }
    }

    fn list(
        &self,
        request: &Request,
        route: &Route,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let kind = &route.kind;
        let limit = request.number("limit")?.unwrap_or_default();
        let wanted = ListRequest {
            filter: request.filter(route.namespace.as_deref(), kind.selectable)?,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            after: request.parameter("continue").map(str::to_owned),
            revision: request
                .number("resourceVersion")?
                .filter(|revision| *revision > 0),
            exact: request.parameter("resourceVersionMatch") == Some("Exact"),
        };
        let form = Form::of(request)?;
        let listing = self.store().list(&kind.resource(), &wanted)?;
        let metadata = metadata(&listing);
        let objects = listing.objects.into_iter().map(|Listed { object, text }| {
            let shown = in_version(&object, kind, &route.version);
            // The text is that of the version that is stored.
            let text = text.filter(|_| Arc::ptr_eq(&shown, &object));
            Listed {
                object: shown,
                text,
            }
        });
        Ok(form.list(
            objects.collect(),
            metadata,
            (kind, &route.version),
            moment.now,
        ))
    }

    fn watch(&self, request: &Request, route: &Route) -> Result<Answer, ApiError> {
        let kind = &route.kind;
        let bookmarks = request.is_set("allowWatchBookmarks");
        let send_initial_events = request.is_set("sendInitialEvents");
        if send_initial_events && request.parameter("resourceVersionMatch") != Some("NotOlderThan")
        {
            let message =
                "sendInitialEvents is allowed with resourceVersionMatch=NotOlderThan only";
            return Err(ApiError::new(422, "Invalid", message));
        }
        let wanted = WatchRequest {
            filter: request.filter(route.namespace.as_deref(), kind.selectable)?,
            revision: request.number("resourceVersion")?,
            send_initial_events,
            bookmarks,
        };
        let watch = Watch::start(&self.store(), &kind.resource(), wanted)?;
        let watching = Watching {
            watch,
            kind: Arc::clone(kind),
            version: route.version.clone(),
            form: Form::of(request)?,
            bookmarks,
            seconds: request.number("timeoutSeconds")?,
        };
        Ok(Answer {
            body: Body::Watch(Box::new(watching)),
            ..Answer::json(200, Value::Null)
        })
    }
}

/// `object` as it is in another version of its kind: all have the same fields, except where one kind shows those of another.
pub(crate) fn in_version(object: &Arc<Value>, kind: &Kind, version: &str) -> Arc<Value> {
    let api_version = kind.api_version(version);
    if object::text(object, &["apiVersion"]) == api_version {
        return Arc::clone(object);
    }
    let mut copy = Value::clone(object);
    if let Some(view) = kind.view {
        view.show(&mut copy);
    }
    object::fields(&mut copy).insert("apiVersion".to_owned(), api_version.into());
    Arc::new(copy)
}

fn metadata(listing: &Listing) -> Value {
    let mut metadata = json!({"resourceVersion": listing.revision.to_string()});
    if let Some(next) = &listing.next {
        let fields = object::fields(&mut metadata);
        fields.insert("continue".to_owned(), next.clone().into());
        fields.insert("remainingItemCount".to_owned(), listing.remaining.into());
    }
    metadata
}
