use nix::errno::Errno;

use crate::socket::SocketError;

/// Why an object cannot be put into the kernel's form; nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A value does not have the type of its place.
    #[error("`{value}` is no {expected}")]
    Type {
        /// The value.
        value: String,
        /// nft's name of the type.
        expected: &'static str,
    },
    /// A key or value has another number of fields than its set.
    #[error("{found} fields where the set has {expected}")]
    FieldCount {
        /// Fields of the set.
        expected: usize,
        /// Fields given.
        found: usize,
    },
    /// A set's key has no field, or more than the five that nft can name.
    #[error("a key or value must have 1 to 5 fields")]
    Fields,
    /// The element's value is not of the set's kind.
    #[error("the element's value does not fit the kind of its set")]
    ValueKind,
    /// A range as the key of a set without intervals.
    #[error("range `{0}` in a set without intervals")]
    RangeInPlainSet(String),
    /// A range that ends before it begins.
    #[error("range `{0}` ends before it begins")]
    EmptyRange(String),
    /// An empty or too long interface name.
    #[error("`{0}` is no interface name")]
    InterfaceName(String),
    /// An empty name, or one that the kernel cannot hold.
    #[error("`{0}` cannot be the name of a table, chain or set")]
    Name(String),
    /// A comment that is too long or contains a NUL.
    #[error("comment `{0}` is longer than 253 bytes or contains a NUL")]
    Comment(String),
    /// An operand that does not go with its expression.
    #[error("{0} cannot stand there")]
    Operand(&'static str),
    /// A key longer than all registers.
    #[error("the key does not fit the kernel's registers")]
    Registers,
    /// A rule looks up in a set that neither the batch nor the kernel has.
    #[error("set `{0}` does not exist")]
    UnknownSet(String),
    /// A rule or set longer than a message can be.
    #[error("the object is too long for one message")]
    TooLong,
}

/// Why a transaction was not applied. In every case the kernel still holds the old state, except that
/// after [`ApplyError::Unconfirmed`] it is not known whether it holds the old or the new one.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// An operation cannot be encoded; nothing was sent.
    #[error("cannot encode {operation}")]
    Encode {
        /// The operation in words.
        operation: String,
        /// The cause.
        #[source]
        source: EncodeError,
    },
    /// The transaction is larger than the socket may send; nothing was sent. It can be tried again in
    /// parts, each of which must be safe alone.
    #[error("a transaction of {bytes} bytes exceeds the socket's limit of {limit}")]
    BatchTooLarge {
        /// Size of the transaction.
        bytes: usize,
        /// What the socket can send at once.
        limit: usize,
    },
    /// The kernel refused one operation, and so the whole transaction.
    #[error("the kernel refused {operation}: {}{}", errno.desc(), words(message.as_deref()))]
    Refused {
        /// The operation in words, down to the element if the kernel named it.
        operation: String,
        /// The kernel's error number.
        errno: Errno,
        /// The kernel's own words, if it has any.
        message: Option<String>,
    },
    /// Somebody changed the ruleset after it was read.
    #[error("the ruleset is no longer that of generation {generation}")]
    Changed {
        /// The generation that was expected.
        generation: u32,
    },
    /// The kernel neither refused nor confirmed: read the table to learn what it holds.
    #[error("the kernel did not confirm the transaction")]
    Unconfirmed,
    /// The exchange itself failed.
    #[error("cannot exchange with nf_tables")]
    Socket(#[from] SocketError),
}

fn words(message: Option<&str>) -> String {
    message
        .map(|message| format!(": {message}"))
        .unwrap_or_default()
}

/// Why the kernel's state could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The exchange failed.
    #[error("cannot exchange with nf_tables")]
    Socket(#[from] SocketError),
    /// The kernel's answer lacks a part or has it malformed.
    #[error("malformed {object} from the kernel")]
    Malformed {
        /// What was being read.
        object: String,
    },
    /// A set uses types that this crate does not write.
    #[error("set `{set}` has the unknown type {number:#x}")]
    UnknownType {
        /// The set.
        set: String,
        /// nft's number of the type.
        number: u32,
    },
    /// An object is of a kind that this crate does not write.
    #[error("{object} is not something ringfence writes: {what}")]
    Foreign {
        /// The object.
        object: String,
        /// What is unusual about it.
        what: String,
    },
    /// The ruleset kept changing while it was read.
    #[error("the ruleset changed during each of {0} attempts to read it")]
    Changing(u32),
}
