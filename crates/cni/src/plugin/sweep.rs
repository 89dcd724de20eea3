//! What dead runs of the plugin left, for the agent's start.

use std::time::Duration;

use super::del::remove_interface;
use crate::endpoint::{EndpointId, EndpointState};
use crate::error::CniError;
use crate::store::EndpointStore;

/// Takes away every attachment whose ADD died before the agent was told: its interface and its record.
/// Whatever a living run works on is left alone. Works in the calling thread's network namespace.
///
/// # Errors
/// [`CniError`]: the records could not be read, or an interface not be deleted.
pub fn sweep(store: &EndpointStore) -> Result<Vec<EndpointId>, CniError> {
    let mut swept = Vec::new();
    for endpoint in store.list()?.endpoints {
        if endpoint.state == EndpointState::Reserved && is_swept(store, &endpoint.id)? {
            swept.push(endpoint.id);
        }
    }
    Ok(swept)
}

fn is_swept(store: &EndpointStore, id: &EndpointId) -> Result<bool, CniError> {
    let Some(_turn) = store.turn(id, Duration::ZERO)? else {
        return Ok(false);
    };
    // The run that had the turn until now may have come to an end in the meantime.
    let is_reserved = store
        .get(id)?
        .is_some_and(|endpoint| endpoint.state == EndpointState::Reserved);
    if is_reserved {
        remove_interface(store, id)?;
        store.lock()?.forget(id)?;
    }
    Ok(is_reserved)
}
