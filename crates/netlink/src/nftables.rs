//! nf_tables: applies transactions to one table of family `inet`, and reads tables back.
//!
//! The encoder works on raw bytes. What it writes lists in `nft` as if nft had loaded it: types,
//! byte orders and comments are stored the way nft does.

mod batch;
mod constants;
mod datum;
mod decode;
mod disassemble;
mod element;
mod error;
mod expression;
mod layout;
mod monitor;
mod owner;
mod read;
mod rule;
mod set;

use std::collections::BTreeMap;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use ringfence_ruleset::{Expression, Operand, Operation, Statement};

pub use error::{ApplyError, EncodeError, ReadError};
pub use monitor::{Change, Monitor};
pub use owner::{Owner, TableFlags};
pub use read::{ChainState, RuleState, TableState};

use crate::socket::{KernelError, Socket, SocketError, Subsystem};
use batch::{Batch, describe};

/// What the kernel keeps of a send buffer for itself (`netlink_sendmsg`).
const SEND_RESERVE: usize = 32;

/// A connection to nf_tables in one network namespace.
#[derive(Debug)]
pub struct Nftables {
    socket: Socket,
    /// Flags of the tables that it makes.
    table_flags: u32,
}

impl Nftables {
    /// Opens a connection in the calling thread's network namespace, where it stays.
    ///
    /// # Errors
    /// [`SocketError::Open`].
    pub fn open() -> Result<Self, SocketError> {
        Ok(Self {
            socket: Socket::open(Subsystem::Netfilter)?,
            table_flags: 0,
        })
    }

    /// The connection's netlink port: [`Change::port`] of the changes that it makes.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.socket.port()
    }

    /// Applies the operations to the table of family `inet` with this name, all or none, in one batch.
    ///
    /// # Errors
    /// [`ApplyError`]; after any but [`ApplyError::Unconfirmed`] and a failed exchange, the old state stands.
    pub fn apply(&mut self, table: &str, operations: &[Operation]) -> Result<(), ApplyError> {
        self.apply_to(table, operations, None)
    }

    /// As [`Nftables::apply`], but only if nobody has changed the ruleset since it had this generation
    /// (see [`Nftables::generation`]), which is what makes a transaction computed from a read table safe.
    /// The generation is the network namespace's: changes of other tables count as well.
    ///
    /// # Errors
    /// [`ApplyError::Changed`] if somebody has, others as [`Nftables::apply`].
    pub fn apply_if_unchanged(
        &mut self,
        table: &str,
        operations: &[Operation],
        generation: u32,
    ) -> Result<(), ApplyError> {
        match self.apply_to(table, operations, Some(generation)) {
            Err(ApplyError::Refused {
                errno: Errno::ERESTART,
                ..
            }) => Err(ApplyError::Changed { generation }),
            applied => applied,
        }
    }

    fn apply_to(
        &mut self,
        table: &str,
        operations: &[Operation],
        generation: Option<u32>,
    ) -> Result<(), ApplyError> {
        let intervals = self.intervals(table, operations)?;
        // The begin, at most one message per element, and the end.
        let sequence = self.socket.reserve(message_bound(operations));
        let is_interval = |set: &str| intervals.get(set).copied();
        let flags = self.table_flags;
        let batch = batch::encode(table, operations, sequence, generation, flags, &is_interval);
        let batch = batch.map_err(|(operation, element, source)| ApplyError::Encode {
            operation: name(table, operations, operation, element),
            source,
        })?;
        if batch.origins.is_empty() {
            return Ok(());
        }
        self.send(&batch)?;
        self.outcome(table, operations, sequence, &batch)
    }

    /// Which sets that the rules look numbers up in have ranges: those of the batch, others asked for.
    fn intervals(
        &mut self,
        table: &str,
        operations: &[Operation],
    ) -> Result<BTreeMap<String, bool>, ApplyError> {
        let mut known = BTreeMap::new();
        for operation in operations {
            if let Operation::AddSet {
                name,
                set: definition,
            }
            | Operation::AddElements {
                set: name,
                definition,
                ..
            }
            | Operation::DeleteElements {
                set: name,
                definition,
                ..
            } = operation
            {
                known.insert(name.clone(), definition.interval);
            }
        }
        for set in operations.iter().flat_map(number_lookups) {
            if !known.contains_key(set)
                && let Some(interval) = self.is_interval_set(table, set)?
            {
                known.insert(set.to_owned(), interval);
            }
        }
        Ok(known)
    }

    /// Sends in one system call, after making room for it.
    fn send(&self, batch: &Batch) -> Result<(), ApplyError> {
        let bytes = batch.bytes.len();
        let limit = self.send_limit(bytes)?;
        if bytes > limit {
            return Err(ApplyError::BatchTooLarge { bytes, limit });
        }
        match self.socket.send(&batch.bytes) {
            Err(SocketError::Send { source, .. })
                if source.raw_os_error() == Some(libc::EMSGSIZE) =>
            {
                Err(ApplyError::BatchTooLarge { bytes, limit })
            }
            sent => Ok(sent?),
        }
    }

    /// How much one send can carry, raised to `bytes` if the kernel allows it.
    fn send_limit(&self, bytes: usize) -> Result<usize, SocketError> {
        let limit = || {
            let size = getsockopt(&self.socket, sockopt::SndBuf);
            size.map(|size| size.saturating_sub(SEND_RESERVE))
                .map_err(|errno| SocketError::Open(errno.into()))
        };
        let current = limit()?;
        if bytes <= current {
            return Ok(current);
        }
        let wanted = bytes + SEND_RESERVE;
        // Forcing takes CAP_NET_ADMIN in the first user namespace; without it `wmem_max` caps.
        if setsockopt(&self.socket, sockopt::SndBufForce, &wanted).is_err() {
            let set = setsockopt(&self.socket, sockopt::SndBuf, &wanted);
            set.map_err(|errno| SocketError::Open(errno.into()))?;
        }
        limit()
    }

    /// Reads the kernel's answers, which are all there once the send has returned.
    fn outcome(
        &mut self,
        table: &str,
        operations: &[Operation],
        sequence: u32,
        batch: &Batch,
    ) -> Result<(), ApplyError> {
        let mut answers = Answers::new(sequence, batch.origins.len());
        self.socket.drain(|message| answers.take(message))?;
        let Some((position, refused)) = answers.refused else {
            return if answers.confirmed {
                Ok(())
            } else {
                Err(ApplyError::Unconfirmed)
            };
        };
        let origin = position
            .checked_sub(1)
            .and_then(|index| batch.origins.get(index));
        let operation = match origin {
            Some(origin) => {
                let element = refused.offset.and_then(|offset| origin.element_at(offset));
                name(table, operations, origin.operation, element)
            }
            None => format!("the transaction on table `{table}`"),
        };
        Err(ApplyError::Refused {
            operation,
            errno: refused.errno,
            message: refused.message,
        })
    }
}

fn name(table: &str, operations: &[Operation], index: usize, element: Option<usize>) -> String {
    operations.get(index).map_or_else(
        || format!("the transaction on table `{table}`"),
        |operation| describe(table, operation, element),
    )
}

fn message_bound(operations: &[Operation]) -> u32 {
    let messages = operations
        .iter()
        .map(|operation| operation.elements().unwrap_or(1));
    let messages: usize = messages.sum();
    u32::try_from(messages + 2).unwrap_or(u32::MAX)
}

/// The sets in which a rule looks up keys whose byte order depends on the set.
fn number_lookups(operation: &Operation) -> Vec<&str> {
    let Operation::AddRule { rule, .. } = operation else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for statement in &rule.statements {
        let (key, set) = match statement {
            Statement::Match {
                left,
                right: Operand::Set(set),
                ..
            } => (left, Some(set)),
            Statement::Match { left, .. } => (left, None),
            Statement::VerdictMap { key, map } => (key, Some(map)),
            Statement::SetPriority(value) => (value, None),
            Statement::DestinationNat { target, .. } => (target, None),
            Statement::Remember {
                key, value, map, ..
            }
            | Statement::Forget { key, value, map } => {
                inner_lookups(value, &mut found);
                (key, Some(map))
            }
            Statement::Masquerade
            | Statement::NoTrack
            | Statement::Reject
            | Statement::Reset
            | Statement::Limit(_)
            | Statement::Log(_)
            | Statement::Verdict(_) => continue,
        };
        found.extend(
            set.filter(|_| rule::needs_definition(key))
                .map(String::as_str),
        );
        inner_lookups(key, &mut found);
    }
    found
}

fn inner_lookups<'a>(expression: &'a Expression, found: &mut Vec<&'a str>) {
    if let Expression::Map { key, map } = expression {
        found.extend(rule::needs_definition(key).then_some(map.as_str()));
        inner_lookups(key, found);
    }
}

/// The answers to a batch.
#[derive(Debug)]
struct Answers {
    /// Sequence number of the begin; message `n` of the batch has this plus `n`.
    sequence: u32,
    messages: usize,
    confirmed: bool,
    /// The first refused message by position, 0 for the batch as a whole.
    refused: Option<(usize, KernelError)>,
}

impl Answers {
    fn new(sequence: u32, messages: usize) -> Self {
        Self {
            sequence,
            messages,
            confirmed: false,
            refused: None,
        }
    }

    fn take(&mut self, message: &crate::socket::Message) {
        use crate::socket::Kind;
        let position = message.sequence.wrapping_sub(self.sequence);
        let Ok(position) = usize::try_from(position) else {
            return;
        };
        if position > self.messages + 1 {
            return; // an answer to something earlier
        }
        match message.classify() {
            Ok(Kind::Acknowledged) => self.confirmed |= position == self.messages,
            Ok(Kind::Refused(refused)) => self.keep_first(position, refused),
            Ok(Kind::Data | Kind::Noop | Kind::Done) => {}
            Err(_) => {
                let refused = KernelError {
                    errno: Errno::EPROTO,
                    message: None,
                    offset: None,
                };
                self.keep_first(position, refused);
            }
        }
    }

    /// A refused message says more than the failure of the batch that follows from it.
    fn keep_first(&mut self, position: usize, refused: KernelError) {
        let better = match &self.refused {
            None => true,
            Some((known, _)) => position > 0 && (*known == 0 || position < *known),
        };
        if better {
            self.refused = Some((position, refused));
        }
    }
}
