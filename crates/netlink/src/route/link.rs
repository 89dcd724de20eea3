#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are an open list, of which few matter here"
)]

use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, State,
};

use super::{MacAddress, RouteSocket, RouteSocketError};
use crate::socket::{CREATE, EXCLUSIVE};

/// An interface as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its hardware address, if it has one of six bytes.
    pub mac: Option<MacAddress>,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Whether it is administratively up.
    pub up: bool,
    /// Whether it carries packets (`IF_OPER_UP`). A veth end that was brought up before its peer loses what it is given until the
    /// kernel has taken note of its peer, which a busy machine does late; since Linux 6.8 the kernel does so when it is asked.
    pub operational: bool,
    /// For a veth: number of the other end, in that end's namespace. For a VXLAN: the underlying device.
    pub peer: Option<u32>,
    /// Number of the bridge that it is a port of.
    pub master: Option<u32>,
    /// `veth`, `bridge`, `vxlan` and so on; `None` for hardware and loopback.
    pub kind: Option<String>,
}

/// A pair of virtual Ethernet interfaces to create.
#[derive(Clone, Copy, Debug)]
pub struct VethPair<'a> {
    /// Name of the end in the socket's namespace.
    pub name: &'a str,
    /// Its hardware address; the kernel makes one up for `None`.
    pub mac: Option<MacAddress>,
    /// Name of the other end.
    pub peer_name: &'a str,
    /// Hardware address of the other end.
    pub peer_mac: Option<MacAddress>,
    /// Namespace of the other end; the socket's own for `None`.
    pub peer_namespace: Option<BorrowedFd<'a>>,
    /// Largest packet in bytes, of both ends.
    pub mtu: u32,
}

/// A VXLAN interface to create: learns no addresses, asks nobody, uses only entries that it is given.
#[derive(Clone, Copy, Debug)]
pub struct Vxlan<'a> {
    /// Its name.
    pub name: &'a str,
    /// Network identifier, 24 bits.
    pub id: u32,
    /// UDP port; 4789 is the standard's, 8472 Linux's old default.
    pub port: u16,
    /// Source address of the tunnel.
    pub local: IpAddr,
    /// Number of the underlying device, if the tunnel is bound to one.
    pub device: Option<u32>,
    /// Largest packet in bytes.
    pub mtu: Option<u32>,
    /// Its hardware address; the kernel makes one up for `None`.
    pub mac: Option<MacAddress>,
}

impl RouteSocket {
    /// Creates a veth pair, the other end directly in its namespace under its name.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if either name is taken.
    pub fn create_veth(&mut self, pair: &VethPair<'_>) -> Result<(), RouteSocketError> {
        let mut peer = described(pair.peer_name, Some(pair.mtu), pair.peer_mac);
        if let Some(namespace) = pair.peer_namespace {
            peer.attributes
                .push(LinkAttribute::NetNsFd(namespace.as_raw_fd()));
        }
        let data = InfoData::Veth(InfoVeth::Peer(peer));
        let message = described(pair.name, Some(pair.mtu), pair.mac);
        self.create(message, InfoKind::Veth, Some(data))
    }

    /// Creates a bridge.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if the name is taken.
    pub fn create_bridge(&mut self, name: &str) -> Result<(), RouteSocketError> {
        self.create(described(name, None, None), InfoKind::Bridge, None)
    }

    /// Creates a VXLAN interface.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if the name, or the id on that port, is taken.
    pub fn create_vxlan(&mut self, vxlan: &Vxlan<'_>) -> Result<(), RouteSocketError> {
        let mut data = vec![
            InfoVxlan::Id(vxlan.id),
            InfoVxlan::Port(vxlan.port),
            InfoVxlan::Learning(false),
            match vxlan.local {
                IpAddr::V4(address) => InfoVxlan::Local(address),
                IpAddr::V6(address) => InfoVxlan::Local6(address),
            },
        ];
        data.extend(vxlan.device.map(InfoVxlan::Link));
        let message = described(vxlan.name, vxlan.mtu, vxlan.mac);
        self.create(message, InfoKind::Vxlan, Some(InfoData::Vxlan(data)))
    }

    /// Deletes a link, and with one end of a veth pair the other.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_missing` if there is none.
    pub fn delete_link(&mut self, index: u32) -> Result<(), RouteSocketError> {
        let message = RouteNetlinkMessage::DelLink(numbered(index));
        self.request(|| format!("cannot delete interface {index}"), &message, 0)
            .map(drop)
    }

    /// The link with this name.
    ///
    /// # Errors
    /// [`RouteSocketError::NoSuchLink`], others if the exchange fails.
    pub fn link_by_name(&mut self, name: &str) -> Result<Link, RouteSocketError> {
        let mut message = LinkMessage::default();
        message
            .attributes
            .push(LinkAttribute::IfName(name.to_owned()));
        self.get_link(message, name)
    }

    /// The link with this number.
    ///
    /// # Errors
    /// [`RouteSocketError::NoSuchLink`], others if the exchange fails.
    pub fn link_by_index(&mut self, index: u32) -> Result<Link, RouteSocketError> {
        self.get_link(numbered(index), &index.to_string())
    }

    /// All links of the namespace, by number.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn links(&mut self) -> Result<Vec<Link>, RouteSocketError> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let mut links: Vec<_> = self
            .dump("cannot list interfaces", &request)?
            .into_iter()
            .filter_map(link)
            .collect();
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    /// Brings a link up or down.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn set_link_up(&mut self, index: u32, up: bool) -> Result<(), RouteSocketError> {
        let mut message = numbered(index);
        message.header.change_mask = LinkFlags::Up;
        message.header.flags = if up {
            LinkFlags::Up
        } else {
            LinkFlags::empty()
        };
        let state = if up { "up" } else { "down" };
        self.set_link(message, || format!("cannot set interface {index} {state}"))
    }

    /// Makes a link a port of a bridge, or of none.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn set_link_master(
        &mut self,
        index: u32,
        master: Option<u32>,
    ) -> Result<(), RouteSocketError> {
        let attribute = LinkAttribute::Controller(master.unwrap_or(0));
        self.change_link(index, attribute, "the bridge")
    }

    /// Sets the largest packet in bytes.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn set_link_mtu(&mut self, index: u32, mtu: u32) -> Result<(), RouteSocketError> {
        self.change_link(index, LinkAttribute::Mtu(mtu), "the MTU")
    }

    /// Sets the hardware address.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn set_link_mac(&mut self, index: u32, mac: MacAddress) -> Result<(), RouteSocketError> {
        self.change_link(
            index,
            LinkAttribute::Address(mac.0.to_vec()),
            "the hardware address",
        )
    }

    /// Renames a link; it must be down on old kernels.
    ///
    /// # Errors
    /// [`RouteSocketError`]; `is_exists` if the name is taken.
    pub fn rename_link(&mut self, index: u32, name: &str) -> Result<(), RouteSocketError> {
        self.change_link(index, LinkAttribute::IfName(name.to_owned()), "the name")
    }

    /// Moves a link to another namespace.
    ///
    /// # Errors
    /// [`RouteSocketError`].
    pub fn move_link(&mut self, index: u32, to: impl AsFd) -> Result<(), RouteSocketError> {
        let descriptor = to.as_fd().as_raw_fd();
        self.change_link(index, LinkAttribute::NetNsFd(descriptor), "the namespace")
    }

    fn change_link(
        &mut self,
        index: u32,
        attribute: LinkAttribute,
        what: &str,
    ) -> Result<(), RouteSocketError> {
        let mut message = numbered(index);
        message.attributes.push(attribute);
        self.set_link(message, || {
            format!("cannot set {what} of interface {index}")
        })
    }

    fn set_link(
        &mut self,
        message: LinkMessage,
        what: impl FnOnce() -> String,
    ) -> Result<(), RouteSocketError> {
        // NEWLINK without CREATE changes; SETLINK ignores some attributes.
        self.request(what, &RouteNetlinkMessage::NewLink(message), 0)
            .map(drop)
    }

    fn create(
        &mut self,
        mut message: LinkMessage,
        kind: InfoKind,
        data: Option<InfoData>,
    ) -> Result<(), RouteSocketError> {
        let name = name_of(&message).unwrap_or_default().to_owned();
        let what = format!("cannot create {kind} `{name}`");
        let mut info = vec![LinkInfo::Kind(kind)];
        info.extend(data.map(LinkInfo::Data));
        message.attributes.push(LinkAttribute::LinkInfo(info));
        let message = RouteNetlinkMessage::NewLink(message);
        self.request(|| what, &message, CREATE | EXCLUSIVE)
            .map(drop)
    }

    fn get_link(&mut self, message: LinkMessage, name: &str) -> Result<Link, RouteSocketError> {
        let request = RouteNetlinkMessage::GetLink(message);
        let missing = || RouteSocketError::NoSuchLink(name.to_owned());
        match self.request(|| format!("cannot get interface `{name}`"), &request, 0) {
            Err(error) if error.is_missing() => Err(missing()),
            Err(error) => Err(error),
            Ok(answer) => answer.into_iter().find_map(link).ok_or_else(missing),
        }
    }
}

fn numbered(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

fn described(name: &str, mtu: Option<u32>, mac: Option<MacAddress>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message
        .attributes
        .push(LinkAttribute::IfName(name.to_owned()));
    message.attributes.extend(mtu.map(LinkAttribute::Mtu));
    message
        .attributes
        .extend(mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    message
}

fn name_of(message: &LinkMessage) -> Option<&str> {
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name.as_str()),
            _ => None,
        })
}

fn link(message: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else {
        return None;
    };
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        mac: None,
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
        operational: false,
        peer: None,
        master: None,
        kind: None,
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(bytes) => link.mac = bytes.try_into().ok().map(MacAddress),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::OperState(state) => link.operational = state == State::Up,
            LinkAttribute::Link(peer) => link.peer = Some(peer).filter(|peer| *peer != 0),
            LinkAttribute::Controller(master) => link.master = Some(master),
            LinkAttribute::LinkInfo(info) => link.kind = kind(&info),
            _ => {}
        }
    }
    Some(link)
}

fn kind(info: &[LinkInfo]) -> Option<String> {
    info.iter().find_map(|part| match part {
        LinkInfo::Kind(kind) => Some(kind.to_string()),
        _ => None,
    })
}
