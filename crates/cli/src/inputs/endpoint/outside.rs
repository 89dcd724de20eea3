//! Ends as other programs name them: addresses and DNS names.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use anyhow::{bail, ensure};
use ringfence_model::ObjectName;

use super::ENDPOINT_FORMS;

/// The address that `text` is, in brackets or not; IPv4 where it is mapped into IPv6 (rule Q-6).
pub(super) fn address(text: &str) -> anyhow::Result<Option<IpAddr>> {
    let inside = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let bare = inside.unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let address = address.to_canonical();
        ensure!(
            !address.is_unspecified(),
            "`{text}` is the address of no host; hosts outside of the cluster are `internet`"
        );
        return Ok(Some(address));
    }
    if let Some((start, _)) = bare.split_once('/')
        && start.parse::<IpAddr>().is_ok()
    {
        bail!(
            "`{text}` is a block of addresses and an endpoint is one: write an address of it, such as {start}"
        );
    }
    if let Some((start, _)) = bare.split_once('%')
        && start.parse::<Ipv6Addr>().is_ok()
    {
        bail!("`{text}`: policies know no zones of addresses: write {start}");
    }
    ensure!(!is_nearly_address(bare), "`{text}` is not an IP address");
    Ok(None)
}

/// Whether `text` consists of what addresses consist of, so that it is meant to be one.
fn is_nearly_address(text: &str) -> bool {
    let four = text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let six = text.matches(':').count() > 1
        && text
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || b".:%".contains(&b));
    four || six
}

/// Refuses what names a port as well.
pub(super) fn refuse_ports(text: &str) -> anyhow::Result<()> {
    if text.contains("://") {
        bail!("`{text}` is a URL: name its host here, and its port apart");
    }
    let host = match text.parse::<SocketAddr>() {
        Ok(socket) => socket.ip().to_string(),
        Err(_) => match text.rsplit_once(':') {
            Some((host, _)) => host.to_owned(),
            None => return Ok(()),
        },
    };
    bail!(
        "`{text}`: a port is no part of an endpoint: write `{host}` here, and the port apart\n{ENDPOINT_FORMS}"
    )
}

/// The Service that `text` is the name of in the cluster's DNS.
pub(super) fn service(text: &str) -> anyhow::Result<Option<ObjectName>> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let labels: Vec<&str> = name.split('.').collect();
    match *labels.as_slice() {
        [service, namespace, "svc"] | [service, namespace, "svc", "cluster", "local"] => {
            Ok(Some(ObjectName::new(namespace, service)))
        }
        [pod, _, namespace, "svc"] | [pod, _, namespace, "svc", "cluster", "local"] => {
            bail!("`{text}` is the name of one pod behind a Service: write {namespace}/{pod}")
        }
        [service, namespace, "svc", ..] => {
            bail!(
                "`{text}`: names of Services end with svc.cluster.local: write {service}.{namespace}.svc"
            )
        }
        _ => Ok(None),
    }
}
