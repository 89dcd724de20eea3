//! Which protocol a connection goes on with, from the heads of requests alone.

use hyper::Method;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::channel::Channels;
use crate::status::ApiError;

const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");
const SPDY: &str = "SPDY/3.1";
const V4: &str = "v4.channel.k8s.io";
const V5: &str = "v5.channel.k8s.io";
const FORWARD: &str = "portforward.k8s.io";
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

/// How client and server go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Messages of a WebSocket, each of one channel.
    Channels(Channels),
    /// Frames of SPDY.
    Spdy,
    /// Frames of SPDY in the messages of a WebSocket.
    Tunnel,
}

/// A protocol, and the headers that tell the client.
#[derive(Debug)]
pub(super) struct Agreement {
    pub(super) protocol: Protocol,
    pub(super) headers: HeaderMap,
}

/// For exec and attach.
pub(super) fn session(method: &Method, headers: &HeaderMap) -> Result<Agreement, ApiError> {
    let sockets = [
        (V5, Protocol::Channels(Channels::V5)),
        (V4, Protocol::Channels(Channels::V4)),
    ];
    agree(method, headers, &sockets, V4)
}

/// For port-forward.
pub(super) fn forward(method: &Method, headers: &HeaderMap) -> Result<Agreement, ApiError> {
    let sockets = [
        (TUNNEL, Protocol::Tunnel),
        (V4, Protocol::Channels(Channels::V4)),
    ];
    agree(method, headers, &sockets, FORWARD)
}

/// Chooses of `sockets`, the best first, or `spdy` as the protocol within SPDY.
fn agree(
    method: &Method,
    headers: &HeaderMap,
    sockets: &[(&'static str, Protocol)],
    spdy: &'static str,
) -> Result<Agreement, ApiError> {
    let asks_for =
        |name: &str| words(headers, &UPGRADE).any(|word| word.eq_ignore_ascii_case(name));
    if asks_for("websocket") {
        return websocket(method, headers, sockets);
    }
    if !asks_for(SPDY) {
        return Err(ApiError::bad_request("Upgrade request required"));
    }
    let offered: Vec<&str> = words(headers, &STREAM_PROTOCOL).collect();
    if !offered.contains(&spdy) {
        return Err(none_of(&[spdy], &offered));
    }
    let mut answer = upgrade_to(SPDY);
    answer.insert(STREAM_PROTOCOL, HeaderValue::from_static(spdy));
    Ok(Agreement {
        protocol: Protocol::Spdy,
        headers: answer,
    })
}

fn websocket(
    method: &Method,
    headers: &HeaderMap,
    sockets: &[(&'static str, Protocol)],
) -> Result<Agreement, ApiError> {
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let version = words(headers, &SEC_WEBSOCKET_VERSION).any(|version| version == "13");
    let (Some(key), Method::GET, true) = (key, method.clone(), version) else {
        let message = "a WebSocket begins with GET, a key and version 13";
        return Err(ApiError::bad_request(message));
    };
    let offered: Vec<&str> = words(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
    let chosen = sockets.iter().find(|(name, _)| offered.contains(name));
    let names: Vec<&str> = sockets.iter().map(|(name, _)| *name).collect();
    let (name, protocol) = chosen.ok_or_else(|| none_of(&names, &offered))?;
    let mut answer = upgrade_to("websocket");
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key)) {
        answer.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    Ok(Agreement {
        protocol: *protocol,
        headers: answer,
    })
}

fn upgrade_to(protocol: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static(protocol)),
    ])
}

fn none_of(known: &[&str], offered: &[&str]) -> ApiError {
    ApiError::bad_request(format!(
        "unable to upgrade: the client offers [{}], the server speaks [{}]",
        offered.join(" "),
        known.join(" ")
    ))
}

/// The words of a header that may come several times, each with several words.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let one = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        let mut map = HeaderMap::new();
        for (name, value) in lines.iter().map(one) {
            map.append(name, value);
        }
        map
    }

    fn socket(protocols: &'static str) -> HeaderMap {
        headers(&[
            ("connection", "Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", protocols),
        ])
    }

    fn value<'a>(agreement: &'a Agreement, name: &str) -> &'a str {
        agreement.headers.get(name).unwrap().to_str().unwrap()
    }

    #[test]
    fn the_newest_protocol_that_both_know_is_chosen() {
        for (offered, chosen) in [
            ("v5.channel.k8s.io", "v5.channel.k8s.io"),
            ("v4.channel.k8s.io, v5.channel.k8s.io", "v5.channel.k8s.io"),
            ("v3.channel.k8s.io,v4.channel.k8s.io", "v4.channel.k8s.io"),
        ] {
            let agreement = session(&Method::GET, &socket(offered)).unwrap();
            assert_eq!(value(&agreement, "sec-websocket-protocol"), chosen);
        }
        let agreement = forward(&Method::GET, &socket(TUNNEL)).unwrap();
        assert_eq!(agreement.protocol, Protocol::Tunnel);
    }

    #[test]
    fn the_key_is_answered_as_the_standard_says() {
        let agreement = session(&Method::GET, &socket(V5)).unwrap();
        assert_eq!(
            value(&agreement, "sec-websocket-accept"),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn spdy_offers_its_protocols_one_by_one() {
        let lines = [
            ("upgrade", "SPDY/3.1"),
            ("x-stream-protocol-version", "v4.channel.k8s.io"),
            ("x-stream-protocol-version", "channel.k8s.io"),
        ];
        let agreement = session(&Method::POST, &headers(&lines)).unwrap();
        assert_eq!(agreement.protocol, Protocol::Spdy);
        assert_eq!(value(&agreement, "x-stream-protocol-version"), V4);
        assert_eq!(value(&agreement, "upgrade"), "SPDY/3.1");
        assert_eq!(
            forward(&Method::POST, &headers(&lines)).unwrap_err().code,
            400
        );
    }

    #[test]
    fn what_is_no_upgrade_is_told_so() {
        for bad in [
            headers(&[]),
            headers(&[("upgrade", "h2c")]),
            headers(&[("upgrade", "websocket"), ("sec-websocket-protocol", V5)]),
            headers(&[("upgrade", "SPDY/3.1")]),
            socket("v1.channel.k8s.io"),
        ] {
            assert_eq!(
                session(&Method::GET, &bad).unwrap_err().code,
                400,
                "{bad:?}"
            );
        }
        assert_eq!(session(&Method::POST, &socket(V5)).unwrap_err().code, 400);
    }
}
