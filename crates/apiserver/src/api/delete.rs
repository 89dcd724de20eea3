//! Deleting objects: at once, or when those who hold them let go.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::answer::Answer;
use super::commit::{DEFINITIONS, Decision, Outcome};
use super::route::Route;
use super::update::is_free;
use super::{Api, Moment, Request};
use crate::kind::Kind;
use crate::object::{self, at, items, text};
use crate::status::ApiError;
use crate::time::Timestamp;

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DeleteOptions {
    /// Seconds that the object may take to end; its own wish if nothing is said.
    grace: Option<i64>,
    propagation: Propagation,
    uid: String,
    revision: String,
}

/// What becomes of the objects that it owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Propagation {
    #[default]
    Background,
    Foreground,
    Orphan,
}

pub(super) const FOREGROUND: &str = "foregroundDeletion";
pub(super) const ORPHAN: &str = "orphan";
/// Holds the definition of a custom resource until its objects are gone.
pub(super) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

impl Api {
    pub(super) fn delete(
        &self,
        request: &Request,
        route: &Route,
        name: &str,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let options = DeleteOptions::read(request)?;
        let request = &rehearsed(request)?;
        self.write(request, route, moment, || {
            let current = self.find(&route.kind, &route.key(name))?;
            let outcome = decide_delete(
                &current,
                &route.kind,
                &options,
                self.config.ends_pods,
                moment.now,
            )?;
            Ok(Decision {
                outcome,
                warnings: Vec::new(),
                created: false,
            })
        })
    }

    pub(super) fn delete_collection(
        &self,
        request: &Request,
        route: &Route,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let filter = request.filter(route.namespace.as_deref(), route.kind.selectable)?;
        let resource = route.kind.resource();
        let matching: Vec<Value> = self
            .store()
            .objects(&resource)
            .map(|(_, object)| object)
            .filter(|object| filter.matches(object))
            .map(|object| Value::clone(object))
            .collect();
        for object in &matching {
            let route = Route {
                namespace: Some(object::namespace(object).to_owned())
                    .filter(|name| !name.is_empty()),
                ..route.clone()
            };
            match self.delete(request, &route, object::name(object), moment) {
                Err(error) if error.code != 404 => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        let details = json!({"kind": route.kind.plural, "group": route.kind.group});
        Ok(Answer::json(
            200,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
            }),
        ))
    }
}

/// The request as one that says in its query what it may say in its body: that it is a rehearsal.
fn rehearsed(request: &Request) -> Result<Cow<'_, Request>, ApiError> {
    let body = request.value()?.unwrap_or_default();
    let mut request = Cow::Borrowed(request);
    for word in items(&body, &["dryRun"]) {
        let word = word.as_str().unwrap_or_default().to_owned();
        request.to_mut().query.push(("dryRun".to_owned(), word));
    }
    Ok(request)
}

impl DeleteOptions {
    /// To go after its dependents.
    pub(super) fn foreground() -> Self {
        Self {
            propagation: Propagation::Foreground,
            ..Self::default()
        }
    }

    fn read(request: &Request) -> Result<Self, ApiError> {
        let body = request.value()?.unwrap_or_else(|| json!({}));
        let parameter = |name| request.parameter(name).map(str::to_owned);
        let grace = match parameter("gracePeriodSeconds") {
            Some(text) => text.parse().map(Some).map_err(|_| {
                ApiError::bad_request(format!("gracePeriodSeconds: {text:?} is not a number"))
            })?,
            None => object::number(&body, &["gracePeriodSeconds"]),
        };
        let word = parameter("propagationPolicy");
        let propagation = word
            .as_deref()
            .unwrap_or(text(&body, &["propagationPolicy"]));
        let orphans = at(&body, &["orphanDependents"]) == Some(&Value::Bool(true));
        Ok(Self {
            grace: grace.map(|seconds: i64| seconds.max(0)),
            propagation: match propagation {
                "" if orphans => Propagation::Orphan,
                "" | "Background" => Propagation::Background,
                "Foreground" => Propagation::Foreground,
                "Orphan" => Propagation::Orphan,
                other => {
                    let message = format!(
                        "propagationPolicy: {other:?} is none of Background, Foreground and Orphan"
                    );
                    return Err(ApiError::bad_request(message));
                }
            },
            uid: text(&body, &["preconditions", "uid"]).to_owned(),
            revision: text(&body, &["preconditions", "resourceVersion"]).to_owned(),
        })
    }
}

/// What deleting `current` comes to. Something that ends pods is told so by `ends_pods`.
pub(super) fn decide_delete(
    current: &Value,
    kind: &Kind,
    options: &DeleteOptions,
    ends_pods: bool,
    now: Timestamp,
) -> Result<Outcome, ApiError> {
    check_preconditions(current, kind, options)?;
    let wish = if ends_pods { (kind.grace)(current) } else { 0 };
    let grace = if wish == 0 {
        0
    } else {
        options.grace.unwrap_or(wish)
    };
    let mut object = current.clone();
    let finalizer = match options.propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
    };
    hold(&mut object, finalizer);
    if !object::is_terminating(current) {
        hold(
            &mut object,
            (kind.resource() == DEFINITIONS).then_some(CLEANUP),
        );
        let end = Timestamp(now.0 + grace);
        let metadata = object::metadata(&mut object);
        metadata.insert("deletionTimestamp".to_owned(), end.to_string().into());
        metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
        if kind.kind == "Namespace" && kind.group.is_empty() {
            object::fields(object::child(&mut object, "status"))
                .insert("phase".to_owned(), "Terminating".into());
        }
    } else if object::number(current, &["metadata", "deletionGracePeriodSeconds"])
        .is_some_and(|old| grace < old)
    {
        // A second request may only shorten what is left.
        object::metadata(&mut object).insert("deletionGracePeriodSeconds".to_owned(), grace.into());
    }
    Ok(if is_free(&object) {
        Outcome::Remove(object)
    } else if object == *current {
        Outcome::Same(object)
    } else {
        Outcome::Put(object)
    })
}

fn check_preconditions(
    current: &Value,
    kind: &Kind,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let pairs = [
        ("UID", options.uid.as_str(), object::uid(current)),
        (
            "ResourceVersion",
            options.revision.as_str(),
            object::revision(current),
        ),
    ];
    for (what, wanted, found) in pairs {
        if !wanted.is_empty() && wanted != found {
            let message = format!(
                "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"
            );
            return Err(ApiError::conflict(
                &kind.resource(),
                object::name(current),
                &message,
            ));
        }
    }
    Ok(())
}

/// Lets the object stay until its dependents are dealt with, where that is asked for.
fn hold(object: &mut Value, finalizer: Option<&str>) {
    let Some(finalizer) = finalizer else {
        return;
    };
    let finalizers = object::metadata(object)
        .entry("finalizers")
        .or_insert_with(|| json!([]));
    if let Value::Array(finalizers) = finalizers
        && !finalizers.iter().any(|one| one == finalizer)
    {
        finalizers.push(finalizer.into());
    }
}
