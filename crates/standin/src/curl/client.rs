//! The request itself, by `ureq`, on addresses that we looked up.

use std::net::SocketAddr;
use std::time::Duration;

use ureq::http::{Request, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

use super::{FetchError, FetchRequest, FetchResponse};
use crate::probe::resolve::resolve;
use crate::probe::{Deadline, Unreached, transport};

/// The most that is read of a body.
const LARGEST_BODY: u64 = 16 * 1024 * 1024;
/// Addresses that are tried.
const MOST_ADDRESSES: usize = 8;

pub(crate) fn fetch_until(
    request: &FetchRequest,
    deadline: Deadline,
) -> Result<FetchResponse, FetchError> {
    let url = Target::parse(&request.url)?;
    let message = message(request, &url)?;
    let patience = deadline.left().map_err(|failure| url.failed(failure))?;
    let connect_within = request
        .connect_timeout_ms
        .map_or(patience, |limit| Duration::from_millis(limit).min(patience));
    let connected_by = Deadline::after(connect_within);
    let connect = || -> Result<Agent, Unreached> {
        let addresses = resolve(&url.host, url.port, connected_by)?;
        Ok(agent(deadline.left()?, connected_by.left()?, addresses))
    };
    let agent = connect().map_err(|failure| url.failed(failure))?;
    let answered = agent.run(message).map_err(|error| url.broken(error))?;
    read(answered).map_err(|error| url.broken(error))
}

/// Where a URL leads.
struct Target {
    uri: Uri,
    /// The host without brackets.
    host: String,
    port: u16,
}

impl Target {
    fn parse(text: &str) -> Result<Self, FetchError> {
        let wrong = |reason: &dyn std::fmt::Display| FetchError::Url {
            url: text.to_owned(),
            reason: reason.to_string(),
        };
        let whole = match text.split_once("://") {
            Some(("http", _)) => text.to_owned(),
            Some((scheme, _)) => {
                let scheme = scheme.to_owned();
                return Err(FetchError::Scheme { scheme });
            }
            None => format!("http://{text}"),
        };
        let uri: Uri = whole.parse().map_err(|error| wrong(&error))?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong(&"it has no host"))?;
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        Ok(Self {
            host: bare.unwrap_or(host).to_owned(),
            port: uri.port_u16().unwrap_or(80),
            uri,
        })
    }

    fn failed(&self, failure: Unreached) -> FetchError {
        match failure {
            Unreached::Name(reason) => FetchError::Name {
                host: self.host.clone(),
                reason,
            },
            Unreached::TimedOut => FetchError::TimedOut,
            Unreached::Refused => self.refused(),
            Unreached::Other(reason) => FetchError::Transfer { reason },
        }
    }

    fn refused(&self) -> FetchError {
        FetchError::Refused {
            host: self.host.clone(),
            port: self.port,
        }
    }

    fn broken(&self, error: ureq::Error) -> FetchError {
        if matches!(error, ureq::Error::Timeout(_)) {
            return FetchError::TimedOut;
        }
        self.failed(transport::failure(&error.into_io()))
    }
}

fn message(request: &FetchRequest, target: &Target) -> Result<Request<Vec<u8>>, FetchError> {
    let mut message = Request::builder()
        .method(request.method.as_str())
        .uri(target.uri.clone());
    for (name, value) in &request.headers {
        message = message.header(name, value);
    }
    message
        .body(request.body.clone())
        .map_err(|error| FetchError::Transfer {
            reason: error.to_string(),
        })
}

fn agent(timeout: Duration, connect: Duration, addresses: Vec<SocketAddr>) -> Agent {
    // The environment's proxy is the machine's, not the pod's.
    let config = Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(timeout))
        .timeout_connect(Some(connect))
        .user_agent(concat!("ringfence/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Known(addresses))
}

fn read(answered: ureq::http::Response<Body>) -> Result<FetchResponse, ureq::Error> {
    let (head, body) = answered.into_parts();
    let value =
        |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter();
    Ok(FetchResponse {
        status: head.status.as_u16(),
        headers: headers
            .map(|(name, each)| (name.to_string(), value(each)))
            .collect(),
        body: body.into_with_config().limit(LARGEST_BODY).read_to_vec()?,
    })
}

/// The addresses are known already.
#[derive(Debug)]
struct Known(Vec<SocketAddr>);

impl Resolver for Known {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut known = self.empty();
        for address in self.0.iter().take(MOST_ADDRESSES) {
            known.push(*address);
        }
        Ok(known)
    }
}
