//! The network configuration on standard input.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::endpoint::EndpointId;
use crate::environment::is_identifier;
use crate::error::{CniError, ErrorCode};
use crate::result::{AddResult, Dns};
use crate::version::SpecVersion;

/// Room for the VXLAN header in Ethernet's usual 1500 bytes.
const DEFAULT_MTU: u32 = 1450;
/// IPv6 requires this much of every link (RFC 8200, section 5).
const SMALLEST_MTU: u32 = 1280;

/// The network configuration. Keys that mean nothing to us are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkConfig {
    /// Of the specification.
    pub version: SpecVersion,
    /// The network's name.
    pub name: String,
    /// Where the node's records are kept.
    pub data_dir: PathBuf,
    /// Where the agent listens.
    pub agent_socket: PathBuf,
    /// How long the agent may take for one answer.
    pub agent_timeout: Duration,
    /// The node's blocks of pod addresses, at most one of each family, IPv4 first.
    pub pod_cidrs: Vec<IpNet>,
    /// Of the pods' interfaces.
    pub mtu: u32,
    /// Name servers to report, in place of those that other plugins reported. Present if any key of it is.
    pub dns: Option<Dns>,
    /// The result of the plugins before us, or of ADD.
    pub previous: Option<AddResult>,
    /// GC: what is in use.
    pub valid_attachments: Option<BTreeSet<EndpointId>>,
}

/// The fields as written. Types are checked one by one, so that the message names the field.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    data_dir: Option<PathBuf>,
    agent_socket: Option<PathBuf>,
    agent_timeout_seconds: Option<u32>,
    #[serde(default)]
    pod_cidrs: Vec<String>,
    mtu: Option<u32>,
    dns: Option<Dns>,
    #[serde(rename = "cni.dev/valid-attachments")]
    valid_attachments: Option<Vec<ValidAttachment>>,
    /// The name under which libcni sends the same list as well.
    #[serde(rename = "cni.dev/attachments")]
    attachments: Option<Vec<ValidAttachment>>,
}

#[derive(Debug, Deserialize)]
struct ValidAttachment {
    #[serde(rename = "containerID")]
    container_id: String,
    ifname: String,
}

/// Where the node's part of ringfence keeps its files, unless configured otherwise.
const DEFAULT_DATA_DIR: &str = "/run/ringfence/node";
const DEFAULT_AGENT_SOCKET: &str = "/run/ringfence/agent.sock";
const DEFAULT_AGENT_TIMEOUT: u32 = 10;

impl NetworkConfig {
    /// Understands the configuration.
    ///
    /// # Errors
    /// Code 6: not JSON, or a field has another type than it should. Code 7: a field is missing or invalid.
    /// Code 1: the version is not ours. Code 2: it asks for what is not supported.
    pub fn parse(text: &[u8]) -> Result<Self, CniError> {
        let fields = object(text)?;
        let name = network_name(&fields)?;
        let version = SpecVersion::of_config(text_field(&fields, "cniVersion")?)?;
        refuse_foreign_ipam(&fields)?;
        let settings: Settings = decode(&Value::Object(fields.clone()), "network config")?;
        let previous = previous(&fields)?;
        let valid_attachments = valid_attachments(&settings);
        Ok(Self {
            version,
            name,
            data_dir: absolute("dataDir", settings.data_dir, DEFAULT_DATA_DIR)?,
            agent_socket: absolute("agentSocket", settings.agent_socket, DEFAULT_AGENT_SOCKET)?,
            agent_timeout: agent_timeout(settings.agent_timeout_seconds)?,
            pod_cidrs: pod_cidrs(&settings.pod_cidrs)?,
            mtu: mtu(settings.mtu)?,
            dns: settings.dns.filter(|_| has_any_key(&fields, "dns")),
            previous,
            valid_attachments,
        })
    }

    /// Refuses a verb that the configuration's version does not know.
    ///
    /// # Errors
    /// Code 1.
    pub fn allows(&self, verb: &str, since: SpecVersion) -> Result<(), CniError> {
        if self.version >= since {
            return Ok(());
        }
        let message = format!("config version does not allow {verb}");
        Err(CniError::new(ErrorCode::IncompatibleVersion, message))
    }
}

fn object(text: &[u8]) -> Result<Map<String, Value>, CniError> {
    serde_json::from_slice(text).map_err(|error| {
        CniError::new(
            ErrorCode::Decode,
            format!("error parsing network config: {error}"),
        )
    })
}

fn network_name(fields: &Map<String, Value>) -> Result<String, CniError> {
    let name = text_field(fields, "name")?.unwrap_or_default();
    if name.is_empty() {
        return Err(invalid("missing network name"));
    }
    if !is_identifier(name) {
        return Err(invalid("invalid characters found in network name").details(name));
    }
    Ok(name.to_owned())
}

fn text_field<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, CniError> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            let message = format!("error parsing network config: `{key}` is not a string");
            Err(CniError::new(ErrorCode::Decode, message))
        }
    }
}

/// Addresses are ours to give out: obeying half of a configuration would give pods other addresses than it says.
fn refuse_foreign_ipam(fields: &Map<String, Value>) -> Result<(), CniError> {
    let ipam = fields.get("ipam").and_then(|ipam| ipam.get("type"));
    match ipam.and_then(Value::as_str) {
        None | Some("") => Ok(()),
        Some(name) => Err(CniError::new(
            ErrorCode::UnsupportedField,
            "unsupported field ipam: ringfence-cni gives out addresses itself",
        )
        .details(format!("ipam.type is \"{name}\""))),
    }
}

fn previous(fields: &Map<String, Value>) -> Result<Option<AddResult>, CniError> {
    match fields.get("prevResult") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => AddResult::from_json(value).map(Some),
    }
}

fn has_any_key(fields: &Map<String, Value>, key: &str) -> bool {
    fields
        .get(key)
        .and_then(Value::as_object)
        .is_some_and(|inner| !inner.is_empty())
}

fn valid_attachments(settings: &Settings) -> Option<BTreeSet<EndpointId>> {
    let listed = settings
        .valid_attachments
        .as_ref()
        .or(settings.attachments.as_ref())?;
    let id = |entry: &ValidAttachment| EndpointId::new(&entry.container_id, &entry.ifname);
    Some(listed.iter().map(id).collect())
}

fn absolute(key: &str, given: Option<PathBuf>, default: &str) -> Result<PathBuf, CniError> {
    let path = given.unwrap_or_else(|| Path::new(default).to_owned());
    if path.is_absolute() {
        return Ok(path);
    }
    Err(invalid(format!("`{key}` is not an absolute path")).details(path.to_string_lossy()))
}

fn agent_timeout(seconds: Option<u32>) -> Result<Duration, CniError> {
    match seconds.unwrap_or(DEFAULT_AGENT_TIMEOUT) {
        0 => Err(invalid("`agentTimeoutSeconds` is 0")),
        seconds => Ok(Duration::from_secs(seconds.into())),
    }
}

fn mtu(given: Option<u32>) -> Result<u32, CniError> {
    match given.unwrap_or(DEFAULT_MTU) {
        0 => Ok(DEFAULT_MTU),
        mtu @ SMALLEST_MTU..=65535 => Ok(mtu),
        other => Err(invalid(format!(
            "`mtu` {other} is not between {SMALLEST_MTU} and 65535"
        ))),
    }
}

fn pod_cidrs(given: &[String]) -> Result<Vec<IpNet>, CniError> {
    let mut blocks = Vec::new();
    for text in given {
        let block: IpNet = text.parse().map_err(|_| {
            invalid("invalid address block in `podCidrs`").details(format!("\"{text}\""))
        })?;
        blocks.push(block.trunc());
    }
    // A stable order by family.
    blocks.sort_by_key(|block| matches!(block, IpNet::V6(_)));
    let family = |block: &IpNet| matches!(block, IpNet::V6(_));
    if blocks
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if family(a) == family(b)))
    {
        return Err(invalid("`podCidrs` has two blocks of one address family"));
    }
    Ok(blocks)
}

/// Decodes an object.
pub(crate) fn decode<T: DeserializeOwned>(value: &Value, what: &str) -> Result<T, CniError> {
    let failed =
        |cause: &str| CniError::new(ErrorCode::Decode, format!("error parsing {what}: {cause}"));
    // The library would take a list for a struct.
    if !value.is_object() {
        return Err(failed("not an object"));
    }
    T::deserialize(value).map_err(|error| failed(&error.to_string()))
}

fn invalid(message: impl Into<String>) -> CniError {
    CniError::new(ErrorCode::InvalidConfig, message)
}

#[cfg(test)]
mod tests;
