use std::fmt;

use nix::errno::Errno;

use super::SocketError;
use crate::attribute::{Attributes, align};

// linux/netlink.h
pub(crate) const REQUEST: u16 = 0x1;
pub(crate) const ACK: u16 = 0x4;
pub(crate) const DUMP: u16 = 0x300;
pub(crate) const REPLACE: u16 = 0x100;
pub(crate) const EXCLUSIVE: u16 = 0x200;
pub(crate) const CREATE: u16 = 0x400;
pub(super) const DUMP_INTERRUPTED: u16 = 0x10;
const CAPPED: u16 = 0x100;
const ACK_ATTRIBUTES: u16 = 0x200;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const NLMSGERR_ATTR_MSG: u16 = 1;
const NLMSGERR_ATTR_OFFS: u16 = 2;
/// Size of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;

/// A refusal by the kernel, with what it said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelError {
    /// The error number.
    pub errno: Errno,
    /// The kernel's own words (`NLMSGERR_ATTR_MSG`), if it has any.
    pub message: Option<String>,
    /// Offset in bytes of the offending attribute in the request (`NLMSGERR_ATTR_OFFS`).
    pub offset: Option<u32>,
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.errno.desc(), self.errno)?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for KernelError {}

/// One message from the kernel: the fields of `struct nlmsghdr` that matter, and the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is about.
    pub kind: u16,
    /// `NLM_F_*`.
    pub flags: u16,
    /// Number of the request that it answers; 0 in notifications.
    pub sequence: u32,
    /// The netlink port of whoever the message is about or for.
    pub port: u32,
    /// The body, unaligned.
    pub body: Vec<u8>,
}

/// What a message means for the exchange.
#[derive(Debug)]
pub(crate) enum Kind {
    Data,
    Noop,
    Acknowledged,
    Done,
    Refused(KernelError),
}

impl Message {
    pub(crate) fn classify(&self) -> Result<Kind, SocketError> {
        match self.kind {
            NLMSG_NOOP => Ok(Kind::Noop),
            NLMSG_ERROR => self.outcome().map(|refused| match refused {
                Some(refused) => Kind::Refused(refused),
                None => Kind::Acknowledged,
            }),
            // The end of a dump may carry an error number, without a copy of the request.
            NLMSG_DONE => Ok(match self.errno() {
                Some(errno) if errno != Errno::from_raw(0) => Kind::Refused(KernelError {
                    errno,
                    message: None,
                    offset: None,
                }),
                Some(_) | None => Kind::Done,
            }),
            NLMSG_OVERRUN => Err(SocketError::Malformed("data lost")),
            _ => Ok(Kind::Data),
        }
    }

    fn outcome(&self) -> Result<Option<KernelError>, SocketError> {
        let errno = self
            .errno()
            .ok_or(SocketError::Malformed("short error message"))?;
        if errno == Errno::from_raw(0) {
            return Ok(None);
        }
        let said = self.said();
        Ok(Some(KernelError {
            errno,
            message: said
                .find(NLMSGERR_ATTR_MSG)
                .map(|attribute| attribute.text()),
            offset: said
                .find(NLMSGERR_ATTR_OFFS)
                .and_then(|attribute| Some(u32::from_ne_bytes(*attribute.value.first_chunk()?))),
        }))
    }

    /// The error number, made positive; 0 is an acknowledgement.
    fn errno(&self) -> Option<Errno> {
        let number = i32::from_ne_bytes(*self.body.first_chunk()?);
        Some(Errno::from_raw(number.checked_neg().unwrap_or(i32::MAX)))
    }

    /// The extended acknowledgement behind the copy of the request.
    fn said(&self) -> Attributes<'_> {
        if self.flags & ACK_ATTRIBUTES == 0 {
            return Attributes::new(&[]);
        }
        let copied = self
            .body
            .get(4..)
            .and_then(<[u8]>::first_chunk)
            .map(|bytes| u32::from_ne_bytes(*bytes));
        let request = match usize::try_from(copied.unwrap_or(0)) {
            Ok(length) if self.flags & CAPPED == 0 => align(length.min(self.body.len())),
            Ok(_) | Err(_) => HEADER,
        };
        Attributes::new(self.body.get(4 + request..).unwrap_or_default())
    }
}

/// Splits what one read returned into messages.
#[derive(Debug)]
pub(super) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn split(&mut self) -> Option<Message> {
        let length = usize::try_from(u32::from_ne_bytes(*self.rest.first_chunk()?)).ok()?;
        let message = Message {
            kind: u16::from_ne_bytes(*self.rest.get(4..)?.first_chunk()?),
            flags: u16::from_ne_bytes(*self.rest.get(6..)?.first_chunk()?),
            sequence: u32::from_ne_bytes(*self.rest.get(8..)?.first_chunk()?),
            port: u32::from_ne_bytes(*self.rest.get(12..)?.first_chunk()?),
            body: self.rest.get(HEADER..length)?.to_vec(),
        };
        self.rest = self.rest.get(align(length)..).unwrap_or_default();
        Some(message)
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, SocketError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = self.split();
        if message.is_none() {
            self.rest = &[];
        }
        Some(message.ok_or(SocketError::Malformed("bad message length")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Writer;

    fn refusal() -> Vec<u8> {
        let mut writer = Writer::default();
        writer.message(NLMSG_ERROR, CAPPED | ACK_ATTRIBUTES, 7, |writer| {
            writer.raw(&(-17_i32).to_ne_bytes());
            writer.raw(&[0; HEADER]);
            writer.text(NLMSGERR_ATTR_MSG, "no");
            writer.put(NLMSGERR_ATTR_OFFS, &44_u32.to_ne_bytes());
        });
        writer.finish().unwrap()
    }

    #[test]
    fn a_refusal_carries_the_kernels_words() {
        let message = Messages::new(&refusal()).next().unwrap().unwrap();
        assert_eq!(message.sequence, 7);
        let Kind::Refused(refused) = message.classify().unwrap() else {
            panic!("not refused")
        };
        assert_eq!(refused.errno, Errno::EEXIST);
        assert_eq!(refused.message.as_deref(), Some("no"));
        assert_eq!(refused.offset, Some(44));
        assert_eq!(refused.to_string(), "File exists (EEXIST): no");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
            plausible: bool,
        ) {
            if plausible && bytes.len() >= 8 {
                let length = u32::try_from(bytes.len()).unwrap();
                bytes[..4].copy_from_slice(&length.to_ne_bytes());
                bytes[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
            }
            for message in Messages::new(&bytes).flatten() {
                let _ = message.classify();
            }
        }
    }
}
