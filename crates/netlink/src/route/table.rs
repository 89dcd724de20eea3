#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are an open list, of which few matter here"
)]

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope,
    RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::address::family;
use super::{RouteSocket, RouteSocketError};
use crate::socket::{CREATE, EXCLUSIVE, REPLACE};

/// A route of the main table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Where it leads: `0.0.0.0/0` or `::/0` for the default route.
    pub destination: IpNet,
    /// What happens to packets.
    pub kind: RouteKind,
    /// Preferred source address.
    pub source: Option<IpAddr>,
    /// Less is preferred; `None` is 0 for IPv4 and 1024 for IPv6.
    pub metric: Option<u32>,
}

/// What a route does with packets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// Sends them out of an interface.
    Device {
        /// Its number.
        index: u32,
        /// The next router; `None` if the destination is on the link.
        gateway: Option<IpAddr>,
        /// Whether the gateway counts as being on the link though no route says so.
        onlink: bool,
    },
    /// Drops them.
    Blackhole,
    /// Drops them and tells the sender.
    Unreachable,
}

impl RouteSocket {
    /// Adds a route.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if there is one to this destination with this metric.
    pub fn add_route(&mut self, route: &Route) -> Result<(), RouteSocketError> {
        self.new_route(route, CREATE | EXCLUSIVE)
    }

    /// Adds a route, in place of one to the same destination with the same metric.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn replace_route(&mut self, route: &Route) -> Result<(), RouteSocketError> {
        self.new_route(route, CREATE | REPLACE)
    }

    /// Deletes a route.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_missing` if there is none.
    pub fn delete_route(&mut self, route: &Route) -> Result<(), RouteSocketError> {
        let what = || format!("cannot delete the route to {}", route.destination);
        let message = message(route, RouteProtocol::Static);
        self.request(what, &RouteNetlinkMessage::DelRoute(message), 0)
            .map(drop)
    }

    /// Adds a route that says that it is of `protocol`, a number above those that the kernel knows (`rtm_protocol`).
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if there is one to this destination with this metric, whosever it is.
    pub fn add_route_of(&mut self, protocol: u8, route: &Route) -> Result<(), RouteSocketError> {
        let message = message(route, RouteProtocol::from(protocol));
        self.send_route(route, message, CREATE | EXCLUSIVE)
    }

    /// Deletes a route of `protocol`, and no other to the same destination.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_missing` if there is none.
    pub fn delete_route_of(&mut self, protocol: u8, route: &Route) -> Result<(), RouteSocketError> {
        let what = || format!("cannot delete the route to {}", route.destination);
        let message = message(route, RouteProtocol::from(protocol));
        self.request(what, &RouteNetlinkMessage::DelRoute(message), 0)
            .map(drop)
    }

    /// The unicast, blackhole and unreachable routes of the main table, sorted. Routes with several next
    /// hops are left out: ringfence makes none.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn routes(&mut self) -> Result<Vec<Route>, RouteSocketError> {
        self.list_routes(|_| true)
    }

    /// Those of [`Self::routes`] that say that they are of `protocol`.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn routes_of(&mut self, protocol: u8) -> Result<Vec<Route>, RouteSocketError> {
        let wanted = RouteProtocol::from(protocol);
        self.list_routes(|message| message.header.protocol == wanted)
    }

    fn list_routes(
        &mut self,
        is_wanted: impl Fn(&RouteMessage) -> bool,
    ) -> Result<Vec<Route>, RouteSocketError> {
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            let answer = self.dump(
                "cannot list routes",
                &RouteNetlinkMessage::GetRoute(message),
            )?;
            let messages = answer.iter().filter_map(|message| match message {
                RouteNetlinkMessage::NewRoute(message) => Some(message),
                _ => None,
            });
            let wanted = messages.filter(|message| is_wanted(message));
            routes.extend(wanted.filter_map(route));
        }
        routes.sort_unstable();
        Ok(routes)
    }

    fn new_route(&mut self, route: &Route, flags: u16) -> Result<(), RouteSocketError> {
        self.send_route(route, message(route, RouteProtocol::Static), flags)
    }

    fn send_route(
        &mut self,
        route: &Route,
        message: RouteMessage,
        flags: u16,
    ) -> Result<(), RouteSocketError> {
        let what = || format!("cannot add a route to {}", route.destination);
        self.request(what, &RouteNetlinkMessage::NewRoute(message), flags)
            .map(drop)
    }
}

fn message(route: &Route, protocol: RouteProtocol) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(route.destination.addr());
    message.header.destination_prefix_length = route.destination.prefix_len();
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = protocol;
    let destination = route.destination.network();
    message
        .attributes
        .push(RouteAttribute::Destination(destination.into()));
    message
        .attributes
        .extend(route.source.map(|ip| RouteAttribute::PrefSource(ip.into())));
    message
        .attributes
        .extend(route.metric.map(RouteAttribute::Priority));
    match &route.kind {
        RouteKind::Device {
            index,
            gateway,
            onlink,
        } => {
            message.header.kind = RouteType::Unicast;
            message.header.scope = match gateway {
                Some(_) => RouteScope::Universe,
                None => RouteScope::Link,
            };
            message.header.flags = if *onlink {
                RouteFlags::Onlink
            } else {
                RouteFlags::empty()
            };
            message.attributes.push(RouteAttribute::Oif(*index));
            message
                .attributes
                .extend(gateway.map(|ip| RouteAttribute::Gateway(ip.into())));
        }
        RouteKind::Blackhole => message.header.kind = RouteType::BlackHole,
        RouteKind::Unreachable => message.header.kind = RouteType::Unreachable,
    }
    message
}

fn route(message: &RouteMessage) -> Option<Route> {
    if message.header.table != RouteHeader::RT_TABLE_MAIN {
        return None;
    }
    let any = match message.header.address_family {
        AddressFamily::Inet => IpAddr::from([0; 4]),
        AddressFamily::Inet6 => IpAddr::from([0; 16]),
        _ => return None,
    };
    let parts = Parts::of(message);
    let destination = parts.destination.unwrap_or(any);
    let kind = match message.header.kind {
        RouteType::Unicast => RouteKind::Device {
            index: parts.device?,
            gateway: parts.gateway,
            onlink: message.header.flags.contains(RouteFlags::Onlink),
        },
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        _ => return None,
    };
    let destination = IpNet::new(destination, message.header.destination_prefix_length).ok()?;
    Some(Route {
        destination,
        kind,
        source: parts.source,
        metric: parts.metric,
    })
}

#[derive(Default)]
struct Parts {
    destination: Option<IpAddr>,
    gateway: Option<IpAddr>,
    source: Option<IpAddr>,
    device: Option<u32>,
    metric: Option<u32>,
}

impl Parts {
    fn of(message: &RouteMessage) -> Self {
        let mut parts = Self::default();
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Destination(address) => parts.destination = ip(address),
                RouteAttribute::Gateway(address) => parts.gateway = ip(address),
                RouteAttribute::PrefSource(address) => parts.source = ip(address),
                RouteAttribute::Oif(index) => parts.device = Some(*index),
                RouteAttribute::Priority(metric) => parts.metric = Some(*metric),
                _ => {}
            }
        }
        parts
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some((*ip).into()),
        RouteAddress::Inet6(ip) => Some((*ip).into()),
        _ => None,
    }
}
