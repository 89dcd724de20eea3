use ipnet::IpNet;
use ringfence_net::{ConnectionState, Family};

use crate::Datum;

/// A rule: its statements run left to right until one does not match or decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Matches and actions, in order.
    pub statements: Vec<Statement>,
    /// A comment stored with the rule.
    pub comment: Option<String>,
}

/// One step of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Go on only if `left operator right` holds.
    Match {
        /// What is read from the packet.
        left: Expression,
        /// How it is compared.
        operator: Operator,
        /// With what.
        right: Operand,
    },
    /// Look the key up in a verdict map; a hit decides, a miss goes on.
    VerdictMap {
        /// The key.
        key: Expression,
        /// Name of the map.
        map: String,
    },
    /// Set the packet's priority (`skb->priority`), the scratch register of the lookup chains. `Map` misses leave it unchanged.
    SetPriority(Expression),
    /// Rewrite the destination; `target` is a map to `address . port`.
    DestinationNat {
        /// Family of the new address.
        family: Family,
        /// A [`Expression::Map`].
        target: Expression,
    },
    /// Write an element into a map that packets write (see [`Set::dynamic`](crate::Set::dynamic)), or let the one that is there live
    /// as long again, with the value that it has. The rule ends if there is no room.
    Remember {
        /// The key.
        key: Expression,
        /// The value of a new element.
        value: Expression,
        /// Name of the map.
        map: String,
        /// How long it is remembered, in seconds, at least 1.
        seconds: u32,
    },
    /// Take the element of the key out of such a map, if there is one.
    Forget {
        /// The key.
        key: Expression,
        /// A value of the map's type, which makes no difference.
        value: Expression,
        /// Name of the map.
        map: String,
    },
    /// Rewrite the source to the address of the outgoing interface.
    Masquerade,
    /// Keep the packet out of connection tracking; only where that has not looked yet.
    NoTrack,
    /// Drop and tell the sender: ICMP port unreachable (what nft prints as plain `reject`).
    Reject,
    /// Drop and tell the sender by a reset of its connection (`reject with tcp reset`); only in a rule that has tested for TCP.
    /// A socket that connects gives up at once, which it does at an ICMPv6 error only when it has asked twice.
    Reset,
    /// Go on only as often as the limit says. It keeps what follows in the rule cheap, and decides nothing.
    Limit(Limit),
    /// Copy the packet's beginning to whoever listens, if somebody does, and go on.
    Log(Log),
    /// Decide.
    Verdict(Verdict),
}

/// How often a rule goes on: a bucket of tokens that fills by `rate` each second, up to `burst`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    /// Packets per second, at least 1.
    pub rate: u64,
    /// Packets that may pass at once, at least 1.
    pub burst: u32,
}

/// Where a packet's beginning is copied to (nflog).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Log {
    /// What the listener is told with it: [`LOG_PREFIX_LIMIT`](crate::LOG_PREFIX_LIMIT) bytes at most.
    pub prefix: String,
    /// Number of the group of listeners.
    pub group: u16,
    /// Bytes of the packet that are copied, from the network header on; 0 for as many as the listener wants.
    pub snaplen: u32,
}

/// What a rule or a verdict map decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// End this base chain; later hooks still run.
    Accept,
    /// Drop the packet for good.
    Drop,
    /// Back to the calling chain; from a base chain, accept.
    Return,
    /// Call a chain.
    Jump(String),
    /// Go to a chain and never come back here.
    Goto(String),
    /// Go on with what follows: for an element of a verdict map with the rule's next statement, which packets without an
    /// element do not reach. Other than an element that names a chain it makes the kernel validate nothing anew.
    Continue,
}

/// A value read from a packet or looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A header field.
    Field(Field),
    /// Packet metadata.
    Meta(MetaKey),
    /// Connection tracking state.
    ConnectionState,
    /// A constant, on the right of [`Statement::SetPriority`] only.
    Constant(Datum),
    /// Several values side by side, as the key of a concatenated set.
    Concat(Vec<Expression>),
    /// The value that a map holds for a key; a miss ends the rule.
    Map {
        /// The key.
        key: Box<Expression>,
        /// Name of the map.
        map: String,
    },
    /// The number of the cgroup (v2) in which the socket is that made the packet, or of the one above it that lies this many levels
    /// below the root. A packet without a socket has none, nor has one whose cgroup lies higher.
    SenderCgroup {
        /// 1 to [`DEEPEST_CGROUP`].
        level: u8,
    },
    /// A random number below the modulus.
    Random {
        /// At least 1.
        modulus: u32,
    },
}

/// The deepest level at which the kernel compares cgroups.
pub const DEEPEST_CGROUP: u8 = u8::MAX;

/// Header fields. A field of one IP family implies a test for that family, written out by the encoder and
/// left out in nft text, as `nft` itself does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Source address of the given family: `ip saddr`, `ip6 saddr`.
    SourceAddress(Family),
    /// Destination address of the given family.
    DestinationAddress(Family),
    /// Destination port of any transport: `th dport`.
    DestinationPort,
    /// TCP flags byte; implies TCP.
    TcpFlags,
    /// ICMPv6 type; implies ICMPv6.
    Icmpv6Type,
}

/// Packet metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetaKey {
    /// Transport protocol, extension headers skipped.
    L4Protocol,
    /// IP family (`meta nfproto`).
    NfProtocol,
    /// Name of the incoming interface.
    InputInterface,
    /// Name of the outgoing interface.
    OutputInterface,
    /// The scratch register, `skb->priority`.
    Priority,
}

/// How a match compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator {
    /// Equal, contained, or at least one bit of a state set.
    Equal,
    /// The contrary.
    NotEqual,
}

/// The right-hand side of a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// One value.
    Value(Datum),
    /// An inclusive range of values.
    Range(Datum, Datum),
    /// Addresses of one block, for an address field.
    Prefix(IpNet),
    /// Interface names that begin so: `"vethrf*"`.
    InterfacePrefix(String),
    /// Connection states, for [`Expression::ConnectionState`].
    State(ConnectionState),
    /// TCP flags: the bits of `mask` must equal `value`.
    TcpFlags {
        /// Bits looked at.
        mask: u8,
        /// Their wanted value.
        value: u8,
    },
    /// Membership in a named set.
    Set(String),
}
