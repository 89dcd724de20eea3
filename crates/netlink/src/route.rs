//! Links, addresses, routes, neighbours and forwarding entries (`NETLINK_ROUTE`).

mod address;
mod fdb;
mod link;
mod mac;
mod neighbour;
mod table;

use netlink_packet_core::{NetlinkDeserializable, NetlinkHeader, NetlinkSerializable};
use netlink_packet_route::RouteNetlinkMessage;

pub use address::InterfaceAddress;
pub use fdb::ForwardingEntry;
pub use link::{Link, VethPair, Vxlan};
pub use mac::{MacAddress, MacAddressError};
pub use neighbour::Neighbour;
pub use table::{Route, RouteKind};

use crate::socket::{Message, Socket, SocketError, Subsystem};

/// Why a request about links, addresses, routes or neighbours failed.
#[derive(Debug, thiserror::Error)]
pub enum RouteSocketError {
    /// The exchange failed, or the kernel refused.
    #[error("{what}")]
    Exchange {
        /// What was to be done, such as "create veth `a`".
        what: String,
        /// The cause.
        #[source]
        source: SocketError,
    },
    /// The kernel's answer could not be understood.
    #[error("cannot decode the kernel's answer: {0}")]
    Decode(String),
    /// No link has this name or index.
    #[error("there is no interface `{0}`")]
    NoSuchLink(String),
}

impl RouteSocketError {
    /// Whether the object to create is there already.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        matches!(self, Self::Exchange { source, .. } if source.is_exists())
    }

    /// Whether the object does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self {
            Self::NoSuchLink(_) => true,
            Self::Exchange { source, .. } => source.is_missing(),
            Self::Decode(_) => false,
        }
    }
}

/// A socket for links, addresses, routes and neighbours of one network namespace.
#[derive(Debug)]
pub struct RouteSocket {
    socket: Socket,
}

impl RouteSocket {
    /// Opens a socket in the calling thread's network namespace, where it stays.
    ///
    /// # Errors
    /// [`RouteSocketError::Exchange`].
    pub fn open() -> Result<Self, RouteSocketError> {
        let socket =
            Socket::open(Subsystem::Route).map_err(|source| RouteSocketError::Exchange {
                what: "open a route socket".to_owned(),
                source,
            })?;
        Ok(Self { socket })
    }

    /// Sends a request; `what` names it in the error.
    fn request(
        &mut self,
        what: impl FnOnce() -> String,
        message: &RouteNetlinkMessage,
        flags: u16,
    ) -> Result<Vec<RouteNetlinkMessage>, RouteSocketError> {
        let answer = self
            .socket
            .request(message.message_type(), flags, &serialize(message));
        let answer = answer.map_err(|source| RouteSocketError::Exchange {
            what: what(),
            source,
        })?;
        answer.iter().map(deserialize).collect()
    }

    fn dump(
        &mut self,
        what: &str,
        message: &RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>, RouteSocketError> {
        let answer = self
            .socket
            .dump(message.message_type(), &serialize(message));
        let answer = answer.map_err(|source| RouteSocketError::Exchange {
            what: what.to_owned(),
            source,
        })?;
        answer.iter().map(deserialize).collect()
    }
}

fn serialize(message: &RouteNetlinkMessage) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn deserialize(message: &Message) -> Result<RouteNetlinkMessage, RouteSocketError> {
    let mut header = NetlinkHeader::default();
    header.message_type = message.kind;
    RouteNetlinkMessage::deserialize(&header, &message.body)
        .map_err(|error| RouteSocketError::Decode(error.to_string()))
}
