//! What plugin and agent say to each other: one request and one response per connection to the agent's
//! Unix socket, each a line of JSON.
//!
//! The agent's side of the contract:
//! - it listens before it reads the records of the store, so that no endpoint falls between the two;
//! - [`Request::Wired`] is answered with [`Response::Done`] only when the pod's rules are in the kernel (NP-65);
//! - [`Request::Released`] is answered with [`Response::Done`] only when rules and tracked connections of the
//!   addresses are gone (DP-25), and also when the endpoint is unknown. The plugin then removes the record;
//! - at its start the agent does the same for every record in state released, and removes it.

use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, EndpointId};

/// No message is longer, so that neither side can exhaust the other's memory.
const MAX_LINE: u64 = 64 * 1024;

/// What the plugin asks of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// The interface is complete: put the pod's rules into the kernel.
    Wired(Endpoint),
    /// The interface is gone: take rules and connections of its addresses away.
    Released(EndpointId),
    /// Are the rules of this endpoint in the kernel?
    Check(EndpointId),
    /// Is the agent able to serve [`Request::Wired`]?
    Status,
}

/// What the agent answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Response {
    /// It is done; to [`Request::Check`]: yes.
    Done,
    /// It could not be done; to [`Request::Status`]: not ready; to [`Request::Check`]: no.
    Failed {
        /// For the operator, in the words of Kubernetes.
        message: String,
        /// Whether the same request may succeed later, without anybody's intervention.
        retry: bool,
    },
    /// To [`Request::Status`]: the agent's sources are in sync and its table stands.
    Ready {
        /// How many endpoints are programmed.
        endpoints: usize,
    },
}

/// Reads a request or a response.
///
/// # Errors
/// Those of the reader; [`io::ErrorKind::UnexpectedEof`] when the other side hung up before the end of the
/// line; [`io::ErrorKind::InvalidData`] when the line is too long or not of this protocol.
pub fn receive<T: DeserializeOwned>(reader: impl BufRead) -> io::Result<T> {
    let mut line = Vec::new();
    reader.take(MAX_LINE).read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        let kind = if line.len() as u64 == MAX_LINE {
            io::ErrorKind::InvalidData
        } else {
            io::ErrorKind::UnexpectedEof
        };
        return Err(io::Error::new(kind, "message without end"));
    }
    serde_json::from_slice(&line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes a request or a response, in one write.
///
/// # Errors
/// Those of the writer.
pub fn send<T: Serialize>(mut writer: impl Write, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    writer.write_all(&line)?;
    writer.flush()
}

#[cfg(test)]
mod tests;
