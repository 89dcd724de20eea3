use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use ringfence_net::{ConnectionState, IpProtocol, Packet, TcpFlags};
use ringfence_netlink::conntrack::{End, Entry, Transport, status};
use ringfence_ruleset::{Evaluator, Hook, Outcome};

use super::endpoints::Interface;
use super::suspects::Suspects;
use super::transaction::UDP;

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
    /// Whether the table denies what it was asked about already.
    pub(crate) denied: HashMap<Question, bool>,
}

/// Client, server, protocol, type and code of an ICMP query, and the server's port: connections that differ in nothing else
/// than the client's port share their judgement, at which no rule looks.
type Question = (IpAddr, IpAddr, u8, u16, u16);

impl Judge<'_> {
    /// Whether `entry` must end. The table sets no zones, so that entries of other zones are not its own.
    pub(crate) fn revokes(&mut self, entry: &Entry) -> bool {
        entry.zone == 0
            && (self.is_withdrawn(entry)
                || (self.is_suspect(entry) && self.is_denied(entry))
                || self.is_misled(entry)
                || self.is_mistranslated(entry))
    }

    /// Whether it is an exchange of datagrams with a backend to which the Service that was dialled leads no more. One that is
    /// no Service's now was none of ours, unless it has just been one: others translate addresses too.
    fn is_misled(&self, entry: &Entry) -> bool {
        let Some((dialled, served)) = datagram_ends(entry) else {
            return false;
        };
        let was_redirected = self.suspects.are_redirected(dialled);
        if !was_redirected && !self.suspects.are_everybody() {
            return false;
        }
        let leads = self.leads(entry, dialled);
        let is_served = leads.iter().any(|found| *found != dialled);
        !leads.contains(&served) && (is_served || was_redirected)
    }

    /// Where a packet that opens the same exchange anew may go.
    fn leads(&self, entry: &Entry, dialled: (IpAddr, u16)) -> BTreeSet<(IpAddr, u16)> {
        let source = entry.original.source;
        let hook = if self.is_local(source) {
            Hook::Output
        } else {
            Hook::Prerouting
        };
        let packet = Packet {
            destination: dialled.0,
            destination_port: Some(dialled.1),
            ..opening_packet(entry, self.interface(source), String::new())
        };
        let mut leads = BTreeSet::new();
        let (mut number, mut count) = (0, 1);
        while number < count {
            let choose = &mut |modulus| {
                count = modulus;
                number
            };
            let found = self.table.evaluate(hook, &packet, choose);
            leads.insert(found.destination.unwrap_or(dialled));
            number += 1;
        }
        leads
    }

    /// Whether nobody has answered yet who it was sent to under another source than the table gives it: the node's own instead of
    /// the pod's, or the reverse. It was opened while the table was another one, as when somebody else had changed it, and each
    /// packet of it would be translated as the first was; without an entry the next one is translated anew. What was answered goes on.
    fn is_mistranslated(&self, entry: &Entry) -> bool {
        let (source, destination) = (entry.original.source, entry.reply.source);
        let is_answered = entry.status & status::SEEN_REPLY != 0;
        let stays = self.is_local(source) || self.is_local(destination);
        if !self.suspects.are_everybody() || is_answered || stays {
            return false;
        }
        let shown = entry.reply.destination;
        if shown != source && !self.is_local(shown) {
            // Somebody else translates it.
            return false;
        }
        let packet = opening_packet(entry, self.interface(source), self.interface(destination));
        let found = self.table.evaluate(Hook::Postrouting, &packet, &mut |_| 0);
        found.masquerade != (shown != source)
    }

    fn is_withdrawn(&self, entry: &Entry) -> bool {
        let ends = [&entry.original, &entry.reply];
        ends.into_iter()
            .flat_map(|tuple| [tuple.source, tuple.destination])
            .any(|address| self.withdrawn.contains(&address))
    }

    /// Whether it may be denied: by the ends that the judgement looks at.
    fn is_suspect(&self, entry: &Entry) -> bool {
        let ends = [
            (entry.original.source, End::Client),
            (entry.reply.source, End::Server),
        ];
        let mut ends = ends.into_iter();
        ends.any(|(address, end)| self.suspects.include(address, end))
    }

    /// Whether the packet that opened the connection would be dropped now: from its first source, to where
    /// its answers come from (rule DP-20). What the node itself opens meets no policy (rule NP-50).
    fn is_denied(&mut self, entry: &Entry) -> bool {
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
        let question = question(entry);
        if let Some(denied) = self.denied.get(&question) {
            return *denied;
        }
        let hook = if self.is_local(destination) {
            Hook::Input
        } else {
            Hook::Forward
        };
        let packet = opening_packet(entry, self.interface(source), self.interface(destination));
        // Only chains of kind nat choose at random, and they hang on other hooks.
        let denied = self.table.evaluate(hook, &packet, &mut |_| 0).outcome != Outcome::Accept;
        self.denied.insert(question, denied);
        denied
    }

    /// The interface of a pod of this node; empty for others, which come and go by interfaces that no rule names.
    fn interface(&self, address: IpAddr) -> String {
        let pod = self.endpoints.get(&address);
        pod.map_or_else(String::new, |pod| pod.name.to_owned())
    }

    fn is_local(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.local.contains(&address)
    }
}

/// What was dialled, and who answers, of an exchange of UDP datagrams.
fn datagram_ends(entry: &Entry) -> Option<((IpAddr, u16), (IpAddr, u16))> {
    let (
        Transport::Ports {
            protocol: UDP,
            destination,
            ..
        },
        Transport::Ports { source, .. },
    ) = (entry.original.transport, entry.reply.transport)
    else {
        return None;
    };
    let dialled = (entry.original.destination, destination);
    Some((dialled, (entry.reply.source, source)))
}

fn question(entry: &Entry) -> Question {
    let (first, port) = ports(entry);
    let query = match entry.original.transport {
        Transport::Ports { .. } => 0,
        Transport::Icmp { .. } => first,
    };
    let (client, server) = (entry.original.source, entry.reply.source);
    let protocol = entry.original.transport.protocol();
    (client, server, protocol, query, port)
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
