//! `/scale`: how many, apart from everything else.

use serde_json::{Value, json};

use super::answer::Answer;
use super::route::Route;
use super::update::decide_update;
use super::{Api, Body, Moment, Request};
use crate::kind::{Kind, selector_text};
use crate::object::{self, at, number};
use crate::status::ApiError;

impl Api {
    pub(super) fn get_scale(&self, route: &Route, name: &str) -> Result<Answer, ApiError> {
        let found = self.find(&route.kind, &route.key(name))?;
        Ok(Answer::json(200, scale(&found, &route.kind)))
    }

    pub(super) fn change_scale(
        &self,
        request: &Request,
        route: &Route,
        name: &str,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let sent = request
            .value()?
            .ok_or_else(|| ApiError::bad_request("the body must hold a Scale"))?;
        let whole = Route {
            subresource: None,
            ..route.clone()
        };
        let answer = self.write(request, &whole, moment, || {
            let current = self.find(&route.kind, &route.key(name))?;
            let wanted = wanted(&scale(&current, &route.kind), &sent, request)?;
            let mut object = Value::clone(&super::read::in_version(
                &current,
                &route.kind,
                &route.version,
            ));
            set_replicas(&mut object, &route.kind, wanted);
            decide_update(&current, object, (request, &whole), moment)
        })?;
        Ok(match answer.body {
            Body::Json(object) => Answer {
                body: Body::Json(scale(&object, &route.kind)),
                ..answer
            },
            Body::List(_)
            | Body::Text(_)
            | Body::NotModified
            | Body::Watch(_)
            | Body::Streaming(_) => answer,
        })
    }
}

/// How many the request asks for.
fn wanted(current: &Value, sent: &Value, request: &Request) -> Result<i64, ApiError> {
    let mut scale = current.clone();
    match request
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
    {
        "application/json-patch+json" => {
            let operations = serde_json::from_value::<json_patch::Patch>(sent.clone());
            let operations =
                operations.map_err(|error| ApiError::bad_request(error.to_string()))?;
            json_patch::patch(&mut scale, &operations)
                .map_err(|error| ApiError::new(422, "Invalid", error.to_string()))?;
        }
        "application/apply-patch+yaml" => {
            return Err(ApiError::unsupported_media_type(
                "a Scale is changed by a merge patch",
            ));
        }
        // A Scale sent as a whole differs from a merge patch only in what it leaves out, which means none.
        _ => json_patch::merge(&mut scale, sent),
    }
    let sent = object::revision(&scale);
    if !sent.is_empty() && sent != object::revision(current) {
        let message = "the object has been modified; please apply your changes to the latest version and try again";
        return Err(ApiError::conflict(
            "scales.autoscaling",
            object::name(current),
            message,
        ));
    }
    let replicas = at(&scale, &["spec", "replicas"]).map_or(Some(0), Value::as_i64);
    replicas
        .filter(|count| (0..=i64::from(i32::MAX)).contains(count))
        .ok_or_else(|| {
            ApiError::new(
                422,
                "Invalid",
                "spec.replicas: must be a whole number, 0 or more",
            )
        })
}

fn set_replicas(object: &mut Value, kind: &Kind, count: i64) {
    let path: Vec<&str> = kind.scale_paths.as_ref().map_or_else(
        || vec!["spec", "replicas"],
        |paths| paths.spec.iter().map(String::as_str).collect(),
    );
    let place = path
        .into_iter()
        .fold(object, |value, field| object::child(value, field));
    *place = count.into();
}

/// How many are wanted, how many there are, and which.
fn numbers(object: &Value, kind: &Kind) -> (i64, i64, String) {
    let Some(paths) = &kind.scale_paths else {
        return (
            number(object, &["spec", "replicas"]).unwrap_or_default(),
            number(object, &["status", "replicas"]).unwrap_or_default(),
            selector_text(at(object, &["spec", "selector"])),
        );
    };
    let find = |path: &[String]| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        at(object, &path).filter(|_| !path.is_empty())
    };
    let count = |path| find(path).and_then(Value::as_i64).unwrap_or_default();
    let selector = find(&paths.selector).and_then(Value::as_str);
    (
        count(&paths.spec),
        count(&paths.status),
        selector.unwrap_or_default().to_owned(),
    )
}

fn scale(object: &Value, kind: &Kind) -> Value {
    let (wanted, present, selector) = numbers(object, kind);
    let metadata = |field| {
        at(object, &["metadata", field])
            .cloned()
            .unwrap_or_default()
    };
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata("name"), "namespace": metadata("namespace"), "uid": metadata("uid"),
            "resourceVersion": metadata("resourceVersion"),
            "creationTimestamp": metadata("creationTimestamp"),
        },
        "spec": {"replicas": wanted},
        "status": {"replicas": present, "selector": selector},
    })
}
