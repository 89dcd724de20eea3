#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are an open list, of which few matter here"
)]

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{RouteSocket, RouteSocketError};
use crate::socket::{CREATE, EXCLUSIVE};

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceAddress {
    /// Number of the interface.
    pub index: u32,
    /// The address, and the length of its network.
    pub address: IpNet,
}

pub(super) const fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

impl RouteSocket {
    /// Gives an interface an address. An IPv6 address is usable at once: duplicates are not looked for.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if it has it.
    pub fn add_address(&mut self, address: &InterfaceAddress) -> Result<(), RouteSocketError> {
        self.new_address(address, message_for(address))
    }

    /// The same with host scope: the address is answered, and never chosen as the source of packets.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if it has it.
    pub fn add_host_address(&mut self, address: &InterfaceAddress) -> Result<(), RouteSocketError> {
        let mut message = message_for(address);
        message.header.scope = AddressScope::Host;
        self.new_address(address, message)
    }

    /// Takes an address from an interface.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_missing` if it does not have it.
    pub fn delete_address(&mut self, address: &InterfaceAddress) -> Result<(), RouteSocketError> {
        let what = || {
            format!(
                "cannot delete address {} of interface {}",
                address.address, address.index
            )
        };
        self.request(
            what,
            &RouteNetlinkMessage::DelAddress(message_for(address)),
            0,
        )
        .map(drop)
    }

    /// All addresses of the namespace, sorted.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn addresses(&mut self) -> Result<Vec<InterfaceAddress>, RouteSocketError> {
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let answer = self.dump("cannot list addresses", &request)?;
        let mut addresses: Vec<_> = answer.iter().filter_map(address).collect();
        addresses.sort_unstable();
        Ok(addresses)
    }

    fn new_address(
        &mut self,
        address: &InterfaceAddress,
        mut message: AddressMessage,
    ) -> Result<(), RouteSocketError> {
        if address.address.addr().is_ipv6() {
            message
                .attributes
                .push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        let what = || {
            format!(
                "cannot add address {} to interface {}",
                address.address, address.index
            )
        };
        let message = RouteNetlinkMessage::NewAddress(message);
        self.request(what, &message, CREATE | EXCLUSIVE).map(drop)
    }
}

fn message_for(address: &InterfaceAddress) -> AddressMessage {
    let ip = address.address.addr();
    let mut message = AddressMessage::default();
    message.header.family = family(ip);
    message.header.prefix_len = address.address.prefix_len();
    message.header.scope = if ip.is_loopback() {
        AddressScope::Host
    } else {
        AddressScope::Universe
    };
    message.header.index = address.index;
    message.attributes.push(AddressAttribute::Local(ip));
    message.attributes.push(AddressAttribute::Address(ip));
    message
}

fn address(message: &RouteNetlinkMessage) -> Option<InterfaceAddress> {
    let RouteNetlinkMessage::NewAddress(message) = message else {
        return None;
    };
    // Local is the own address where there is a remote one, which then is in Address.
    let local = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            AddressAttribute::Local(ip) => Some(*ip),
            _ => None,
        });
    let plain = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            AddressAttribute::Address(ip) => Some(*ip),
            _ => None,
        });
    let address = IpNet::new(local.or(plain)?, message.header.prefix_len).ok()?;
    Some(InterfaceAddress {
        index: message.header.index,
        address,
    })
}
