//! What the runner makes of a cluster that refuses its writes.

use std::time::{Duration, Instant};

use ringfence_apiserver::api::{Admission, Write};
use ringfence_apiserver::object::text;
use ringfence_apiserver::status::ApiError;
use ringfence_controllers::{Runner, RunnerConfig};
use serde_json::json;

use super::cluster::api_with;

#[derive(Debug)]
struct NoPods;

impl Admission for NoPods {
    fn admit(&self, write: &Write<'_>) -> Result<(), ApiError> {
        if write.kind.kind == "Pod" {
            return Err(ApiError::internal("no room for pods"));
        }
        Ok(())
    }
}

#[test]
fn a_pod_that_is_refused_is_told_of_at_its_owner() {
    let api = api_with(Box::new(NoPods));
    let set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "default", "uid": "web", "generation": 1},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "i:1"}]},
            },
        },
    });
    api.record(
        api.kinds().of_object("apps/v1", "ReplicaSet").unwrap(),
        &set,
    );
    let runner = Runner::start(api.clone(), RunnerConfig::all("")).unwrap();
    let start = Instant::now();
    loop {
        let store = api.store();
        let failed = store
            .objects("events")
            .find(|(_, event)| text(event, &["reason"]) == "FailedCreate");
        if let Some((_, event)) = failed {
            assert_eq!(
                text(event, &["message"]),
                "Error creating: no room for pods"
            );
            assert_eq!(text(event, &["involvedObject", "name"]), "web");
            break;
        }
        drop(store);
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(runner);
}
