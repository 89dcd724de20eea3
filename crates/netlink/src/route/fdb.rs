use std::net::IpAddr;

use netlink_packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::neighbour::parts;
use super::{MacAddress, RouteSocket, RouteSocketError};
use crate::socket::CREATE;

/// A static forwarding entry of a VXLAN interface: behind which tunnel end a hardware address is.
/// The all-zero address stands for all unknown ones, and may have several ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForwardingEntry {
    /// Number of the VXLAN interface.
    pub index: u32,
    /// The hardware address.
    pub mac: MacAddress,
    /// The tunnel end.
    pub remote: IpAddr,
}

/// The kernel keeps a list of ends for the all-zero address only.
const APPEND: u16 = 0x800;

impl RouteSocket {
    /// Adds an entry; one for the all-zero address is added to the others of it.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if the hardware address has an end already.
    pub fn add_forwarding(&mut self, entry: &ForwardingEntry) -> Result<(), RouteSocketError> {
        let everything = entry.mac == MacAddress::default();
        let flags = if everything {
            CREATE | APPEND
        } else {
            CREATE | crate::socket::EXCLUSIVE
        };
        let what = || format!("cannot add forwarding of {} to {}", entry.mac, entry.remote);
        let message = RouteNetlinkMessage::NewNeighbour(message(entry));
        self.request(what, &message, flags).map(drop)
    }

    /// Deletes an entry.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_missing` if the hardware address has no entry. For another end than the
    /// one it has, the kernel reports success and keeps the entry.
    pub fn delete_forwarding(&mut self, entry: &ForwardingEntry) -> Result<(), RouteSocketError> {
        let what = || {
            format!(
                "cannot delete forwarding of {} to {}",
                entry.mac, entry.remote
            )
        };
        let message = RouteNetlinkMessage::DelNeighbour(message(entry));
        self.request(what, &message, 0).map(drop)
    }

    /// The entries of a VXLAN interface, sorted.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn forwarding(&mut self, index: u32) -> Result<Vec<ForwardingEntry>, RouteSocketError> {
        let mut message = NeighbourMessage::default();
        message.header.family = AddressFamily::Bridge;
        message.header.ifindex = index;
        let request = RouteNetlinkMessage::GetNeighbour(message);
        let answer = self.dump("cannot list forwarding entries", &request)?;
        let mut entries: Vec<_> = answer
            .iter()
            .filter_map(entry)
            .filter(|entry| entry.index == index)
            .collect();
        entries.sort_unstable();
        Ok(entries)
    }
}

fn message(entry: &ForwardingEntry) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = entry.index;
    message.header.state = NeighbourState::Permanent;
    message.header.flags = NeighbourFlags::Own;
    message
        .attributes
        .push(NeighbourAttribute::LinkLayerAddress(entry.mac.0.to_vec()));
    message
        .attributes
        .push(NeighbourAttribute::Destination(entry.remote.into()));
    message
}

fn entry(message: &RouteNetlinkMessage) -> Option<ForwardingEntry> {
    let RouteNetlinkMessage::NewNeighbour(message) = message else {
        return None;
    };
    let (remote, mac) = parts(message);
    Some(ForwardingEntry {
        index: message.header.ifindex,
        mac: mac?,
        remote: remote?,
    })
}
