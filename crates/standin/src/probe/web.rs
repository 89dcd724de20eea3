//! A page.

use super::{Deadline, ProbeOutcome, ProbeRequest, Unreached};
use crate::Peer;
use crate::curl::{FetchError, FetchRequest, fetch_until};
use crate::responder::page::PEER_HEADER;

pub(super) fn http(
    request: &ProbeRequest,
    path: &str,
    deadline: Deadline,
) -> Result<ProbeOutcome, Unreached> {
    let host = if request.target.contains(':') {
        format!("[{}]", request.target)
    } else {
        request.target.clone()
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = format!("http://{host}:{}{slash}{path}", request.port);
    let response = fetch_until(&FetchRequest::get(&url), deadline).map_err(why)?;
    let peer = response.header(PEER_HEADER.as_str()).and_then(Peer::parse);
    Ok(ProbeOutcome::Reached {
        detail: format!("HTTP {}", response.status),
        peer: peer.map(|(peer, _)| peer),
    })
}

fn why(error: FetchError) -> Unreached {
    match error {
        FetchError::Name { reason, .. } => Unreached::Name(reason),
        FetchError::Refused { .. } => Unreached::Refused,
        FetchError::TimedOut => Unreached::TimedOut,
        FetchError::Url { .. } | FetchError::Scheme { .. } | FetchError::Transfer { .. } => {
            Unreached::other(error)
        }
    }
}
