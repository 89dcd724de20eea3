//! Patching objects.

use serde_json::Value;

use super::answer::Answer;
use super::body::check_type;
use super::route::Route;
use super::update::decide_update;
use super::{Api, Moment, Request};
use crate::patch::{self, PatchKind};
use crate::status::ApiError;

impl Api {
    pub(super) fn patch(
        &self,
        request: &Request,
        route: &Route,
        name: &str,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        if form(request) == "application/apply-patch+yaml" {
            return self.apply(request, route, name, moment);
        }
        let how = patch_kind(request)?;
        let patch = request.value()?.unwrap_or(Value::Null);
        self.write(request, route, moment, || {
            let current = self.find(&route.kind, &route.key(name))?;
            let mut object = Value::clone(&super::read::in_version(
                &current,
                &route.kind,
                &route.version,
            ));
            patch::apply(&mut object, &patch, how, &route.kind)?;
            crate::object::drop_nulls(&mut object);
            check_type(&mut object, &route.kind, &route.version)?;
            decide_update(&current, object, (request, route), moment)
        })
    }
}

fn form(request: &Request) -> &str {
    request
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
}

fn patch_kind(request: &Request) -> Result<PatchKind, ApiError> {
    match form(request) {
        "application/merge-patch+json" => Ok(PatchKind::Merge),
        "application/json-patch+json" => Ok(PatchKind::Json),
        "application/strategic-merge-patch+json" => Ok(PatchKind::Strategic),
        other => Err(ApiError::unsupported_media_type(format!(
            "the body of the request was in an unknown format - accepted media types include: \
             application/json-patch+json, application/merge-patch+json, \
             application/strategic-merge-patch+json, application/apply-patch+yaml (it was {other:?})"
        ))),
    }
}
