#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are an open list, of which few matter here"
)]

use std::net::IpAddr;

use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::address::family;
use super::{MacAddress, RouteSocket, RouteSocketError};
use crate::socket::{CREATE, EXCLUSIVE, REPLACE};

/// A permanent neighbour entry: whose hardware address an address has on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// Number of the interface.
    pub index: u32,
    /// The neighbour's address.
    pub address: IpAddr,
    /// Its hardware address.
    pub mac: MacAddress,
}

impl RouteSocket {
    /// Adds a permanent entry.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if there is an entry for the address, learned ones included.
    pub fn add_neighbour(&mut self, neighbour: &Neighbour) -> Result<(), RouteSocketError> {
        self.new_neighbour(neighbour, CREATE | EXCLUSIVE)
    }

    /// Adds a permanent entry in place of any other for the address.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn replace_neighbour(&mut self, neighbour: &Neighbour) -> Result<(), RouteSocketError> {
        self.new_neighbour(neighbour, CREATE | REPLACE)
    }

    /// Deletes the entry for an address.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_missing` if there is none.
    pub fn delete_neighbour(
        &mut self,
        index: u32,
        address: IpAddr,
    ) -> Result<(), RouteSocketError> {
        let what = || format!("cannot delete neighbour {address} of interface {index}");
        let message = RouteNetlinkMessage::DelNeighbour(named(index, address));
        self.request(what, &message, 0).map(drop)
    }

    /// The permanent entries of both families, sorted.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>, RouteSocketError> {
        let mut found = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = NeighbourMessage::default();
            message.header.family = family;
            let request = RouteNetlinkMessage::GetNeighbour(message);
            found.extend(
                self.dump("cannot list neighbours", &request)?
                    .iter()
                    .filter_map(neighbour),
            );
        }
        found.sort_unstable();
        Ok(found)
    }

    fn new_neighbour(&mut self, neighbour: &Neighbour, flags: u16) -> Result<(), RouteSocketError> {
        let mut message = named(neighbour.index, neighbour.address);
        message.header.state = NeighbourState::Permanent;
        message
            .attributes
            .push(NeighbourAttribute::LinkLayerAddress(
                neighbour.mac.0.to_vec(),
            ));
        let what = || {
            format!(
                "cannot add neighbour {} to interface {}",
                neighbour.address, neighbour.index
            )
        };
        self.request(what, &RouteNetlinkMessage::NewNeighbour(message), flags)
            .map(drop)
    }
}

fn named(index: u32, address: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family(address);
    message.header.ifindex = index;
    message
        .attributes
        .push(NeighbourAttribute::Destination(address.into()));
    message
}

fn neighbour(message: &RouteNetlinkMessage) -> Option<Neighbour> {
    let RouteNetlinkMessage::NewNeighbour(message) = message else {
        return None;
    };
    if message.header.state != NeighbourState::Permanent {
        return None;
    }
    let (address, mac) = parts(message);
    Some(Neighbour {
        index: message.header.ifindex,
        address: address?,
        mac: mac?,
    })
}

/// The address and the hardware address of an entry.
pub(super) fn parts(message: &NeighbourMessage) -> (Option<IpAddr>, Option<MacAddress>) {
    let mut parts = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(address) => parts.0 = ip(address),
            NeighbourAttribute::LinkLayerAddress(bytes) => {
                parts.1 = bytes.as_slice().try_into().ok().map(MacAddress);
            }
            _ => {}
        }
    }
    parts
}

/// An address; entries of bridges carry it as bare bytes.
fn ip(address: &NeighbourAddress) -> Option<IpAddr> {
    match address {
        NeighbourAddress::Inet(ip) => Some((*ip).into()),
        NeighbourAddress::Inet6(ip) => Some((*ip).into()),
        NeighbourAddress::Other(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(bytes.as_slice()).ok().map(IpAddr::from),
            16 => <[u8; 16]>::try_from(bytes.as_slice())
                .ok()
                .map(IpAddr::from),
            _ => None,
        },
        _ => None,
    }
}
