//! The Kubernetes API of the lab: its store is what there is, and what is stored is enforced.

mod ask;
mod gate;
mod logs;
mod objects;
mod process;
mod reach;
mod system;
mod view;

use std::net::TcpListener;
use std::sync::{Arc, Weak};

use anyhow::Context as _;
use ipnet::IpNet;
use ringfence_apiserver::api::{Api, ApiConfig};
use ringfence_apiserver::server::{Identity, Server};

use super::Lab;
use super::containers::now;
use crate::cluster::system::api_address;
use crate::plan::API_ENDPOINT;
use gate::Gate;
use reach::Pods;

pub use ask::Refusal;
pub(super) use ask::{moment, timestamp};
pub(super) use objects::{key_of, pod_name, runs_pods, typed};

/// Revisions that one second of a server's life may take at most, so that a later server begins above it.
const REVISIONS_A_SECOND: u64 = 1_000;

/// What clients on this machine and pods call it.
const NAMES: [&str; 6] = [
    "127.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// A running API.
#[derive(Debug)]
pub struct Served {
    _server: Server,
    /// The file that makes kubectl speak to it.
    pub kubeconfig: String,
}

/// An API with nothing in it, whose writes are those of `lab`.
pub(super) fn new(lab: Weak<Lab>, service_subnets: &[IpNet]) -> Arc<Api> {
    let config = ApiConfig {
        first_revision: now() * REVISIONS_A_SECOND,
        ends_pods: true,
    };
    let gate = Gate::new(lab, service_subnets.to_vec());
    Arc::new(Api::new(config, Box::new(gate)))
}

/// Who the API is, for those who reach it from this machine or from pods.
///
/// # Errors
/// If there is no randomness.
pub fn identity(service_subnets: &[IpNet]) -> anyhow::Result<Identity> {
    let addresses = api_address(service_subnets).into_iter().chain(API_ENDPOINT);
    let addresses: Vec<String> = addresses.map(|address| address.to_string()).collect();
    let names = NAMES
        .into_iter()
        .chain(addresses.iter().map(String::as_str));
    Ok(Identity::generate(&names.collect::<Vec<_>>())?)
}

/// Serves `lab` on `listener`, which may belong to another network namespace.
///
/// # Errors
/// If the socket cannot be used.
pub fn serve(lab: &Arc<Lab>, identity: Identity, listener: TcpListener) -> anyhow::Result<Served> {
    let address = listener
        .local_addr()
        .context("cannot use the API's socket")?;
    let kubeconfig = identity.kubeconfig(
        &format!("ringfence-{}", lab.config.name),
        &address.to_string(),
    );
    Ok(Served {
        _server: server(lab, identity, listener)?,
        kubeconfig,
    })
}

/// Serves the same on another socket.
///
/// # Errors
/// If the socket cannot be used.
pub(super) fn server(
    lab: &Arc<Lab>,
    identity: Identity,
    listener: TcpListener,
) -> anyhow::Result<Server> {
    let pods = Arc::new(Pods::new(lab));
    Server::with_containers(Arc::clone(&lab.api), pods, listener, identity)
        .context("cannot serve the API")
}
