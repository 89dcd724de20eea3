//! A small HTTP client: [`fetch`] for programs, [`run`] as the command `curl` where there is none.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::probe::Deadline;

mod client;
mod command;
#[cfg(test)]
mod tests;

pub(crate) use client::fetch_until;
pub use command::run;

/// A page to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchRequest {
    /// The page; `http://` may be left out. There is no TLS.
    pub url: String,
    /// The method, such as `GET`.
    pub method: String,
    /// Headers to send.
    pub headers: Vec<(String, String)>,
    /// The body to send; empty for none.
    pub body: Vec<u8>,
    /// How long looking the name up and connecting may take, if that is less than everything.
    #[serde(default)]
    pub connect_timeout_ms: Option<u64>,
}

impl FetchRequest {
    /// A GET of `url`.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            connect_timeout_ms: None,
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchResponse {
    /// The status, such as 200.
    pub status: u16,
    /// Headers in order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most 16 MiB of it.
    pub body: Vec<u8>,
}

impl FetchResponse {
    /// The first header called `name` (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not a URL.
    #[error("`{url}` is no URL: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A scheme other than http.
    #[error("`{scheme}` is not supported, only http")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The host has no address.
    #[error("could not resolve host `{host}`: {reason}")]
    Name {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// Nobody listens there.
    #[error("connection to `{host}` port {port} refused")]
    Refused {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// Time is up.
    #[error("timed out")]
    TimedOut,
    /// Something else on the way.
    #[error("{reason}")]
    Transfer {
        /// What.
        reason: String,
    },
}

/// Fetches a page by GET within `timeout`, name lookup included. Follows no redirect and no proxy.
///
/// # Errors
/// [`FetchError`]; a status such as 404 is none.
pub fn fetch(url: &str, timeout: Duration) -> Result<FetchResponse, FetchError> {
    fetch_request(&FetchRequest::get(url), timeout)
}

/// Like [`fetch`], with any method, headers and body.
///
/// # Errors
/// [`FetchError`]; a status such as 404 is none.
pub fn fetch_request(
    request: &FetchRequest,
    timeout: Duration,
) -> Result<FetchResponse, FetchError> {
    fetch_until(request, Deadline::after(timeout))
}
