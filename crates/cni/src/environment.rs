//! What the runtime asks for, from the variables that it set.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::endpoint::{EndpointId, PodName};
use crate::error::{CniError, ErrorCode};

/// The verb, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// No verb: somebody started the program by hand.
    About,
    /// Which versions are supported?
    Version,
    /// Wire a pod.
    Add(Attachment),
    /// Is a pod still wired as ADD left it?
    Check(Attachment),
    /// Unwire a pod.
    Del(Attachment),
    /// Unwire all that the configuration does not list.
    Gc,
    /// Could an ADD succeed?
    Status,
}

/// One interface of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What names it.
    pub id: EndpointId,
    /// The pod's network namespace; DEL may come without.
    pub netns: Option<PathBuf>,
    /// Whether the namespace may be the plugin's own (`CNI_NETNS_OVERRIDE`).
    pub netns_override: bool,
    /// The pod, where a Kubernetes runtime named it.
    pub pod: Option<PodName>,
    /// The pod's uid, where a Kubernetes runtime gave it.
    pub uid: Option<String>,
}

impl Attachment {
    /// For messages: the pod, or the attachment where no pod is known.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.pod {
            Some(pod) => format!("pod `{pod}`"),
            None => format!("container `{}`", self.id.container_id),
        }
    }
}

/// Variables that a verb needs, in the order in which missing ones are named.
const ATTACHMENT: &[&str] = &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
const DETACHMENT: &[&str] = &["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"];
const NODE: &[&str] = &["CNI_PATH"];
/// Container ids name files; runtimes use 64 characters.
const MAX_CONTAINER_ID: usize = 200;
/// Longest interface name the kernel takes (`IFNAMSIZ` less the final zero).
const MAX_INTERFACE_NAME: usize = 15;

/// Understands the variables.
///
/// # Errors
/// Code 4: the verb is unknown, or variables are missing (all are named at once) or invalid.
pub fn parse(variables: &BTreeMap<String, String>) -> Result<Invocation, CniError> {
    let command = value(variables, "CNI_COMMAND");
    let needed = match command {
        "" => return Ok(Invocation::About),
        "VERSION" => return Ok(Invocation::Version),
        "ADD" | "CHECK" => ATTACHMENT,
        "DEL" => DETACHMENT,
        "GC" | "STATUS" => NODE,
        other => return Err(invalid(format!("unknown CNI_COMMAND: {other}"))),
    };
    all_present(variables, needed)?;
    Ok(match command {
        "ADD" => Invocation::Add(attachment(variables)?),
        "CHECK" => Invocation::Check(attachment(variables)?),
        "DEL" => Invocation::Del(attachment(variables)?),
        "GC" => Invocation::Gc,
        _ => Invocation::Status,
    })
}

fn all_present(variables: &BTreeMap<String, String>, needed: &[&str]) -> Result<(), CniError> {
    let is_missing = |name: &&&str| value(variables, name).is_empty();
    let missing: Vec<&str> = needed.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "required env variables [{}] missing",
        missing.join(",")
    )))
}

fn attachment(variables: &BTreeMap<String, String>) -> Result<Attachment, CniError> {
    let container_id = value(variables, "CNI_CONTAINERID");
    let interface = value(variables, "CNI_IFNAME");
    check_container_id(container_id)?;
    check_interface_name(interface)?;
    let arguments = arguments(value(variables, "CNI_ARGS"))?;
    let netns = value(variables, "CNI_NETNS");
    let netns_override = value(variables, "CNI_NETNS_OVERRIDE");
    Ok(Attachment {
        id: EndpointId::new(container_id, interface),
        netns: (!netns.is_empty()).then(|| PathBuf::from(netns)),
        netns_override: netns_override == "1" || netns_override.eq_ignore_ascii_case("true"),
        pod: pod(&arguments),
        uid: filled(&arguments, "K8S_POD_UID"),
    })
}

fn pod(arguments: &BTreeMap<&str, &str>) -> Option<PodName> {
    Some(PodName {
        namespace: filled(arguments, "K8S_POD_NAMESPACE")?,
        name: filled(arguments, "K8S_POD_NAME")?,
    })
}

fn filled(arguments: &BTreeMap<&str, &str>, key: &str) -> Option<String> {
    arguments
        .get(key)
        .filter(|value| !value.is_empty())
        .map(|value| (*value).to_owned())
}

/// `K=V;K=V`. Keys that mean nothing to us are passed over.
fn arguments(text: &str) -> Result<BTreeMap<&str, &str>, CniError> {
    text.split(';')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').ok_or(pair))
        .collect::<Result<_, _>>()
        .map_err(|pair| invalid(format!("invalid CNI_ARGS pair \"{pair}\"")))
}

fn check_container_id(id: &str) -> Result<(), CniError> {
    if !is_identifier(id) {
        return Err(invalid("invalid characters in containerID").details(id));
    }
    if id.len() > MAX_CONTAINER_ID {
        return Err(invalid("containerID is too long").details(id));
    }
    Ok(())
}

fn check_interface_name(name: &str) -> Result<(), CniError> {
    if name.len() > MAX_INTERFACE_NAME {
        return Err(invalid("interface name is too long")
            .details("interface name should be less than 16 characters"));
    }
    if matches!(name, "." | "..") {
        return Err(invalid("interface name is . or .."));
    }
    if name.contains(|c: char| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control()) {
        return Err(invalid(
            "interface name contains / or : or whitespace characters",
        ));
    }
    Ok(())
}

/// The pattern of container ids and network names: `^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`.
pub(crate) fn is_identifier(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(rest)
}

fn value<'a>(variables: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    variables.get(name).map_or("", String::as_str)
}

fn invalid(message: impl Into<String>) -> CniError {
    CniError::new(ErrorCode::Environment, message)
}

#[cfg(test)]
mod tests;
