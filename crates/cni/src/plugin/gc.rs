//! GC: take away every attachment of the network that the runtime does not know.

use std::collections::BTreeSet;

use super::del::detach;
use crate::config::NetworkConfig;
use crate::endpoint::{Endpoint, EndpointId};
use crate::error::{CniError, ErrorCode};
use crate::store::EndpointStore;
use crate::version::SpecVersion;
use crate::wiring;

pub(super) fn gc(config: &NetworkConfig) -> Result<(), CniError> {
    config.allows("GC", SpecVersion::V1_1_0)?;
    let Some(valid) = &config.valid_attachments else {
        // An absent list is not an empty one: obeying it would cut every pod off.
        let text = "required cni.dev/valid-attachments missing";
        return Err(CniError::new(ErrorCode::InvalidConfig, text));
    };
    let store = EndpointStore::open(&config.data_dir)?;
    let mut failures: Vec<String> = Vec::new();
    for id in stale(config, &store, valid)? {
        failures.extend(
            remove(config, &store, &id)
                .err()
                .map(|error| format!("{id}: {error}")),
        );
    }
    failures.extend(
        remove_unrecorded(&store)
            .err()
            .map(|error| error.to_string()),
    );
    if failures.is_empty() {
        return Ok(());
    }
    Err(
        CniError::new(ErrorCode::Cleanup, "some attachments could not be removed")
            .details(failures.join("; ")),
    )
}

fn stale(
    config: &NetworkConfig,
    store: &EndpointStore,
    valid: &BTreeSet<EndpointId>,
) -> Result<Vec<EndpointId>, CniError> {
    let is_stale =
        |endpoint: &Endpoint| endpoint.network == config.name && !valid.contains(&endpoint.id);
    let endpoints = store.list()?.endpoints.into_iter();
    Ok(endpoints
        .filter(is_stale)
        .map(|endpoint| endpoint.id)
        .collect())
}

fn remove(config: &NetworkConfig, store: &EndpointStore, id: &EndpointId) -> Result<(), CniError> {
    match store.turn(id, config.agent_timeout)? {
        Some(_turn) => detach(config, store, id, config.agent_timeout),
        None => Err(CniError::new(
            ErrorCode::TryAgainLater,
            "another call is still running",
        )),
    }
}

/// Interfaces whose records were lost: nothing else would ever remove them.
fn remove_unrecorded(store: &EndpointStore) -> Result<(), CniError> {
    let kernel = |error: &wiring::WiringError| {
        CniError::caused(
            ErrorCode::Kernel,
            "cannot remove interfaces without record",
            error,
        )
    };
    // Held, so that no ADD comes between the two lists.
    let _changes = store.lock()?;
    let listing = store.list()?;
    if !listing.damaged.is_empty() {
        return Ok(());
    }
    let recorded: BTreeSet<String> = listing
        .endpoints
        .into_iter()
        .map(|endpoint| endpoint.host_interface)
        .collect();
    for name in wiring::host_interfaces().map_err(|error| kernel(&error))? {
        if !recorded.contains(&name) {
            wiring::unwire(&name).map_err(|error| kernel(&error))?;
        }
    }
    Ok(())
}
