//! Pods that connections are tried from, in a cluster that takes some of them.

use ringfence_apiserver::api::{Admission, Write};
use ringfence_apiserver::status::ApiError;
use ringfence_kube::{PROBE_LABEL, ProbePod, ProbePods};
use serde_json::{Value, json};

use super::fake::Fake;
use super::server::Bench;

/// A namespace that is full after one pod.
#[derive(Debug)]
struct Quota;

impl Admission for Quota {
    fn admit(&self, write: &Write<'_>) -> Result<(), ApiError> {
        let name = |object: &Value| {
            object["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let is_new = write.before.is_none() && write.kind.kind == "Pod";
        match write.after.map(name) {
            Some(name) if is_new && name.ends_with("-1") => {
                Err(ApiError::forbidden("pods", &name, "exceeded quota: pods=1"))
            }
            _ => Ok(()),
        }
    }
}

fn wanted(app: &str) -> ProbePod {
    ProbePod {
        namespace: "shop".to_owned(),
        labels: [("app".to_owned(), app.to_owned())].into(),
        ports: Vec::new(),
    }
}

fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": name},
        "status": {"phase": "Active"},
    })
}

#[test]
fn what_was_made_before_a_refusal_is_removed() {
    let bench = Bench::start_with(Box::new(Quota));
    bench.record(&namespace("shop"));
    let mut pods = ProbePods::reach(&bench.access(), "agnhost:1", |_| ()).unwrap();
    assert!(pods.has_namespace("shop"));
    assert!(!pods.has_namespace("elsewhere"));
    let refused = pods
        .make(&[wanted("a"), wanted("b")])
        .unwrap_err()
        .to_string();
    assert!(
        refused.starts_with("namespace `shop` takes no pod to try connections from: "),
        "{refused}"
    );
    assert!(refused.ends_with("exceeded quota: pods=1"), "{refused}");
    let made = bench.stored("pods");
    assert_eq!(made.len(), 1, "{made:#?}");
    assert_eq!(made[0]["metadata"]["labels"]["app"], "a");
    assert!(made[0]["metadata"]["labels"][PROBE_LABEL].is_string());
    pods.remove().unwrap();
    assert!(bench.stored("pods").is_empty());
}

/// A real server asks for the right before it looks for the pod, so that one that never was cannot be removed either.
#[test]
fn what_was_refused_is_not_to_be_removed() {
    let fake = Fake::start(|path| {
        if path.starts_with("/api/v1/namespaces/shop/pods") {
            let reason = json!({"kind": "Status", "status": "Failure", "code": 403, "message": "pods is forbidden"});
            return Some((403, reason));
        }
        let item = json!({"metadata": {"name": "shop", "uid": "u"}});
        Some((200, json!({"metadata": {}, "items": [item]})))
    });
    let mut pods = ProbePods::reach(&fake.access(), "agnhost:1", |_| ()).unwrap();
    let refused = pods.make(&[wanted("a")]).unwrap_err().to_string();
    assert!(refused.ends_with("pods is forbidden"), "{refused}");
    pods.remove().unwrap();
}
