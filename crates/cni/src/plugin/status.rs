//! STATUS: could an ADD succeed now?

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::agent::{self, Answer};
use crate::allocation::next_free;
use crate::config::NetworkConfig;
use crate::error::{CniError, ErrorCode};
use crate::store::EndpointStore;
use crate::version::SpecVersion;

pub(super) fn status(config: &NetworkConfig) -> Result<(), CniError> {
    config.allows("STATUS", SpecVersion::V1_1_0)?;
    if config.pod_cidrs.is_empty() {
        return Err(not_available("missing `podCidrs`"));
    }
    match agent::ask_ready(&config.agent_socket, config.agent_timeout) {
        Ok(Answer::Yes) => addresses_are_left(config),
        Ok(Answer::No { message, .. }) => {
            Err(not_available("the agent is not ready").details(message))
        }
        Err(error) => Err(CniError::caused(
            ErrorCode::NotAvailable,
            "no agent",
            &error,
        )),
    }
}

fn addresses_are_left(config: &NetworkConfig) -> Result<(), CniError> {
    let listing = EndpointStore::open(&config.data_dir)?.list()?;
    if let Some(damaged) = listing.damaged.first() {
        let text = format!("record `{}` is damaged", damaged.path.display());
        return Err(not_available(text).details(damaged.reason.clone()));
    }
    let taken: BTreeSet<IpAddr> = listing
        .endpoints
        .into_iter()
        .flat_map(|endpoint| endpoint.addresses)
        .collect();
    for block in &config.pod_cidrs {
        next_free(*block, &taken, None).map_err(|error| not_available(error.to_string()))?;
    }
    Ok(())
}

fn not_available(text: impl Into<String>) -> CniError {
    CniError::new(ErrorCode::NotAvailable, text)
}
