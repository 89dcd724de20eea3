//! Ports as they are typed: `80`, `udp/53`, `tcp/http`, `8000-8100`, `icmp`.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use anyhow::{bail, ensure};
use ringfence_net::{IpProtocol, PortRange, Protocol};

use super::names::is_port_name;
use super::suggest::hint;

/// Which forms there are, for errors and help texts.
pub(crate) const PORT_FORMS: &str = "a port is one of
  80, tcp/80, 53/udp    a number; TCP is meant where no protocol is named
  8000-8100, udp/1-99   a range of them
  http, udp/dns         a container's or Service's port by name
  icmp, proto/47        a protocol that has no ports";

/// What a connection is opened to at its destination.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PortArgument {
    /// Ports by number, 1 to 65535: one, or a range.
    Numbers(Protocol, PortRange),
    /// A port by the name that it has at the destination.
    Named(Protocol, String),
    /// A protocol without ports (rule Q-12).
    Portless(IpProtocol),
}

/// Protocols without ports that have a name here.
const PORTLESS: &[(&str, IpProtocol)] = &[
    ("icmp", IpProtocol::ICMP),
    ("icmpv6", IpProtocol::ICMPV6),
    ("igmp", IpProtocol(2)),
    ("ipip", IpProtocol(4)),
    ("gre", IpProtocol(47)),
    ("esp", IpProtocol(50)),
    ("ah", IpProtocol(51)),
    ("ospf", IpProtocol(89)),
    ("vrrp", IpProtocol(112)),
];

/// The word before the number of a protocol.
const BY_NUMBER: &str = "proto";

/// The ports of a list such as `80,443,udp/53`, each once, in the order given.
pub(crate) fn ports(text: &str) -> anyhow::Result<Vec<PortArgument>> {
    let mut found = Vec::new();
    for item in text.split(',') {
        let port = item.parse()?;
        if !found.contains(&port) {
            found.push(port);
        }
    }
    Ok(found)
}

impl FromStr for PortArgument {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        match text.split_once('/') {
            None => alone(text),
            Some((word, number)) if word.eq_ignore_ascii_case(BY_NUMBER) => by_number(number),
            Some((left, right)) => match (policy(left), policy(right)) {
                (Some(protocol), None) => of(protocol, right),
                (None, Some(protocol)) => of(protocol, left),
                (Some(_), Some(_)) => bail!("`{text}` names two protocols and no port"),
                (None, None) => bail!(no_protocol(text, left, right)),
            },
        }
    }
}

fn alone(text: &str) -> anyhow::Result<PortArgument> {
    if let Some(protocol) = policy(text) {
        let word = word_of(protocol);
        bail!("`{text}` needs a port, such as {word}/80; every port is {word}/1-65535");
    }
    match portless(text) {
        Some(protocol) => Ok(PortArgument::Portless(protocol)),
        None => of(Protocol::Tcp, text),
    }
}

fn by_number(text: &str) -> anyhow::Result<PortArgument> {
    let Ok(number) = text.parse().map(IpProtocol) else {
        bail!("`{text}` is not the number of a protocol, which is 0 to 255");
    };
    match number.as_policy() {
        Some(protocol) => bail!(
            "protocol {text} is {protocol} and has ports: write {}/80",
            word_of(protocol)
        ),
        None => Ok(PortArgument::Portless(number)),
    }
}

fn of(protocol: Protocol, text: &str) -> anyhow::Result<PortArgument> {
    ensure!(!text.is_empty(), "a port is missing\n{PORT_FORMS}");
    if is_number(text) {
        let port = PortRange::single(number(text)?);
        return Ok(PortArgument::Numbers(protocol, port));
    }
    match text.split_once('-') {
        Some((first, last)) if is_number(first) && is_number(last) => {
            let range = PortRange::new(number(first)?, number(last)?)?;
            Ok(PortArgument::Numbers(protocol, range))
        }
        _ => {
            ensure!(
                is_port_name(text),
                "`{text}` is neither the number of a port nor a name of one\n{PORT_FORMS}"
            );
            Ok(PortArgument::Named(protocol, text.to_owned()))
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str) -> anyhow::Result<u16> {
    match text.parse() {
        Ok(0) => bail!("port 0 cannot be connected to"),
        Ok(number) => Ok(number),
        Err(_) => bail!("`{text}` is not a port: the highest is 65535"),
    }
}

fn policy(word: &str) -> Option<Protocol> {
    word.to_ascii_uppercase().parse().ok()
}

fn portless(word: &str) -> Option<IpProtocol> {
    PORTLESS
        .iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name))
        .map(|(_, protocol)| *protocol)
}

fn no_protocol(text: &str, left: &str, right: &str) -> String {
    if let Some(word) = [left, right]
        .into_iter()
        .find(|word| portless(word).is_some())
    {
        return format!("`{text}` names a port, and {word} has none");
    }
    let word = if left.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        left
    } else {
        right
    };
    let hint = hint(word, ["tcp", "udp", "sctp", BY_NUMBER]);
    format!("`{text}` names no protocol{hint}\n{PORT_FORMS}")
}

const fn word_of(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    }
}

impl fmt::Display for PortArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers(protocol, range) => write!(f, "{}/{range}", word_of(*protocol)),
            Self::Named(protocol, name) => write!(f, "{}/{name}", word_of(*protocol)),
            Self::Portless(protocol) => {
                match PORTLESS.iter().find(|(_, known)| known == protocol) {
                    Some((name, _)) => f.write_str(name),
                    None => write!(f, "{BY_NUMBER}/{}", protocol.0),
                }
            }
        }
    }
}
