//! The lab as a Kubernetes API: what there is, to be read with kubectl, and writes that become changes of the lab.

mod gate;
mod logs;
mod process;
mod reach;
mod snapshot;

use std::net::TcpListener;
use std::sync::{Arc, PoisonError};

use anyhow::Context as _;
use ringfence_apiserver::api::{Api, ApiConfig, Moment};
use ringfence_apiserver::server::{Identity, Server};
use ringfence_apiserver::time::Timestamp;

use super::Lab;
use super::containers::now;
use gate::Gate;
use reach::Pods;

/// Revisions that one second of a server's life may take at most, so that a later server begins above it.
const REVISIONS_A_SECOND: u64 = 1_000;

/// A running API.
#[derive(Debug)]
pub struct Served {
    _server: Server,
    /// The file that makes kubectl speak to it.
    pub kubeconfig: String,
}

/// Serves `lab` on `listener`, which may belong to another network namespace.
///
/// # Errors
/// If the socket cannot be used, or there is no randomness.
pub fn serve(lab: &Arc<Lab>, listener: TcpListener) -> anyhow::Result<Served> {
    let identity = Identity::generate(&["127.0.0.1", "localhost"])?;
    let address = listener
        .local_addr()
        .context("cannot use the API's socket")?;
    let kubeconfig = identity.kubeconfig(
        &format!("ringfence-{}", lab.config.name),
        &address.to_string(),
    );
    let config = ApiConfig {
        first_revision: now() * REVISIONS_A_SECOND,
        ends_pods: false,
    };
    let authority = identity.authority().to_owned();
    let gate = Gate::new(lab, authority.clone());
    let api = Arc::new(Api::new(config, Box::new(gate)));
    mirror(lab, &api, &authority);
    let (mirrored, following) = (Arc::clone(&api), Arc::clone(lab));
    std::thread::spawn(move || follow(&following, &mirrored, &authority));
    let server = Server::with_containers(api, Arc::new(Pods::new(lab)), listener, identity)
        .context("cannot serve the API")?;
    Ok(Served {
        _server: server,
        kubeconfig,
    })
}

/// Shows each change of the lab.
fn follow(lab: &Lab, api: &Api, authority: &str) {
    let mut seen = 0;
    loop {
        seen = lab.wait_for_change(seen);
        mirror(lab, api, authority);
    }
}

fn mirror(lab: &Lab, api: &Api, authority: &str) {
    let random = || ringfence_apiserver::server::random();
    let now = Timestamp(i64::try_from(now()).unwrap_or(i64::MAX));
    let moment = Moment {
        now,
        random: &random,
    };
    api.mirror(&snapshot::RESOURCES, || lab.snapshot(authority), &moment);
}

impl Lab {
    /// Waits until there has been a change since the one numbered `seen`, and gives the number of the last.
    fn wait_for_change(&self, seen: u64) -> u64 {
        let mut state = self.lock();
        while state.changes == seen {
            state = self
                .pods_changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.changes
    }
}
