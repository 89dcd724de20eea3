//! What a kubelet would do, without running anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use ringfence_apiserver::api::{Api, Moment};
use ringfence_apiserver::object::{self, is_terminating, items, text};
use ringfence_apiserver::server::random;
use ringfence_apiserver::time::Timestamp;
use ringfence_controllers::{Verb, Write};
use serde_json::{Value, json};

/// How a pod fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ready,
    Unready,
    Failed,
    Succeeded,
}

/// The pod with this outcome, and the address `10.0.0.<number>`.
pub(crate) fn with_outcome(pod: &Value, outcome: Outcome, number: usize, now: Timestamp) -> Value {
    let (phase, ready) = match outcome {
        Outcome::Ready => ("Running", "True"),
        Outcome::Unready => ("Running", "False"),
        Outcome::Failed => ("Failed", "False"),
        Outcome::Succeeded => ("Succeeded", "False"),
    };
    let ip = format!("10.0.{}.{}", number / 250, number % 250 + 1);
    let condition =
        |kind| json!({"type": kind, "status": ready, "lastTransitionTime": now.to_string()});
    let mut conditions = items(pod, &["status", "conditions"]).to_vec();
    conditions.retain(|one| !matches!(text(one, &["type"]), "Ready" | "ContainersReady"));
    conditions.extend(["Ready", "ContainersReady"].map(condition));
    let mut pod = pod.clone();
    object::fields(&mut pod).insert(
        "status".to_owned(),
        json!({
            "phase": phase, "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "172.18.0.2",
            "startTime": now.to_string(), "conditions": conditions,
        }),
    );
    pod
}

pub(crate) fn status(pod: Value) -> Write {
    Write {
        verb: Verb::Status,
        object: pod,
    }
}

/// The pod, on the only node.
pub(crate) fn bind(pod: &Value) -> Write {
    let mut pod = pod.clone();
    object::fields(object::child(&mut pod, "spec")).insert("nodeName".to_owned(), "n1".into());
    Write {
        verb: Verb::Replace,
        object: pod,
    }
}

/// Brings up pods and ends them, until this is dropped.
pub(crate) struct Kubelet {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    pub(crate) fn start(api: Arc<Api>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) {
                let store = api.store();
                let pods: Vec<Arc<Value>> = store
                    .objects("pods")
                    .map(|(_, pod)| Arc::clone(pod))
                    .collect();
                drop(store);
                for pod in pods {
                    number += 1;
                    look_after(&api, &pod, number);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn look_after(api: &Api, pod: &Value, number: usize) {
    if is_terminating(pod) {
        return end(api, pod);
    }
    if text(pod, &["spec", "nodeName"]).is_empty() {
        return;
    }
    let phase = text(pod, &["status", "phase"]);
    let ends = text(pod, &["spec", "restartPolicy"]) != "Always";
    let next = match phase {
        "Pending" => Outcome::Ready,
        "Running" if ends => Outcome::Succeeded,
        _ => return,
    };
    send(api, &status(with_outcome(pod, next, number, now())));
}

fn end(api: &Api, pod: &Value) {
    let write = Write {
        verb: Verb::Delete,
        object: pod.clone(),
    };
    let mut request = write.request(api.kinds(), "kubelet").unwrap();
    request
        .query
        .push(("gracePeriodSeconds".to_owned(), "0".to_owned()));
    let moment = Moment {
        now: now(),
        random: &random,
    };
    let _ = api.handle(&request, &moment);
}

fn send(api: &Api, write: &Write) {
    let moment = Moment {
        now: now(),
        random: &random,
    };
    let request = write.request(api.kinds(), "kubelet").unwrap();
    let answer = api.handle(&request, &moment);
    assert!(matches!(answer.code, 200 | 404 | 409), "{answer:?}");
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    Timestamp(i64::try_from(since.as_secs()).unwrap())
}
