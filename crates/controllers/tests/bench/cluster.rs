//! An API whose time and chance the test gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use ringfence_apiserver::api::{Admission, Api, ApiConfig, Body, Method, Moment, Request};
use ringfence_apiserver::object::{is_terminating, items, text};
use ringfence_apiserver::time::Timestamp;
use ringfence_controllers::{Controller, ServiceRanges, Settings, View, Write};
use serde_json::{Value, json};

pub(crate) struct Cluster {
    pub(crate) api: Arc<Api>,
    clock: AtomicI64,
    random: AtomicU64,
}

/// An API with the namespace `default` and the node `n1`, where something ends pods.
pub(crate) fn api() -> Arc<Api> {
    let ranges = ServiceRanges::new(vec!["10.96.0.0/16".parse().unwrap()]);
    api_with(Box::new(ranges))
}

pub(crate) fn api_with(admission: Box<dyn Admission>) -> Arc<Api> {
    let config = ApiConfig {
        first_revision: 1_000,
        ends_pods: true,
    };
    let api = Arc::new(Api::new(config, admission));
    for (kind, name) in [
        ("Namespace", "default"),
        ("Namespace", "kube-node-lease"),
        ("Node", "n1"),
    ] {
        let object = json!({
            "apiVersion": "v1", "kind": kind,
            "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {}, "status": {},
        });
        api.record(api.kinds().of_object("v1", kind).unwrap(), &object);
    }
    api
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self {
            api: api(),
            clock: AtomicI64::new(1_000_000),
            random: AtomicU64::new(1),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::Relaxed))
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Asks the API, and gives the code and what it answered.
    pub(crate) fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = Request {
            method,
            path: path
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            query: Vec::new(),
            accept: "application/json".to_owned(),
            content_type: match method {
                Method::Patch => "application/merge-patch+json".to_owned(),
                Method::Get | Method::Post | Method::Put | Method::Delete => {
                    "application/json".to_owned()
                }
            },
            user_agent: "test".to_owned(),
            if_none_match: None,
            body: body.to_string().into_bytes(),
        };
        self.handle(&request)
    }

    pub(crate) fn handle(&self, request: &Request) -> (u16, Value) {
        let random = || {
            let bits = u128::from(self.random.fetch_add(1, Ordering::Relaxed));
            bits.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        };
        let moment = Moment {
            now: self.now(),
            random: &random,
        };
        let answer = self.api.handle(request, &moment);
        let Body::Json(value) = answer.body else {
            panic!("{answer:?}");
        };
        (answer.code, value)
    }

    /// What a controller wants now.
    pub(crate) fn due(&self, controller: &Controller) -> Vec<Write> {
        let settings = Settings {
            seed: 3,
            ..Settings::default()
        };
        let view = View::of(&self.api.store(), &settings);
        (controller.decide)(&view, self.now())
    }

    /// None of them wants anything.
    #[track_caller]
    pub(crate) fn assert_done(&self, controllers: Vec<&Controller>) {
        for controller in controllers {
            assert_eq!(self.due(controller), [], "{} is not done", controller.name);
        }
    }

    pub(crate) fn write(&self, write: &Write) -> u16 {
        let request = write.request(self.api.kinds(), "test").unwrap();
        let (code, answer) = self.handle(&request);
        assert!(
            code < 300 || code == 409 || code == 404,
            "{write:?}\n{answer}"
        );
        code
    }

    pub(crate) fn all(&self, resource: &str) -> Vec<Value> {
        let store = self.api.store();
        store
            .objects(resource)
            .map(|(_, object)| Value::clone(object))
            .collect()
    }

    pub(crate) fn active_pods(&self) -> Vec<Value> {
        let ended = |pod: &Value| matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed");
        let mut pods = self.all("pods");
        pods.retain(|pod| !ended(pod) && !is_terminating(pod));
        pods
    }

    pub(crate) fn ready_pods(&self) -> usize {
        let pods = self.active_pods();
        pods.iter().filter(|pod| is_ready(pod)).count()
    }
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    let mut conditions = items(pod, &["status", "conditions"]).iter();
    conditions.any(|one| text(one, &["type"]) == "Ready" && text(one, &["status"]) == "True")
}
