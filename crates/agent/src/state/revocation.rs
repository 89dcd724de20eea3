use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_net::{ConnectionState, IpProtocol, Packet, TcpFlags};
use ringfence_netlink::conntrack::{Entry, Transport};
use ringfence_ruleset::{Evaluator, Hook, Outcome};

use super::endpoints::Interface;
use super::suspects::Suspects;

/// TCP's number in the IP header.
const TCP: u8 = 6;

/// Tells which connections must end (rule AM-10).
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    /// The table that judges.
    pub(crate) table: Evaluator<'a>,
    /// Whose connections it has not judged yet.
    pub(crate) suspects: &'a Suspects,
    /// The pods of this node by address.
    pub(crate) endpoints: BTreeMap<IpAddr, Interface<'a>>,
    /// Addresses of pods that are gone: nothing of them may stay (rule DP-25).
    pub(crate) withdrawn: BTreeSet<IpAddr>,
    /// Addresses of the node itself.
    pub(crate) local: &'a BTreeSet<IpAddr>,
}

impl Judge<'_> {
    /// Whether `entry` must end. The table sets no zones, so that entries of other zones are not its own.
    pub(crate) fn revokes(&self, entry: &Entry) -> bool {
        entry.zone == 0
            && (self.is_withdrawn(entry) || (self.is_suspect(entry) && self.is_denied(entry)))
    }

    fn is_withdrawn(&self, entry: &Entry) -> bool {
        let ends = [&entry.original, &entry.reply];
        ends.into_iter()
            .flat_map(|tuple| [tuple.source, tuple.destination])
            .any(|address| self.withdrawn.contains(&address))
    }

    /// Whether it may be denied: by the ends that the judgement looks at.
    fn is_suspect(&self, entry: &Entry) -> bool {
        let ends = [entry.original.source, entry.reply.source];
        ends.into_iter().any(|end| self.suspects.include(end))
    }

    /// Whether the packet that opened the connection would be dropped now: from its first source, to where
    /// its answers come from (rule DP-20). What the node itself opens meets no policy (rule NP-50).
    fn is_denied(&self, entry: &Entry) -> bool {
        let (source, destination) = (entry.original.source, entry.reply.source);
        let (from, to) = (
            self.endpoints.get(&source),
            self.endpoints.get(&destination),
        );
        if (from.is_none() && to.is_none()) || self.is_local(source) {
            return false;
        }
        if [from, to]
            .into_iter()
            .flatten()
            .any(|pod| !pod.is_programmed)
        {
            return true;
        }
        let hook = if self.is_local(destination) {
            Hook::Input
        } else {
            Hook::Forward
        };
        let name =
            |pod: Option<&Interface<'_>>| pod.map_or_else(String::new, |pod| pod.name.to_owned());
        let packet = opening_packet(entry, name(from), name(to));
        // Only chains of kind nat choose at random, and they hang on other hooks.
        self.table.evaluate(hook, &packet, &mut |_| 0).outcome != Outcome::Accept
    }

    fn is_local(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.local.contains(&address)
    }
}

fn opening_packet(entry: &Entry, input_interface: String, output_interface: String) -> Packet {
    let protocol = IpProtocol(entry.original.transport.protocol());
    let (source_port, destination_port) = ports(entry);
    let tcp_flags = if protocol.0 == TCP {
        TcpFlags::SYN
    } else {
        TcpFlags(0)
    };
    Packet {
        source: entry.original.source,
        destination: entry.reply.source,
        protocol,
        source_port: Some(source_port),
        destination_port: Some(destination_port),
        tcp_flags,
        state: ConnectionState::New,
        input_interface,
        output_interface,
    }
}

/// Bytes 0-1 and 2-3 of the opening packet's transport header, after translation of the destination. For ICMP
/// the latter are a checksum: only rules without ports match it, which look at no single value.
fn ports(entry: &Entry) -> (u16, u16) {
    match (entry.original.transport, entry.reply.transport) {
        (
            Transport::Ports { source, .. },
            Transport::Ports {
                source: answers_from,
                ..
            },
        ) => (source, answers_from),
        (
            Transport::Ports {
                source,
                destination,
                ..
            },
            Transport::Icmp { .. },
        ) => (source, destination),
        (Transport::Icmp { kind, code, .. }, _) => (u16::from_be_bytes([kind, code]), 0),
    }
}
