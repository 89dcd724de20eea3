//! What the agent tells whoever asks on `<data dir>/status.sock`: one request and one answer per connection,
//! each a line of JSON.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ringfence_compile::trace::Listing;
use ringfence_model::{Holdings, ObjectName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::HostPodsHealth;
use crate::flows::Flows;
use crate::verification::{Verification, Watched};

/// How long an agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to verify a table.
const LONG_PATIENCE: Duration = Duration::from_secs(120);

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StatusRequest {
    /// The table as it is in the kernel, and the policies behind it. Answered with [`Rules`].
    Rules,
    /// Whether all is well. Answered with [`Health`].
    Health,
    /// Whether the table in the kernel does what the policies ask, for all packets. Answered with [`Verification`].
    Verify,
    /// What became of packets, from the record with this number on. Answered with [`Flows`].
    Flows {
        /// [`Flows::next`] of the last answer, or 0.
        from: u64,
    },
}

/// An answer; its JSON is that of the value alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StatusAnswer {
    /// To [`StatusRequest::Rules`].
    Rules(Box<Rules>),
    /// To [`StatusRequest::Health`].
    Health(Box<Health>),
    /// To [`StatusRequest::Verify`].
    Verification(Box<Verification>),
    /// To [`StatusRequest::Flows`].
    Flows(Box<Flows>),
}

/// The table that the kernel holds, and what stands behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// The table's objects with their causes.
    pub listing: Listing,
    /// The table as nft text; empty if there is none, or one that ringfence does not understand.
    pub table_text: String,
    /// Whether the table is the one that the agent means to be there.
    pub as_intended: bool,
    /// Why the table could not be read, if so.
    pub problem: Option<String>,
    /// The store revision that the agent's table enforces, if it is exactly one.
    pub revision: Option<u64>,
    /// The table that judges pods in the network of the node, if there is one.
    #[serde(default)]
    pub host_pods: Option<Listing>,
    /// The programmed endpoints: host interface to pod.
    pub endpoints: BTreeMap<String, ObjectName>,
}

/// Whether the node enforces what it should.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Store in sync, endpoint records read, table in the kernel.
    pub ready: bool,
    /// Whether the store is connected.
    pub connected: bool,
    /// The last store revision that is enforced.
    pub applied: Option<u64>,
    /// How many endpoints are programmed.
    pub endpoints: usize,
    /// What is wrong, if something is.
    pub problem: Option<String>,
    /// How often this agent repaired a table that another program had changed.
    #[serde(default)]
    pub repairs: u64,
    /// What this agent found when it verified its table by itself.
    #[serde(default)]
    pub watched: Watched,
    /// Which versions of the cluster's objects the kernel enforces, by kind, if they come from a Kubernetes API: the same as its
    /// lists hold once the node is up to date.
    #[serde(default)]
    pub in_force: Holdings,
    /// What was not heard of the cluster at some time, and why at last.
    #[serde(default)]
    pub unheard: BTreeMap<String, String>,
    /// What becomes of what pods in the network of the node send.
    #[serde(default)]
    pub host_pods: HostPodsHealth,
}

/// Asks an agent for its table.
///
/// # Errors
/// Those of the socket; `InvalidData` for an answer that is none.
pub fn ask_rules(socket: &Path) -> io::Result<Rules> {
    ask(socket, StatusRequest::Rules, PATIENCE)
}

/// Asks an agent how it is.
///
/// # Errors
/// As [`ask_rules`].
pub fn ask_health(socket: &Path) -> io::Result<Health> {
    ask(socket, StatusRequest::Health, PATIENCE)
}

/// Has an agent verify its table.
///
/// # Errors
/// As [`ask_rules`].
pub fn ask_verification(socket: &Path) -> io::Result<Verification> {
    ask(socket, StatusRequest::Verify, LONG_PATIENCE)
}

/// Asks an agent what became of packets, from the record with the number `from` on.
///
/// # Errors
/// As [`ask_rules`].
pub fn ask_flows(socket: &Path, from: u64) -> io::Result<Flows> {
    ask(socket, StatusRequest::Flows { from }, PATIENCE)
}

/// The answer holds the whole table, so that it may be much longer than a message of the plugin.
fn ask<T: DeserializeOwned>(
    socket: &Path,
    request: StatusRequest,
    patience: Duration,
) -> io::Result<T> {
    Ok(serde_json::from_str(&ask_line(socket, request, patience)?)?)
}

/// Asks an agent, and gives its answer as it comes: a line of JSON.
///
/// # Errors
/// Those of the socket.
pub fn relay(socket: &Path, request: StatusRequest) -> io::Result<String> {
    ask_line(socket, request, LONG_PATIENCE)
}

fn ask_line(socket: &Path, request: StatusRequest, patience: Duration) -> io::Result<String> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    ringfence_cni::protocol::send(&stream, &request)?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok(line)
}
