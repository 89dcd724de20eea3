//! ADD: reserve addresses, wire the pod, wait for its rules. Whatever fails, nothing stays.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::{del, netns, note, turn};
use crate::agent::{self, AgentError, Answer};
use crate::allocation::next_free;
use crate::config::NetworkConfig;
use crate::endpoint::{Endpoint, EndpointState};
use crate::environment::Attachment;
use crate::error::{CniError, ErrorCode, chain};
use crate::plan::{Plan, host_interface};
use crate::protocol::Request;
use crate::result::AddResult;
use crate::store::{Changes, EndpointStore};
use crate::wiring::{self, WiringError};

/// What the agent may take to hear of an ADD's failure, which it may itself be the cause of.
const UNDO_PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn add(config: &NetworkConfig, attachment: &Attachment) -> Result<AddResult, CniError> {
    if config.pod_cidrs.is_empty() {
        return Err(CniError::new(
            ErrorCode::InvalidConfig,
            "missing `podCidrs`",
        ));
    }
    let netns = netns::open(attachment)?;
    let store = EndpointStore::open(&config.data_dir)?;
    let _turn = turn(config, &store, attachment)?;
    // Asked before anything is taken: without an agent, retries would use the addresses up.
    agent_is_ready(config, attachment)?;
    let endpoint = reserve(config, attachment, &store)?;
    match complete(config, attachment, &store, endpoint, netns.as_fd()) {
        Ok(result) => Ok(result),
        Err(failure) => Err(failure.undone(config, attachment, &store)),
    }
}

/// Takes away what a successful ADD made, when its result could not be delivered.
pub(super) fn undo(config: &NetworkConfig, attachment: &Attachment) {
    if let Err(error) = del::del(config, attachment) {
        note(&format!("cannot undo ADD: {error}"));
    }
}

fn agent_is_ready(config: &NetworkConfig, attachment: &Attachment) -> Result<(), CniError> {
    match agent::ask_ready(&config.agent_socket, config.agent_timeout) {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No { message, .. }) => {
            let text = format!("the agent is not ready to protect {}", attachment.subject());
            Err(CniError::new(ErrorCode::TryAgainLater, text).details(message))
        }
        Err(error) => Err(unprotected(attachment, &error)),
    }
}

fn unprotected(attachment: &Attachment, error: &AgentError) -> CniError {
    let text = format!("{} cannot be protected: {error}", attachment.subject());
    let cause = std::error::Error::source(error)
        .map(chain)
        .unwrap_or_default();
    CniError::new(ErrorCode::TryAgainLater, text).details(cause)
}

fn reserve(
    config: &NetworkConfig,
    attachment: &Attachment,
    store: &EndpointStore,
) -> Result<Endpoint, CniError> {
    let changes = store.lock()?;
    let listing = store.list()?;
    if let Some(damaged) = listing.damaged.first() {
        let text = format!(
            "cannot tell which addresses are free: `{}`",
            damaged.path.display()
        );
        return Err(CniError::new(ErrorCode::Io, text).details(damaged.reason.clone()));
    }
    refuse_twice(attachment, &listing.endpoints)?;
    let taken = listing
        .endpoints
        .iter()
        .flat_map(|endpoint| &endpoint.addresses)
        .copied();
    let endpoint = Endpoint {
        id: attachment.id.clone(),
        pod: attachment.pod.clone(),
        uid: attachment.uid.clone(),
        host_interface: host_interface(&attachment.id),
        netns: attachment.netns.clone().unwrap_or_default(),
        network: config.name.clone(),
        addresses: allocate(config, &changes, &taken.collect())?,
        state: EndpointState::Reserved,
    };
    changes.put(&endpoint)?;
    Ok(endpoint)
}

fn refuse_twice(attachment: &Attachment, endpoints: &[Endpoint]) -> Result<(), CniError> {
    let host_interface = host_interface(&attachment.id);
    let other = endpoints
        .iter()
        .find(|endpoint| endpoint.id == attachment.id || endpoint.host_interface == host_interface);
    let Some(other) = other else { return Ok(()) };
    if other.id != attachment.id {
        let text = format!("interface name `{host_interface}` is in use by another attachment");
        return Err(CniError::new(ErrorCode::AlreadyAttached, text).details(other.id.to_string()));
    }
    match other.state {
        EndpointState::Reserved | EndpointState::Wired => Err(CniError::new(
            ErrorCode::AlreadyAttached,
            format!(
                "{} is attached already: DEL comes before another ADD",
                attachment.subject()
            ),
        )
        .details(attachment.id.to_string())),
        EndpointState::Released => Err(CniError::new(
            ErrorCode::TryAgainLater,
            format!(
                "the agent has not yet freed the last attachment of {}",
                attachment.subject()
            ),
        )
        .details(attachment.id.to_string())),
    }
}

fn allocate(
    config: &NetworkConfig,
    changes: &Changes<'_>,
    taken: &BTreeSet<IpAddr>,
) -> Result<Vec<IpAddr>, CniError> {
    let mut last = changes.last_given()?;
    let mut addresses = Vec::new();
    for block in &config.pod_cidrs {
        let address = next_free(*block, taken, last.get(block).copied())
            .map_err(|error| CniError::new(ErrorCode::TryAgainLater, error.to_string()))?;
        last.insert(*block, address);
        addresses.push(address);
    }
    changes.put_last_given(&last)?;
    Ok(addresses)
}

/// A failure after the reservation, by what has to be undone.
enum Failure {
    /// Nothing was made in the kernel.
    Unwired(CniError),
    /// The interface was made, wholly or in part, and the agent may have heard of it.
    Wired(CniError),
}

impl Failure {
    /// Takes everything back, and names what could not be.
    fn undone(
        self,
        config: &NetworkConfig,
        attachment: &Attachment,
        store: &EndpointStore,
    ) -> CniError {
        let (error, undo) = match self {
            Self::Unwired(error) => {
                let forgotten = store
                    .lock()
                    .and_then(|changes| changes.forget(&attachment.id));
                (error, forgotten.map_err(CniError::from))
            }
            Self::Wired(error) => {
                let patience = config.agent_timeout.min(UNDO_PATIENCE);
                (error, del::detach(config, store, &attachment.id, patience))
            }
        };
        match undo {
            Ok(()) => error,
            Err(left) => CniError {
                details: format!("{}; {left}", error.details),
                ..error
            },
        }
    }
}

fn complete(
    config: &NetworkConfig,
    attachment: &Attachment,
    store: &EndpointStore,
    endpoint: Endpoint,
    netns: BorrowedFd<'_>,
) -> Result<AddResult, Failure> {
    let plan = Plan::new(&endpoint.id, &endpoint.addresses, config.mtu);
    wiring::wire(&plan, netns).map_err(wiring_failure)?;
    let endpoint = Endpoint {
        state: EndpointState::Wired,
        ..endpoint
    };
    let written = store.lock().and_then(|changes| changes.put(&endpoint));
    written.map_err(|error| Failure::Wired(error.into()))?;
    protect(config, attachment, endpoint).map_err(Failure::Wired)?;
    Ok(result(config, attachment, &plan))
}

fn wiring_failure(error: WiringError) -> Failure {
    match error {
        WiringError::Exists { .. } => {
            Failure::Unwired(CniError::new(ErrorCode::AlreadyAttached, error.to_string()))
        }
        WiringError::Namespace(_) | WiringError::Pod(_) | WiringError::Node(_) => Failure::Wired(
            CniError::caused(ErrorCode::Kernel, "cannot wire the pod", &error),
        ),
    }
}

/// Returns when the pod's rules are in the kernel (NP-65).
fn protect(
    config: &NetworkConfig,
    attachment: &Attachment,
    endpoint: Endpoint,
) -> Result<(), CniError> {
    match agent::ask_done(
        &config.agent_socket,
        &Request::Wired(endpoint),
        config.agent_timeout,
    ) {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No { message, retry }) => {
            let code = if retry {
                ErrorCode::TryAgainLater
            } else {
                ErrorCode::RefusedByAgent
            };
            let text = format!("the agent cannot protect {}", attachment.subject());
            Err(CniError::new(code, text).details(message))
        }
        Err(error) => Err(unprotected(attachment, &error)),
    }
}

fn result(config: &NetworkConfig, attachment: &Attachment, plan: &Plan) -> AddResult {
    let netns = attachment
        .netns
        .as_deref()
        .unwrap_or_else(|| std::path::Path::new(""));
    let own = plan.result(&netns.to_string_lossy());
    let mut whole = match &config.previous {
        Some(previous) => previous.clone().followed_by(own),
        None => own,
    };
    if let Some(dns) = &config.dns {
        whole.dns = dns.clone();
    }
    whole
}
