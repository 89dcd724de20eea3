//! CHECK: is everything of ours as ADD left it?

use std::os::fd::AsFd;

use super::netns;
use crate::agent::{self, Answer};
use crate::config::NetworkConfig;
use crate::endpoint::{Endpoint, EndpointState};
use crate::environment::Attachment;
use crate::error::{CniError, ErrorCode};
use crate::plan::Plan;
use crate::protocol::Request;
use crate::result::AddResult;
use crate::store::EndpointStore;
use crate::version::SpecVersion;
use crate::wiring;

pub(super) fn check(config: &NetworkConfig, attachment: &Attachment) -> Result<(), CniError> {
    config.allows("CHECK", SpecVersion::V0_4_0)?;
    let Some(previous) = &config.previous else {
        return Err(CniError::new(
            ErrorCode::InvalidConfig,
            "required prevResult missing",
        ));
    };
    let netns = netns::open(attachment)?;
    let store = EndpointStore::open(&config.data_dir)?;
    let endpoint = record(&store, attachment)?;
    let plan = Plan::new(&endpoint.id, &endpoint.addresses, config.mtu);
    let mut wrong = disagreements(previous, attachment, &plan);
    let missing = wiring::missing(&plan, netns.as_fd()).map_err(|error| {
        CniError::caused(
            ErrorCode::Kernel,
            "cannot look at the pod's interface",
            &error,
        )
    })?;
    wrong.extend(missing);
    wrong.extend(unprotected(config, &endpoint));
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(not_as_added(attachment, wrong.join("; ")))
    }
}

fn record(store: &EndpointStore, attachment: &Attachment) -> Result<Endpoint, CniError> {
    match store.get(&attachment.id)? {
        Some(endpoint) if endpoint.state == EndpointState::Wired => Ok(endpoint),
        Some(_) | None => Err(not_as_added(attachment, "no reservation of its addresses")),
    }
}

/// What the runtime believes of our interfaces and the record does not say.
fn disagreements(previous: &AddResult, attachment: &Attachment, plan: &Plan) -> Vec<String> {
    let netns = attachment.netns.clone().unwrap_or_default();
    let pod = previous.interface_in(&plan.pod_interface, &netns.to_string_lossy());
    let mut wrong = Vec::new();
    if previous.interface_in(&plan.host_interface, "").is_none() {
        wrong.push(format!(
            "prevResult lacks interface `{}`",
            plan.host_interface
        ));
    }
    let Some(pod) = pod else {
        wrong.push(format!(
            "prevResult lacks interface `{}`",
            plan.pod_interface
        ));
        return wrong;
    };
    let known = previous.addresses_of(pod);
    for address in plan
        .addresses
        .iter()
        .filter(|address| !known.contains(address))
    {
        wrong.push(format!("prevResult lacks address {address}"));
    }
    wrong
}

fn unprotected(config: &NetworkConfig, endpoint: &Endpoint) -> Option<String> {
    let request = Request::Check(endpoint.id.clone());
    match agent::ask_done(&config.agent_socket, &request, config.agent_timeout) {
        Ok(Answer::Yes) => None,
        Ok(Answer::No { message, .. }) => Some(message),
        Err(error) => Some(error.to_string()),
    }
}

fn not_as_added(attachment: &Attachment, details: impl Into<String>) -> CniError {
    let text = format!("{} is not as ADD left it", attachment.subject());
    CniError::new(ErrorCode::NotAsAdded, text).details(details)
}
