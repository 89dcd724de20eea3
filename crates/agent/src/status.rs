//! What the agent tells whoever asks on `<data dir>/status.sock`: one request and one answer per connection,
//! each a line of JSON.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ringfence_compile::{ObjectRef, Origin};
use ringfence_model::{Direction, ObjectName, PolicyName, Source};
use ringfence_ruleset::Table;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::state::Enforced;

/// How long an agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StatusRequest {
    /// The table as it is in the kernel, and the policies behind it. Answered with [`Rules`].
    Rules,
    /// Whether all is well. Answered with [`Health`].
    Health,
}

/// An answer; its JSON is that of the value alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StatusAnswer {
    /// To [`StatusRequest::Rules`].
    Rules(Rules),
    /// To [`StatusRequest::Health`].
    Health(Health),
}

/// The table that the agent last saw committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// As nft text; empty before the first commit.
    pub table_text: String,
    /// Each element that a policy causes, with one of its causes a line, sorted.
    pub origins: Vec<RuleOrigin>,
    /// The store revision that it enforces, if it is exactly one.
    pub revision: Option<u64>,
    /// The programmed endpoints: host interface to pod.
    pub endpoints: BTreeMap<String, ObjectName>,
}

/// A cause of an element.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleOrigin {
    /// The element, as `<set> { <key> }`, the key as nft writes it.
    pub object: String,
    /// The policy.
    pub policy: PolicyName,
    /// Which of its lists.
    pub direction: Direction,
    /// Index in that list; none for the isolation itself.
    pub rule: Option<usize>,
    /// Where it was written.
    pub source: Option<Source>,
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
}

/// Asks an agent for its table.
///
/// # Errors
/// Those of the socket; `InvalidData` for an answer that is none.
pub fn ask_rules(socket: &Path) -> io::Result<Rules> {
    ask(socket, StatusRequest::Rules)
}

/// Asks an agent how it is.
///
/// # Errors
/// As [`ask_rules`].
pub fn ask_health(socket: &Path) -> io::Result<Health> {
    ask(socket, StatusRequest::Health)
}

/// The answer holds the whole table, so that it may be much longer than a message of the plugin.
fn ask<T: DeserializeOwned>(socket: &Path, request: StatusRequest) -> io::Result<T> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    ringfence_cni::protocol::send(&stream, &request)?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// What [`StatusRequest::Rules`] tells of a table.
#[must_use]
pub fn rules(enforced: &Enforced) -> Rules {
    let origins = enforced.compiled.origins.iter();
    let table = &enforced.compiled.table;
    let endpoints = enforced.endpoints.values();
    Rules {
        table_text: table.to_string(),
        origins: origins
            .flat_map(|(object, causes)| origins_of(table, object, causes))
            .collect(),
        revision: enforced.revision,
        endpoints: endpoints
            .map(|it| (it.host_interface.clone(), it.pod.clone()))
            .collect(),
    }
}

fn origins_of(table: &Table, object: &ObjectRef, causes: &[Origin]) -> Vec<RuleOrigin> {
    let ObjectRef::Element { set, key } = object;
    let key = table
        .sets
        .get(set)
        .map(|set| set.key_text(key))
        .unwrap_or_default();
    let object = format!("{set} {{ {key} }}");
    let origin = |cause: &Origin| RuleOrigin {
        object: object.clone(),
        policy: cause.policy.clone(),
        direction: cause.direction,
        rule: cause.rule,
        source: cause.source.clone(),
    };
    causes.iter().map(origin).collect()
}
