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
use gate::Gate;
use reach::Pods;

pub use ask::Refusal;
pub(super) use ask::{moment, timestamp};
pub(super) use objects::{key_of, pod_name, runs_pods, typed};

/// Revisions that one second of a server's life may take at most, so that a later server begins above it.
const REVISIONS_A_SECOND: u64 = 1_000;

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

/// Who the API is, for those who reach it from this machine.
///
/// # Errors
/// If there is no randomness.
pub fn identity() -> anyhow::Result<Identity> {
    Ok(Identity::generate(&["127.0.0.1", "localhost"])?)
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
    let pods = Arc::new(Pods::new(lab));
    let server = Server::with_containers(Arc::clone(&lab.api), pods, listener, identity)
        .context("cannot serve the API")?;
    Ok(Served {
        _server: server,
        kubeconfig,
    })
}
