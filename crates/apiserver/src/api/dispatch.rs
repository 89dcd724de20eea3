//! From a request to whoever answers it.

use serde_json::{Value, json};

use super::answer::Answer;
use super::openapi;
use super::route::Route;
use super::streams::is_streaming;
use super::{Api, Method, Moment, Request};
use crate::status::ApiError;

impl Api {
    /// Answers a request. Refusals are answers too.
    #[must_use]
    pub fn handle(&self, request: &Request, moment: &Moment<'_>) -> Answer {
        self.answer(request, moment)
            .unwrap_or_else(|error| Answer::error(&error))
    }

    fn answer(&self, request: &Request, moment: &Moment<'_>) -> Result<Answer, ApiError> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        if request.method == Method::Get
            && let Some(answer) = self.about_itself(request, &path)
        {
            return Ok(answer);
        }
        if let Some(answer) = self.review(request, &path) {
            return answer;
        }
        let route = self.route(&path)?;
        match (&route.name, &route.subresource, request.method) {
            (None, _, Method::Get) => self.list_or_watch(request, &route, moment),
            (None, _, Method::Post) => self.create(request, &route, moment),
            (None, _, Method::Delete) => self.delete_collection(request, &route, moment),
            (Some(name), None, Method::Get) => self.get(request, &route, name, moment),
            (Some(name), None, Method::Put) => self.replace(request, &route, name, moment),
            (Some(name), None, Method::Patch) => self.patch(request, &route, name, moment),
            (Some(name), None, Method::Delete) => self.delete(request, &route, name, moment),
            (Some(name), Some(sub), _) => self.subresource(request, &route, (name, sub), moment),
            (None, _, Method::Put | Method::Patch) | (Some(_), None, Method::Post) => {
                Err(ApiError::not_allowed(
                    "the server does not allow this method on the requested resource",
                ))
            }
        }
    }

    fn subresource(
        &self,
        request: &Request,
        route: &Route,
        (name, subresource): (&str, &str),
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let has = route.kind.subresources;
        match (subresource, request.method) {
            ("status", Method::Get) if has.status => self.get(request, route, name, moment),
            ("status", Method::Put) if has.status => self.replace(request, route, name, moment),
            ("status", Method::Patch) if has.status => self.patch(request, route, name, moment),
            ("scale", Method::Get) if has.scale => self.get_scale(route, name),
            ("scale", Method::Put | Method::Patch) if has.scale => {
                self.change_scale(request, route, name, moment)
            }
            ("finalize", Method::Put) if route.kind.kind == "Namespace" => {
                self.finalize(request, route, name, moment)
            }
            ("ephemeralcontainers", Method::Get) if is_pod(route) => {
                self.get(request, route, name, moment)
            }
            ("ephemeralcontainers", Method::Put) if is_pod(route) => {
                self.replace(request, route, name, moment)
            }
            ("ephemeralcontainers", Method::Patch) if is_pod(route) => {
                self.patch(request, route, name, moment)
            }
            ("eviction", Method::Post) if is_pod(route) => self.evict(request, route, name, moment),
            ("binding", Method::Post) if is_pod(route) => self.bind(request, route, name, moment),
            (sub, _) if is_streaming(route, sub) => {
                self.stream(request, route, (name, sub), moment)
            }
            (sub, _) => Err(not_here(route, sub)),
        }
    }

    /// What the server says about itself rather than about objects.
    fn about_itself(&self, request: &Request, path: &[&str]) -> Option<Answer> {
        match path {
            ["healthz" | "livez" | "readyz", ..] => Some(Answer::text("ok")),
            ["version"] => Some(Answer::json(200, version())),
            [] => Some(Answer::json(200, json!({"paths": self.paths()}))),
            ["openapi", "v2"] => Some(openapi::version_2(request)),
            ["openapi", "v3", rest @ ..] => self.openapi(request, rest),
            ["api"] => Some(self.core_discovery(request)),
            ["apis"] => Some(self.group_discovery(request)),
            ["apis", group] => self.group(group),
            ["api", version] => self.resources("", version),
            ["apis", group, version] => self.resources(group, version),
            _ => None,
        }
    }

    fn paths(&self) -> Vec<String> {
        let mut paths = vec!["/api".to_owned(), "/apis".to_owned()];
        for (group, versions) in self.groups() {
            for version in versions {
                paths.push(match group.as_str() {
                    "" => format!("/api/{version}"),
                    group => format!("/apis/{group}/{version}"),
                });
            }
        }
        paths.extend(
            [
                "/healthz",
                "/livez",
                "/openapi/v2",
                "/openapi/v3",
                "/readyz",
                "/version",
            ]
            .map(str::to_owned),
        );
        paths
    }
}

fn is_pod(route: &Route) -> bool {
    route.kind.kind == "Pod" && route.kind.group.is_empty()
}

/// What a request for a subresource that is not there is told.
fn not_here(route: &Route, subresource: &str) -> ApiError {
    match subresource {
        "eviction" | "binding" if is_pod(route) => {
            ApiError::not_allowed(format!("pods/{subresource} are only created"))
        }
        "ephemeralcontainers" if is_pod(route) => {
            ApiError::not_allowed("pods/ephemeralcontainers are read, replaced and patched")
        }
        "token" if route.kind.kind == "ServiceAccount" => ApiError::not_allowed(
            "accounts have no tokens here: the one of the kubeconfig may do everything",
        ),
        _ => ApiError::no_such_path(),
    }
}

/// The version of Kubernetes whose API this is.
fn version() -> Value {
    json!({
        "major": "1", "minor": "32", "gitVersion": "v1.32.0+ringfence", "gitCommit": "",
        "gitTreeState": "clean", "buildDate": "2025-01-01T00:00:00Z", "goVersion": "none",
        "compiler": "rustc", "platform": "linux/amd64",
    })
}
