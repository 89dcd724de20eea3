//! What else can be asked of a pod: to leave its node, and to come to one.

use serde_json::{Value, json};

use super::answer::Answer;
use super::route::Route;
use super::update::decide_update;
use super::{Api, Moment, Request};
use crate::object::{self, text};
use crate::status::ApiError;

impl Api {
    /// `pods/<name>/eviction`: a deletion, with the options that the eviction bears. No PodDisruptionBudget stands in its way.
    pub(super) fn evict(
        &self,
        request: &Request,
        route: &Route,
        name: &str,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let eviction = sent(request, "Eviction")?;
        let options = eviction.get("deleteOptions").cloned();
        let deletion = Request {
            body: options
                .unwrap_or_else(|| json!({}))
                .to_string()
                .into_bytes(),
            content_type: "application/json".to_owned(),
            ..request.clone()
        };
        self.delete(&deletion, &whole(route), name, moment)?;
        Ok(success())
    }

    /// `pods/<name>/binding`: names the node of a pod that has none yet.
    pub(super) fn bind(
        &self,
        request: &Request,
        route: &Route,
        name: &str,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let binding = sent(request, "Binding")?;
        let node = text(&binding, &["target", "name"]).to_owned();
        if node.is_empty() {
            return Err(ApiError::new(422, "Invalid", "target.name: Required value"));
        }
        let route = whole(route);
        self.write(request, &route, moment, || {
            let current = self.find(&route.kind, &route.key(name))?;
            let bound = text(&current, &["spec", "nodeName"]);
            if !bound.is_empty() {
                let message = format!("pod {name} is already assigned to node {bound:?}");
                return Err(ApiError::conflict("pods/binding", name, &message));
            }
            let mut object = Value::clone(&current);
            object::fields(object::child(&mut object, "spec"))
                .insert("nodeName".to_owned(), node.into());
            decide_update(&current, object, (request, &route), moment)
        })?;
        Ok(success())
    }
}

/// The body, which may leave out what it is.
fn sent(request: &Request, kind: &str) -> Result<Value, ApiError> {
    let body = request.value()?.filter(Value::is_object);
    let body = body.ok_or_else(|| {
        let message = format!("the body must hold an object of kind {kind}");
        ApiError::bad_request(message)
    })?;
    match text(&body, &["kind"]) {
        given if given.is_empty() || given == kind => Ok(body),
        given => Err(ApiError::bad_request(format!(
            "the kind in the data ({given}) does not match the expected kind ({kind})"
        ))),
    }
}

fn whole(route: &Route) -> Route {
    Route {
        subresource: None,
        ..route.clone()
    }
}

fn success() -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Answer::json(201, status)
}
