use std::fmt;
use std::ops::Not;

use serde::{Deserialize, Serialize};

use crate::{IpProtocol, PortSet, Protocol};

/// What may be opened between two endpoints: the destination ports of TCP, UDP and SCTP
/// (rule Q-1), and whether every other IP protocol, ICMP among them, may be used.
///
/// The other protocols are one member, because no policy can tell them apart: only a rule without
/// ports or protocols matches them, and it matches them all (rules Q-12, AM-9, CN-31).
///
/// Equal sets are equal values. The order of values is for sorting and says nothing about subsets.
///
/// Serialized as `{"tcp": ["80"], "udp": ["53"], "sctp": ["1-65535"], "other": true}`, without
/// what is empty or false.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSet {
    #[serde(default = "PortSet::empty", skip_serializing_if = "PortSet::is_empty")]
    tcp: PortSet,
    #[serde(default = "PortSet::empty", skip_serializing_if = "PortSet::is_empty")]
    udp: PortSet,
    #[serde(default = "PortSet::empty", skip_serializing_if = "PortSet::is_empty")]
    sctp: PortSet,
    #[serde(default, skip_serializing_if = "Not::not")]
    other: bool,
}

impl ConnectionSet {
    /// Nothing may be opened.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            tcp: PortSet::empty(),
            udp: PortSet::empty(),
            sctp: PortSet::empty(),
            other: false,
        }
    }

    /// Every port of every protocol, and every other IP protocol.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            tcp: PortSet::all(),
            udp: PortSet::all(),
            sctp: PortSet::all(),
            other: true,
        }
    }

    /// `ports` of `protocol` and nothing else.
    #[must_use]
    pub fn of(protocol: Protocol, ports: PortSet) -> Self {
        let mut set = Self::none();
        match protocol {
            Protocol::Tcp => set.tcp = ports,
            Protocol::Udp => set.udp = ports,
            Protocol::Sctp => set.sctp = ports,
        }
        set
    }

    /// Every IP protocol except TCP, UDP and SCTP.
    #[must_use]
    pub const fn other_protocols() -> Self {
        let mut set = Self::none();
        set.other = true;
        set
    }

    /// The ports of `protocol` that may be opened.
    #[must_use]
    pub const fn ports(&self, protocol: Protocol) -> &PortSet {
        match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
            Protocol::Sctp => &self.sctp,
        }
    }

    /// Whether the IP protocols other than TCP, UDP and SCTP may be used.
    #[must_use]
    pub const fn allows_other(&self) -> bool {
        self.other
    }

    /// Whether `protocol` may be opened to `port`.
    ///
    /// TCP, UDP and SCTP need the port, and without it nothing is allowed. Other protocols have no
    /// ports; what is given is ignored.
    #[must_use]
    pub fn allows(&self, protocol: IpProtocol, port: Option<u16>) -> bool {
        match protocol.as_policy() {
            Some(protocol) => port.is_some_and(|port| self.ports(protocol).contains(port)),
            None => self.other,
        }
    }

    /// Whether nothing may be opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.other && self.iter().next().is_none()
    }

    /// Whether everything may be opened.
    #[must_use]
    pub fn is_all(&self) -> bool {
        let all = |protocol| self.ports(protocol).is_all();
        self.other && Protocol::ALL.into_iter().all(all)
    }

    /// What either set allows.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, PortSet::union, self.other || other.other)
    }

    /// What both sets allow.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, PortSet::intersection, self.other && other.other)
    }

    /// What this set allows and `other` does not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, PortSet::difference, self.other && !other.other)
    }

    /// What this set does not allow.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self {
            tcp: self.tcp.complement(),
            udp: self.udp.complement(),
            sctp: self.sctp.complement(),
            other: !self.other,
        }
    }

    /// Whether `other` allows everything that this set allows.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        let subset = |protocol| self.ports(protocol).is_subset(other.ports(protocol));
        (!self.other || other.other) && Protocol::ALL.into_iter().all(subset)
    }

    /// Whether nothing is allowed by both sets.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let disjoint = |protocol| self.ports(protocol).is_disjoint(other.ports(protocol));
        !(self.other && other.other) && Protocol::ALL.into_iter().all(disjoint)
    }

    /// The protocols of which a port may be opened, with these ports: TCP, UDP, SCTP.
    pub fn iter(&self) -> impl Iterator<Item = (Protocol, &PortSet)> {
        Protocol::ALL
            .into_iter()
            .map(|protocol| (protocol, self.ports(protocol)))
            .filter(|(_, ports)| !ports.is_empty())
    }

    /// One member to show for all: the lowest port of TCP, else of UDP, else of SCTP, else ICMP,
    /// which has no port. `None` if nothing may be opened.
    #[must_use]
    pub fn witness(&self) -> Option<(IpProtocol, Option<u16>)> {
        match self.iter().next() {
            Some((protocol, ports)) => Some((protocol.into(), ports.first())),
            None => self.other.then_some((IpProtocol::ICMP, None)),
        }
    }

    fn combine(
        &self,
        other: &Self,
        ports: impl Fn(&PortSet, &PortSet) -> PortSet,
        others: bool,
    ) -> Self {
        Self {
            tcp: ports(&self.tcp, &other.tcp),
            udp: ports(&self.udp, &other.udp),
            sctp: ports(&self.sctp, &other.sctp),
            other: others,
        }
    }
}

/// `tcp/80,443 udp/53 other`, with `tcp/*` for every port; `all` for everything, `none` for nothing.
impl fmt::Display for ConnectionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        let protocols = self
            .iter()
            .map(|(protocol, ports)| format!("{}/{ports}", protocol.name().to_ascii_lowercase()));
        let words: Vec<String> = protocols
            .chain(self.other.then(|| "other".to_owned()))
            .collect();
        match words.as_slice() {
            [] => f.write_str("none"),
            [..] => f.write_str(&words.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests;
