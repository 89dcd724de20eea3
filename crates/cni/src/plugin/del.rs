//! DEL: take the pod's interface away, then its rules, then free its addresses.

use std::time::Duration;

use super::{netns, note, turn};
use crate::agent::{self, Answer};
use crate::config::NetworkConfig;
use crate::endpoint::{Endpoint, EndpointId, EndpointState};
use crate::environment::Attachment;
use crate::error::{CniError, ErrorCode};
use crate::plan::host_interface;
use crate::protocol::Request;
use crate::store::EndpointStore;
use crate::wiring;

pub(super) fn del(config: &NetworkConfig, attachment: &Attachment) -> Result<(), CniError> {
    netns::refuse_own_if_there(attachment)?;
    let store = EndpointStore::open(&config.data_dir)?;
    let _turn = turn(config, &store, attachment)?;
    detach(config, &store, &attachment.id, config.agent_timeout)
}

/// Takes an attachment away, however far it had come; one that never was is fine. The addresses stay
/// taken until the agent confirms that rules and connections are gone (DP-25); not hearing from it is no
/// failure, because it does the rest when it starts.
pub(super) fn detach(
    config: &NetworkConfig,
    store: &EndpointStore,
    id: &EndpointId,
    patience: Duration,
) -> Result<(), CniError> {
    let reached = release(store, id)?;
    remove_interface(store, id)?;
    match reached {
        Reached::Nothing | Reached::Reserved => {}
        Reached::Wired if is_gone_from_agent(config, id, patience) => {}
        Reached::Wired => return Ok(()),
    }
    Ok(store.lock()?.forget(id)?)
}

/// How far an attachment had come.
enum Reached {
    Nothing,
    /// The agent was never told.
    Reserved,
    /// The agent may hold rules.
    Wired,
}

/// Writes down that the attachment is on its way out, before anything of it goes.
fn release(store: &EndpointStore, id: &EndpointId) -> Result<Reached, CniError> {
    let changes = store.lock()?;
    let Some(endpoint) = store.get(id)? else {
        return Ok(if store.is_damaged(id)? {
            Reached::Wired
        } else {
            Reached::Nothing
        });
    };
    Ok(match endpoint.state {
        EndpointState::Reserved => Reached::Reserved,
        EndpointState::Released => Reached::Wired,
        EndpointState::Wired => {
            changes.put(&Endpoint {
                state: EndpointState::Released,
                ..endpoint
            })?;
            Reached::Wired
        }
    })
}

pub(super) fn remove_interface(store: &EndpointStore, id: &EndpointId) -> Result<(), CniError> {
    let name = host_interface(id);
    let mut others = store
        .list()?
        .endpoints
        .into_iter()
        .filter(|other| other.id != *id);
    if others.any(|other| other.host_interface == name) {
        return Ok(());
    }
    wiring::unwire(&name).map_err(|error| {
        CniError::caused(
            ErrorCode::Kernel,
            format!("cannot delete interface `{name}`"),
            &error,
        )
    })
}

fn is_gone_from_agent(config: &NetworkConfig, id: &EndpointId, patience: Duration) -> bool {
    let request = Request::Released(id.clone());
    let reason = match agent::ask_done(&config.agent_socket, &request, patience) {
        Ok(Answer::Yes) => return true,
        Ok(Answer::No { message, .. }) => message,
        Err(error) => error.to_string(),
    };
    note(&format!(
        "the addresses of {id} stay taken until the agent frees them: {reason}"
    ));
    false
}
