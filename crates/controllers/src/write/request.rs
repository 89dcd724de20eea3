//! A write as a request to the API.

use ringfence_apiserver::api::{Method, Request};
use ringfence_apiserver::kind::Kind;
use ringfence_apiserver::kinds::Kinds;
use ringfence_apiserver::object::{self, text};
use serde_json::{Value, json};

use super::{Verb, Write};

impl Write {
    /// What to ask the API for, as the program `manager`; `None` if the kind is not served.
    #[must_use]
    pub fn request(&self, kinds: &Kinds, manager: &str) -> Option<Request> {
        request(self, kinds, manager)
    }
}

fn request(write: &Write, kinds: &Kinds, manager: &str) -> Option<Request> {
    let object = &write.object;
    let kind = kinds.of_object(text(object, &["apiVersion"]), text(object, &["kind"]))?;
    let mut path = collection(kind, object::namespace(object));
    let name = (write.verb != Verb::Create).then(|| object::name(object).to_owned());
    path.extend(name);
    path.extend((write.verb == Verb::Status).then(|| "status".to_owned()));
    Some(Request {
        method: match write.verb {
            Verb::Create => Method::Post,
            Verb::Replace | Verb::Status => Method::Put,
            Verb::Delete => Method::Delete,
        },
        path,
        query: Vec::new(),
        accept: "application/json".to_owned(),
        content_type: "application/json".to_owned(),
        user_agent: manager.to_owned(),
        if_none_match: None,
        body: body(write).to_string().into_bytes(),
    })
}

fn collection(kind: &Kind, namespace: &str) -> Vec<String> {
    let mut path = match kind.group.as_ref() {
        "" => vec!["api".to_owned()],
        group => vec!["apis".to_owned(), group.to_owned()],
    };
    path.push(kind.version().to_owned());
    if kind.is_namespaced() {
        path.extend(["namespaces".to_owned(), namespace.to_owned()]);
    }
    path.push(kind.plural.to_string());
    path
}

/// What ends must be what was seen, though it may have changed since.
fn body(write: &Write) -> Value {
    match write.verb {
        Verb::Create | Verb::Replace | Verb::Status => write.object.clone(),
        Verb::Delete => json!({
            "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
            "preconditions": {"uid": object::uid(&write.object)},
        }),
    }
}
