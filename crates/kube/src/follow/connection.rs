//! A client whose connections are silent for as long as nothing happens, and are noticed to be dead all the same.

use std::time::Duration;

use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Builder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt as _;
use kube::{Client, Config, Error};
use tower::{BoxError, ServiceBuilder};

/// A connection that is silent for so long is asked whether it lives, and again after each [`AGAIN`].
const SILENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_secs(5);
/// So many questions without answer, and it is dead.
const QUESTIONS: u32 = 3;
/// What is sent and not acknowledged for so long is on a dead connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(25);
/// A server that is alive and says nothing for so long is given up: it ends every watch before.
const MUTE: Duration = Duration::from_secs(330);

/// As [`Client::try_from`] makes it, but for the connections.
pub(super) fn client(config: Config) -> Result<Client, Error> {
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp())?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(Some(MUTE));
    let http = Builder::new(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(SILENCE));
    connector.set_keepalive_interval(Some(AGAIN));
    connector.set_keepalive_retries(Some(QUESTIONS));
    connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    connector
}
