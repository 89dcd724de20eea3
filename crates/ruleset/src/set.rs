use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::Verdict;

/// A named set or map with its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Types of the key's fields; more than one makes a concatenated key.
    pub key: Vec<DataType>,
    /// Set, map to values, or verdict map.
    pub kind: SetKind,
    /// Whether keys may be ranges.
    pub interval: bool,
    /// Whether each element counts the packets that hit it.
    pub counted: bool,
    /// Whether packets write the elements ([`Statement::Remember`](crate::Statement::Remember)), each for a time. Such elements are
    /// no part of a table: nobody lists, compares or deletes them.
    pub dynamic: bool,
    /// Whether elements may end by themselves: see [`crate::Operation::AddElements`].
    pub timed: bool,
    /// Number of elements that the kernel prepares for and does not exceed.
    pub size: Option<u32>,
    /// The elements by key.
    pub elements: BTreeMap<Key, Element>,
}

/// What a set holds behind its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// Nothing: membership only.
    Set,
    /// A value with these fields.
    Map(Vec<DataType>),
    /// A verdict.
    VerdictMap,
}

/// The type of one field of a key or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataType {
    /// `ipv4_addr`, 4 bytes, network order.
    Ipv4Address,
    /// `ipv6_addr`, 16 bytes, network order.
    Ipv6Address,
    /// `inet_proto`, 1 byte.
    InetProto,
    /// `inet_service`, 2 bytes, network order.
    InetService,
    /// `classid`, 4 bytes, host order: a number in the scratch register.
    ClassId,
    /// `mark`, 4 bytes, host order.
    Mark,
    /// `ifname`, 16 bytes, zero padded.
    InterfaceName,
    /// `cgroupsv2`, 8 bytes, host order: a cgroup's number.
    Cgroup,
}

/// One field's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Datum {
    /// An address of either family.
    Address(IpAddr),
    /// A protocol number, an ICMP type, or an nfproto (2 IPv4, 10 IPv6): one byte.
    Byte(u8),
    /// A port.
    Port(u16),
    /// A class number or a mark.
    Number(u32),
    /// An interface name of at most 15 bytes.
    Interface(String),
    /// The number of a cgroup: the inode of its folder.
    Cgroup(u64),
}

/// The key of an element, cheap to clone: one point, or an inclusive range in each field (`first[i]..=last[i]`) in an interval set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Lowest value of each field.
    pub first: Arc<[Datum]>,
    /// Highest value of each field; equal to `first` for a point.
    pub last: Arc<[Datum]>,
}

impl Key {
    /// A key that is one point.
    #[must_use]
    pub fn point(fields: impl Into<Arc<[Datum]>>) -> Self {
        let first = fields.into();
        Self {
            last: Arc::clone(&first),
            first,
        }
    }

    /// A key of all between `first` and `last`, field by field.
    #[must_use]
    pub fn range(first: impl Into<Arc<[Datum]>>, last: impl Into<Arc<[Datum]>>) -> Self {
        let (first, last) = (first.into(), last.into());
        if first == last {
            return Self::point(first);
        }
        Self { first, last }
    }

    /// Whether the key is one point.
    #[must_use]
    pub fn is_point(&self) -> bool {
        Arc::ptr_eq(&self.first, &self.last) || self.first == self.last
    }
}

/// What an element has counted. No part of a table: two tables are equal whatever was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets that hit the element.
    pub packets: u64,
    /// Their bytes, from the network header on.
    pub bytes: u64,
}

/// What the elements of a table have counted, by set and key.
pub type Counters = BTreeMap<String, BTreeMap<Key, Counter>>;

/// What stands behind a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The value, for maps.
    pub value: Value,
    /// A comment of at most 127 bytes, stored with the element: which policy rule it comes from.
    pub comment: Option<String>,
}

/// The value of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// None: an element of a plain set.
    Member,
    /// The fields of a map's value.
    Data(Vec<Datum>),
    /// The verdict of a verdict map.
    Verdict(Verdict),
}
