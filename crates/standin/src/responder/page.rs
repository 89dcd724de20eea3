//! The answer to an HTTP request.

use std::net::SocketAddr;

use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderName, HeaderValue};
use hyper::{Request, StatusCode};
use ringfence_net::Protocol;
use serde::Serialize;

use super::Door;
use crate::http::{Page, page};

/// The header that carries the identity, whatever the body is.
pub(crate) const PEER_HEADER: HeaderName = HeaderName::from_static("x-ringfence-peer");

/// All that a stand-in has to say.
#[derive(Debug, Serialize)]
struct Sighting<'a> {
    stand_in: bool,
    image: &'a str,
    namespace: &'a str,
    pod: &'a str,
    node: &'a str,
    container: &'a str,
    port: u16,
    protocol: Protocol,
    port_name: Option<&'a str>,
    source: SocketAddr,
    method: &'a str,
    path: &'a str,
}

pub(super) fn answer(door: &Door, request: &Request<Incoming>, source: SocketAddr) -> Page {
    let peer = door.peer(source);
    let sighting = Sighting {
        stand_in: true,
        image: &door.config.image,
        namespace: &door.config.namespace,
        pod: &door.config.pod,
        node: &door.config.node,
        container: &door.config.container,
        port: door.port,
        protocol: Protocol::Tcp,
        port_name: door.name.as_deref(),
        source: peer.source,
        method: request.method().as_str(),
        path: request.uri().path(),
    };
    tracing::info!("{} {} {}", peer.source, sighting.method, sighting.path);
    let mut answer = if wants_json(request) {
        let mut body = serde_json::to_vec(&sighting).unwrap_or_default();
        body.push(b'\n');
        page(StatusCode::OK, "application/json", body)
    } else {
        page(StatusCode::OK, "text/html; charset=utf-8", html(&sighting))
    };
    if let Ok(value) = HeaderValue::from_str(&peer.to_string()) {
        answer.headers_mut().insert(PEER_HEADER, value);
    }
    answer
}

fn wants_json(request: &Request<Incoming>) -> bool {
    let asked = request.uri().query().unwrap_or_default();
    let accepted = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    asked.split('&').any(|pair| pair == "format=json")
        || accepted.is_some_and(|types| types.starts_with("application/json"))
}

fn html(sighting: &Sighting<'_>) -> String {
    let port_name = sighting
        .port_name
        .map_or(String::new(), |name| format!(" ({name})"));
    let pod = if sighting.namespace.is_empty() {
        sighting.pod.to_owned()
    } else {
        format!("{}/{}", sighting.namespace, sighting.pod)
    };
    let title = format!("ringfence stand-in for image {}", sighting.image);
    let rows = [
        ("pod", pod),
        ("node", sighting.node.to_owned()),
        ("container", sighting.container.to_owned()),
        (
            "port",
            format!("{}/{}{port_name}", sighting.port, sighting.protocol),
        ),
        ("source", sighting.source.to_string()),
        ("request", format!("{} {}", sighting.method, sighting.path)),
    ];
    let rows: String = rows
        .iter()
        .map(|(key, value)| format!("{key:<9}  {}\n", escape(value)))
        .collect();
    let title = escape(&title);
    format!(
        "<!DOCTYPE html>\n<html>\n<head><title>{title}</title></head>\n<body>\n\
         <h1>{title}</h1>\n<p>The image does not run here: this page says who answered.</p>\n\
         <pre>\n{rows}</pre>\n</body>\n</html>\n"
    )
}

/// `text` as HTML: what a client sent comes back as text, never as markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
