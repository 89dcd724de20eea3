//! Changing objects: what the writer may change, and what stays whatever is sent.

use std::sync::Arc;

use serde_json::Value;

use super::answer::Answer;
use super::commit::{Decision, Outcome};
use super::create::{place, store_in_first_version};
use super::route::Route;
use super::{Api, Moment, Request, finish};
use crate::kind::Kind;
use crate::managed;
use crate::object::{self, at};
use crate::status::{ApiError, Cause};

impl Api {
    pub(super) fn replace(
        &self,
        request: &Request,
        route: &Route,
        name: &str,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let object = request.object(&route.kind, &route.version)?;
        self.write(request, route, moment, || {
            let current = self.find(&route.kind, &route.key(name))?;
            decide_update(&current, object, (request, route), moment)
        })
    }

    /// `namespaces/<name>/finalize`: takes over the finalizers of the specification alone.
    pub(super) fn finalize(
        &self,
        request: &Request,
        route: &Route,
        name: &str,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let sent = request.object(&route.kind, &route.version)?;
        self.write(request, route, moment, || {
            let current = self.find(&route.kind, &route.key(name))?;
            let mut object = Value::clone(&current);
            let finalizers = at(&sent, &["spec", "finalizers"]).cloned();
            let spec = object::fields(object::child(&mut object, "spec"));
            object::set(spec, "finalizers", finalizers);
            let outcome = settle(&current, object);
            Ok(Decision {
                outcome,
                warnings: Vec::new(),
                created: false,
            })
        })
    }
}

/// Makes of `object`, as it was sent, what is to be stored in the place of `current`.
pub(super) fn decide_update(
    current: &Arc<Value>,
    mut object: Value,
    (request, route): (&Request, &Route),
    moment: &Moment<'_>,
) -> Result<Decision, ApiError> {
    let kind = &route.kind;
    let mut warnings = finish::check_fields(&mut object, kind, request.field_validation()?)?;
    place(&mut object, route)?;
    check_same(current, &mut object, kind)?;
    keep(current, &mut object, kind, route.subresource.as_deref());
    check_finalizers(current, &object, kind)?;
    check_ephemeral(current, &object, (kind, route.subresource.as_deref()))?;
    warnings.extend(finish::finish(&mut object, kind)?);
    check_immutable(current, &object, kind)?;
    store_in_first_version(&mut object, kind);
    count_generation(current, &mut object);
    note(current, &mut object, (request, route), moment);
    let outcome = settle(current, object);
    Ok(Decision {
        outcome,
        warnings,
        created: false,
    })
}

/// Notes who manages what now. A writer may have sent a record of its own, an empty one for example.
fn note(
    current: &Value,
    object: &mut Value,
    (request, route): (&Request, &Route),
    moment: &Moment<'_>,
) {
    let schema = route.kind.stored_schema();
    let sent = at(object, &["metadata", "managedFields"]).is_some();
    let mut entries = managed::entries(if sent { object } else { current }, schema);
    let api_version = route.kind.api_version(&route.version);
    let writer = request.writer(route, &api_version, moment);
    managed::note_update(&mut entries, (current, object), schema, &writer);
    managed::record(object, &entries);
}

/// The writer means this object, and the one that it has seen.
fn check_same(current: &Value, object: &mut Value, kind: &Kind) -> Result<(), ApiError> {
    let (resource, name) = (kind.resource(), object::name(current));
    let sent = object::name(object);
    if !sent.is_empty() && sent != name {
        let message =
            format!("the name of the object ({sent}) does not match the name on the URL ({name})");
        return Err(ApiError::bad_request(message));
    }
    object::metadata(object).insert("name".to_owned(), name.into());
    let (sent, uid) = (object::uid(object), object::uid(current));
    if !sent.is_empty() && sent != uid {
        let message =
            format!("Precondition failed: UID in precondition: {sent}, UID in object meta: {uid}");
        return Err(ApiError::conflict(&resource, name, &message));
    }
    let sent = object::revision(object);
    if !sent.is_empty() && sent != object::revision(current) {
        let message = "the object has been modified; please apply your changes to the latest version and try again";
        return Err(ApiError::conflict(&resource, name, message));
    }
    Ok(())
}

/// Keeps what is not the writer's to change.
fn keep(current: &Value, object: &mut Value, kind: &Kind, subresource: Option<&str>) {
    match subresource {
        Some("status") => {
            let status = object.get("status").cloned();
            *object = current.clone();
            object::set(object::fields(object), "status", status);
            return;
        }
        Some("ephemeralcontainers") => {
            let sent = at(object, &["spec", "ephemeralContainers"]).cloned();
            *object = current.clone();
            let spec = object::fields(object::child(object, "spec"));
            object::set(spec, "ephemeralContainers", sent);
            return;
        }
        Some(_) | None => {}
    }
    if kind.subresources.status {
        let status = current.get("status").cloned();
        object::set(object::fields(object), "status", status);
    }
    let metadata = object::metadata(object);
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
        "generation",
        "resourceVersion",
        "selfLink",
    ] {
        object::set(metadata, field, at(current, &["metadata", field]).cloned());
    }
    keep_if_absent(current, object, kind);
}

/// What the server has given an object stays if the writer says nothing about it.
fn keep_if_absent(current: &Value, object: &mut Value, kind: &Kind) {
    if !kind.structures.is_empty() {
        return;
    }
    let given: &[&str] = match kind.kind.as_ref() {
        "Service" => &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"],
        "Pod" => &["nodeName", "tolerations"],
        "Namespace" => &["finalizers"],
        _ => &[],
    };
    for field in given {
        if let Some(value) = at(current, &["spec", field]) {
            let spec = object::fields(object::child(object, "spec"));
            object::default(spec, field, value.clone());
        }
    }
}

fn check_finalizers(current: &Value, object: &Value, kind: &Kind) -> Result<(), ApiError> {
    let path = ["metadata", "finalizers"];
    let old = object::items(current, &path);
    let added = object::items(object, &path)
        .iter()
        .any(|one| !old.contains(one));
    if !added || !object::is_terminating(current) {
        return Ok(());
    }
    let message = "no new finalizers can be added if the object is being deleted";
    finish::refuse(
        object,
        kind,
        &[Cause::forbidden("metadata.finalizers", message)],
    )
}

/// Ephemeral containers are added, through their subresource, and never changed or taken away.
fn check_ephemeral(
    current: &Value,
    object: &Value,
    (kind, subresource): (&Kind, Option<&str>),
) -> Result<(), ApiError> {
    let path = ["spec", "ephemeralContainers"];
    let (old, new) = (object::items(current, &path), object::items(object, &path));
    let is_pod = kind.kind == "Pod" && kind.group.is_empty();
    if !is_pod || old == new {
        return Ok(());
    }
    let field = "spec.ephemeralContainers";
    let stays = |one: &Value| {
        let name = object::text(one, &["name"]);
        let same = new.iter().find(|new| object::text(new, &["name"]) == name);
        same.is_some_and(|same| with_defaults(same) == *one)
    };
    let mut causes = Vec::new();
    if subresource != Some("ephemeralcontainers") {
        let message = "pod updates may not add, change or remove them: use the subresource `ephemeralcontainers`, as `kubectl debug` does";
        causes.push(Cause::forbidden(field, message));
    } else if !old.iter().all(stays) {
        let message = "existing ephemeral containers may not be changed or removed";
        causes.push(Cause::forbidden(field, message));
    }
    finish::refuse(object, kind, &causes)
}

fn with_defaults(container: &Value) -> Value {
    let mut spec = serde_json::json!({"ephemeralContainers": [container]});
    crate::kind::pod_spec(&mut spec);
    let filled = object::items(&spec, &["ephemeralContainers"]).first();
    filled.unwrap_or(container).clone()
}

fn check_immutable(current: &Value, object: &Value, kind: &Kind) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    for (field, why) in kind.immutable {
        let path: Vec<&str> = field.split('.').collect();
        let (old, new) = (at(current, &path), at(object, &path));
        if old.is_some() && old != new {
            causes.push(Cause::invalid(field, new.unwrap_or(&Value::Null), why));
        }
    }
    if at(current, &["immutable"]) == Some(&Value::Bool(true)) {
        for field in ["data", "binaryData", "immutable"] {
            if at(current, &[field]) != at(object, &[field]) {
                causes.push(Cause::forbidden(
                    field,
                    "field is immutable when `immutable` is set",
                ));
            }
        }
    }
    finish::refuse(object, kind, &causes)
}

/// A new generation if anything but metadata and status is different.
pub(super) fn count_generation(current: &Value, object: &mut Value) {
    let meant = |object: &Value| {
        let mut copy = object.clone();
        let fields = object::fields(&mut copy);
        for field in ["metadata", "status", "apiVersion"] {
            fields.shift_remove(field);
        }
        copy
    };
    if meant(current) != meant(object) {
        let generation = object::number(current, &["metadata", "generation"]).unwrap_or(0) + 1;
        object::metadata(object).insert("generation".to_owned(), generation.into());
    }
}

/// An object that waits for its end only for the sake of others goes when none of them is left.
pub(super) fn settle(current: &Value, object: Value) -> Outcome {
    if object::is_terminating(&object) && is_free(&object) {
        Outcome::Remove(object)
    } else if object == *current {
        Outcome::Same(object)
    } else {
        Outcome::Put(object)
    }
}

/// Whether nobody holds a terminating object any more.
pub(super) fn is_free(object: &Value) -> bool {
    let held = [["metadata", "finalizers"], ["spec", "finalizers"]];
    let held = held
        .iter()
        .any(|path| !object::items(object, path).is_empty());
    let grace = object::number(object, &["metadata", "deletionGracePeriodSeconds"]);
    !held && grace.unwrap_or_default() == 0
}
