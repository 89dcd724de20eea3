//! The cloud's instance metadata service, or rather its stand-in: what a pod without egress policy
//! can steal. Everything it gives away says that it is fake.
//!
//! It speaks as much of Amazon's protocol as a thief needs: the listing, the role's credentials, by
//! plain GET (version 1) and by session token (version 2).

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use hyper::body::Incoming;
use hyper::header::ALLOW;
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::http::{Page, page, text};
use crate::responder::until_told;
use crate::{http, listen};

/// Where clouds have it: IPv4, and IPv6 on Amazon's.
pub const ADDRESSES: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254)), 80),
    SocketAddr::new(
        IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
        80,
    ),
];

/// The role whose credentials lie there.
pub const ROLE: &str = "ringfence-lab-node";

const TOKEN_PREFIX: &str = "FAKE-ringfence-lab-token-";
const LIFETIME: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";

/// How the service treats requests without token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Answers them, as clouds do unless told otherwise.
    Any,
    /// Refuses them.
    TokenOnly,
}

/// A metadata service whose addresses are bound.
#[derive(Debug)]
pub struct Metadata {
    listeners: Vec<TcpListener>,
    version: Version,
}

impl Metadata {
    /// Binds `addresses`; needs a running tokio runtime.
    ///
    /// # Errors
    /// If one of them is taken or missing; the message names it.
    pub fn bind(addresses: &[SocketAddr], version: Version) -> anyhow::Result<Self> {
        let mut listeners = Vec::new();
        for address in addresses {
            let bound = listen::tcp(&[address.ip()], address.port());
            listeners.extend(bound.with_context(|| format!("cannot listen on {address}"))?);
        }
        Ok(Self { listeners, version })
    }

    /// The bound addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    /// Answers everybody; never returns.
    pub async fn serve(self) {
        let mut doors = JoinSet::new();
        for listener in self.listeners {
            let version = self.version;
            doors.spawn(http::serve(listener, move |request, source| {
                let answer = answer(request, version, SystemTime::now());
                tracing::info!(
                    "{source} {} {} {}",
                    request.method(),
                    request.uri().path(),
                    answer.status().as_u16()
                );
                answer
            }));
        }
        while doors.join_next().await.is_some() {}
        std::future::pending().await
    }
}

/// Stands in for the metadata service on `addresses` until SIGTERM or SIGINT.
///
/// # Errors
/// If an address is taken or missing.
pub fn run(addresses: &[SocketAddr]) -> anyhow::Result<()> {
    until_told(async {
        Metadata::bind(addresses, Version::Any)?.serve().await;
        Ok(())
    })
}

fn answer(request: &Request<Incoming>, version: Version, now: SystemTime) -> Page {
    let path = request.uri().path();
    if *request.method() == Method::PUT && path == "/latest/api/token" {
        return token(request.headers(), now);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "");
        refusal
            .headers_mut()
            .insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    if !is_admitted(request.headers(), version, now) {
        return text(StatusCode::UNAUTHORIZED, "");
    }
    document(path, now)
}

/// A session token says when it ends; it is a secret of nobody.
fn token(headers: &HeaderMap, now: SystemTime) -> Page {
    let lifetime = headers.get(LIFETIME).and_then(|value| value.to_str().ok());
    match lifetime.and_then(|seconds| seconds.parse::<u64>().ok()) {
        Some(seconds @ 1..=21_600) => {
            let end = seconds_since_epoch(now + Duration::from_secs(seconds));
            text(StatusCode::OK, format!("{TOKEN_PREFIX}{end}"))
        }
        Some(_) | None => text(StatusCode::BAD_REQUEST, ""),
    }
}

fn is_admitted(headers: &HeaderMap, version: Version, now: SystemTime) -> bool {
    let Some(token) = headers.get(TOKEN) else {
        return match version {
            Version::Any => true,
            Version::TokenOnly => false,
        };
    };
    let end = token
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix(TOKEN_PREFIX));
    let end = end.and_then(|seconds| seconds.parse::<u64>().ok());
    end.is_some_and(|end| seconds_since_epoch(now) < end)
}

fn document(path: &str, now: SystemTime) -> Page {
    let path = path.trim_end_matches('/');
    let credentials = "/latest/meta-data/iam/security-credentials";
    let body = match path {
        "" => "latest\n".to_owned(),
        "/latest" => "dynamic\nmeta-data\n".to_owned(),
        "/latest/meta-data" => "hostname\niam/\ninstance-id\nlocal-ipv4\n".to_owned(),
        "/latest/meta-data/hostname" => "fake.ringfence.lab".to_owned(),
        "/latest/meta-data/instance-id" => "i-fake-ringfence-lab".to_owned(),
        "/latest/meta-data/local-ipv4" => "192.0.2.1".to_owned(),
        "/latest/meta-data/iam" => "security-credentials/\n".to_owned(),
        path if path == credentials => ROLE.to_owned(),
        path if path
            .strip_prefix(credentials)
            .and_then(|rest| rest.strip_prefix('/'))
            == Some(ROLE) =>
        {
            return stolen(now);
        }
        _ => return text(StatusCode::NOT_FOUND, "not found\n"),
    };
    text(StatusCode::OK, body)
}

/// Credentials in Amazon's shape, and obviously worth nothing.
fn stolen(now: SystemTime) -> Page {
    let fake = "FAKE-ringfence-lab";
    let credentials = json!({
        "Code": "Success",
        "LastUpdated": timestamp(now),
        "Type": "AWS-HMAC",
        "AccessKeyId": fake,
        "SecretAccessKey": fake,
        "Token": fake,
        "Expiration": timestamp(now + Duration::from_secs(6 * 60 * 60)),
    });
    page(
        StatusCode::OK,
        "application/json",
        format!("{credentials:#}\n"),
    )
}

fn seconds_since_epoch(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// RFC 3339 in UTC, in whole seconds.
fn timestamp(time: SystemTime) -> String {
    let seconds = i64::try_from(seconds_since_epoch(time)).unwrap_or(i64::MAX);
    let moment = OffsetDateTime::from_unix_timestamp(seconds);
    let text = moment.ok().and_then(|moment| moment.format(&Rfc3339).ok());
    text.unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
