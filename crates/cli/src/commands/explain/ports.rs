//! Ports in words.

use ringfence_net::{ConnectionSet, IpProtocol};

use super::question::Question;
use crate::inputs::port::PortArgument;

/// `tcp/80`, or `icmp`.
pub(super) fn dialled(protocol: IpProtocol, port: Option<u16>) -> String {
    match (protocol.as_policy(), port) {
        (Some(known), Some(port)) => format!("{}/{port}", known.name().to_ascii_lowercase()),
        (Some(known), None) => known.name().to_ascii_lowercase(),
        (None, _) => PortArgument::Portless(protocol).to_string(),
    }
}

/// `tcp/80,443 udp/53`; of protocols without ports the one that was asked for.
pub(super) fn asked(question: &Question, connections: &ConnectionSet) -> String {
    match question.portless() {
        Some(protocol) => dialled(protocol, None),
        None => connections.to_string().replace("other", "other-protocols"),
    }
}
