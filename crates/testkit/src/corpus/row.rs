//! One row of a table: a flow, its verdict, and the reasons.
//!
//! Ends are `namespace/pod`, `svc/namespace/name`, `node/name` or an address. Ports are `tcp/80`,
//! `udp/53`, `sctp/7777`, or a protocol without ports: `icmp`, `icmpv6`, `protocol-47`.

use ringfence_model::ObjectName;
use ringfence_model::{Endpoint, Query};
use ringfence_net::{IpProtocol, Protocol};

use super::claim::Claim;
use crate::decider::Verdict;
use crate::flows::ProbeFlow;

/// What is asked, and what must be answered.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its line in the file.
    pub line: usize,
    /// The flow.
    pub flow: ProbeFlow,
    /// What must become of it.
    pub verdict: Verdict,
    /// What must be true of the explanation.
    pub because: Vec<Claim>,
}

impl Row {
    pub(super) fn parse(line: usize, cells: &[&str]) -> Result<Self, String> {
        let [from, to, port, verdict, because] = cells else {
            return Err("a row has five cells".to_owned());
        };
        let (protocol, port) = parse_port(port)?;
        let flow = Query {
            source: parse_endpoint(from)?,
            destination: parse_endpoint(to)?,
            protocol,
            port,
        };
        let claims: Result<Vec<Claim>, String> = because
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(Claim::parse)
            .collect();
        Ok(Self {
            line,
            flow,
            verdict: parse_verdict(verdict)?,
            because: claims?,
        })
    }
}

fn parse_endpoint(text: &str) -> Result<Endpoint, String> {
    if let Ok(address) = text.parse() {
        return Ok(Endpoint::Address(address));
    }
    let name = |text: &str| {
        text.parse::<ObjectName>()
            .map_err(|error| error.to_string())
    };
    if let Some(rest) = text.strip_prefix("svc/") {
        name(rest).map(Endpoint::Service)
    } else if let Some(node) = text.strip_prefix("node/") {
        Ok(Endpoint::Node(node.to_owned()))
    } else {
        name(text).map(Endpoint::Pod)
    }
}

fn parse_port(text: &str) -> Result<(IpProtocol, Option<u16>), String> {
    let (word, port) = match text.split_once('/') {
        Some((word, port)) => (
            word,
            Some(
                port.parse()
                    .map_err(|_| format!("`{port}` is no port number"))?,
            ),
        ),
        None => (text, None),
    };
    let policy = Protocol::ALL
        .into_iter()
        .find(|known| known.name().to_lowercase() == word);
    let numbered = || {
        word.strip_prefix("protocol-")
            .and_then(|number| number.parse().ok())
    };
    let protocol = match (word, policy) {
        (_, Some(protocol)) => Some(IpProtocol::from(protocol)),
        ("icmp", None) => Some(IpProtocol::ICMP),
        ("icmpv6", None) => Some(IpProtocol::ICMPV6),
        (_, None) => numbered().map(IpProtocol),
    };
    protocol
        .map(|protocol| (protocol, port))
        .ok_or_else(|| format!("unknown protocol `{word}`"))
}

fn parse_verdict(text: &str) -> Result<Verdict, String> {
    Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.word() == text)
        .ok_or_else(|| format!("unknown verdict `{text}`"))
}
