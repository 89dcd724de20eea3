//! The API as its clients see it, without sockets.

use std::cell::Cell;

use serde_json::{Value, json};

use super::*;
use crate::object;
use crate::status::ApiError;
use crate::time::Timestamp;

mod applying;
mod deleting;
mod garbage;
mod mirroring;
mod reading;
mod writing;

struct Client {
    api: Api,
    random: Cell<u128>,
    now: Cell<i64>,
}

fn client() -> Client {
    client_with(false, Box::new(AdmitAll))
}

fn client_with(ends_pods: bool, admission: Box<dyn Admission>) -> Client {
    let config = ApiConfig {
        first_revision: 100,
        ends_pods,
    };
    let client = Client {
        api: Api::new(config, admission),
        random: Cell::new(1),
        now: Cell::new(1_000_000),
    };
    client.create("/api/v1/namespaces", json!({"metadata": {"name": "d"}}));
    client
}

impl Client {
    fn send(&self, method: Method, url: &str, content_type: &str, body: Vec<u8>) -> Answer {
        self.send_for((method, url), "application/json", content_type, body)
    }

    /// `accept` is the form in which the answer is wanted.
    fn send_for(
        &self,
        (method, url): (Method, &str),
        accept: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Answer {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let request = Request {
            method,
            path: path
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            query: pairs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            accept: accept.to_owned(),
            content_type: content_type.to_owned(),
            user_agent: "test/1".to_owned(),
            if_none_match: None,
            body,
        };
        let random = || {
            self.random.set(self.random.get() + 1);
            self.random
                .get()
                .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        };
        self.api.handle(
            &request,
            &Moment {
                now: Timestamp(self.now.get()),
                random: &random,
            },
        )
    }

    fn call(&self, method: Method, url: &str, content_type: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let answer = self.send(method, url, content_type, body);
        let code = answer.code;
        let value = match answer.body {
            Body::Json(value) => value,
            Body::List(mut list) => {
                let pieces = std::iter::from_fn(|| list.piece());
                serde_json::from_slice(&pieces.collect::<Vec<_>>().concat()).unwrap()
            }
            other @ (Body::Text(_) | Body::NotModified | Body::Watch(_) | Body::Streaming(_)) => {
                panic!("no object, but {other:?}")
            }
        };
        (code, value)
    }

    fn create(&self, url: &str, object: Value) -> Value {
        let (code, answer) = self.call(Method::Post, url, "application/json", &object);
        assert_eq!(code, 201, "{answer}");
        answer
    }

    fn get(&self, url: &str) -> Value {
        let (code, answer) = self.call(Method::Get, url, "", &Value::Null);
        assert_eq!(code, 200, "{answer}");
        answer
    }

    /// What `kubectl get` would print: the headings, and the cells of each row.
    fn table(&self, url: &str) -> (Vec<Value>, Vec<Value>) {
        let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let answer = self.send_for((Method::Get, url), accept, "", Vec::new());
        let Body::Json(table) = answer.body else {
            panic!("no table, but {answer:?}");
        };
        let list = |field: &str| table[field].as_array().unwrap().clone();
        let rows = list("rows");
        let rows = rows.iter().map(|row| row["cells"].clone());
        (list("columnDefinitions"), rows.collect())
    }

    fn code(&self, url: &str) -> u16 {
        self.call(Method::Get, url, "", &Value::Null).0
    }

    fn delete(&self, url: &str, options: &Value) -> (u16, Value) {
        self.call(Method::Delete, url, "application/json", options)
    }

    fn merge(&self, url: &str, patch: &Value) -> (u16, Value) {
        self.call(Method::Patch, url, "application/merge-patch+json", patch)
    }

    fn refused(&self, method: Method, url: &str, object: &Value) -> (u16, String) {
        let (code, answer) = self.call(method, url, "application/json", object);
        (code, object::text(&answer, &["message"]).to_owned())
    }
}

const PODS: &str = "/api/v1/namespaces/d/pods";
const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/d/networkpolicies";

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}})
}

#[derive(Debug)]
struct Refuse;

impl Admission for Refuse {
    fn admit(&self, write: &Write<'_>) -> Result<(), ApiError> {
        if write.kind.kind == "Pod" {
            return Err(ApiError::internal("no room"));
        }
        Ok(())
    }
}
