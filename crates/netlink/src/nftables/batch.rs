//! Operations as one atomic batch of messages, and the way back from a message to its operation.

mod describe;

use std::time::Duration;

use ringfence_ruleset::{BaseChain, ChainKind, Element, Hook, Key, Operation, Rule, Set};

pub(super) use describe::describe;

use super::EncodeError;
use super::constants::{
    BATCH_BEGIN, BATCH_END, NFPROTO_INET, SUBSYSTEM, chain, element as element_attribute, message,
    msg, rule as rule_attribute, set as set_attribute, table, userdata,
};
use super::rule::IsInterval;
use super::{element, rule, set};
use crate::attribute::Writer;
use crate::socket::{ACK, CREATE, EXCLUSIVE, REQUEST};

/// Bytes of elements in one message: a list attribute holds at most 64 KiB.
const ELEMENTS: usize = 60_000;
/// Longest name of an object (`NFT_NAME_MAXLEN` with its NUL).
const NAME: usize = 255;
/// `NFNL_BATCH_GENID`: the kernel refuses the batch if the ruleset has another generation.
const BATCH_GENERATION: u16 = 1;
const APPEND: u16 = 0x800;
const POLICY_ACCEPT: u32 = 1;

/// A batch ready to send.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    /// One for each message between the begin and the end, in the order of their sequence numbers.
    pub(super) origins: Vec<Origin>,
}

/// Where a message comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Index of the operation.
    pub(super) operation: usize,
    /// For messages with elements: index of the first in the operation.
    pub(super) first: usize,
    /// For messages with elements: where each begins, in bytes from the start of the message.
    pub(super) starts: Vec<usize>,
}

impl Origin {
    /// The operation's element in which the kernel's offset lies.
    pub(super) fn element_at(&self, offset: u32) -> Option<usize> {
        let offset = usize::try_from(offset).ok()?;
        let before = self.starts.partition_point(|start| *start <= offset);
        before.checked_sub(1).map(|index| self.first + index)
    }
}

/// Encodes the operations, for the ruleset of this generation only if one is given; the begin has the sequence number `sequence`, the others follow.
///
/// On error, tells the operation by its index, and the element's if it is one.
pub(super) fn encode(
    table: &str,
    operations: &[Operation],
    sequence: u32,
    generation: Option<u32>,
    table_flags: u32,
    is_interval: &IsInterval<'_>,
) -> Result<Batch, Failure> {
    let writer = Writer::default();
    let mut encoder = Encoder {
        writer,
        origins: Vec::new(),
        table,
        sequence,
        last: 0,
        next_set: 1,
        table_flags,
        is_interval,
    };
    encoder.marker(BATCH_BEGIN, generation);
    for (index, operation) in operations.iter().enumerate() {
        encoder.operation(index, operation)?;
    }
    // Errors come unasked, and the kernel goes through the whole batch before it answers.
    encoder.writer.add_flags(encoder.last, ACK);
    encoder.marker(BATCH_END, None);
    let origins = encoder.origins;
    let bytes = encoder
        .writer
        .finish()
        .map_err(|_| (0, None, EncodeError::TooLong))?;
    Ok(Batch { bytes, origins })
}

type Failure = (usize, Option<usize>, EncodeError);

/// What messages with elements say of all of them.
#[derive(Clone, Copy)]
struct ElementKind {
    message: u16,
    flags: u16,
    lifetime: Option<Duration>,
}

struct Encoder<'a> {
    writer: Writer,
    origins: Vec<Origin>,
    table: &'a str,
    /// Number of the next message.
    sequence: u32,
    /// Where the last operation's last message begins.
    last: usize,
    /// Kernel-side number of the next new set, unique in the batch.
    next_set: u32,
    /// Of a table that is made or adopted.
    table_flags: u32,
    is_interval: &'a IsInterval<'a>,
}

impl Encoder<'_> {
    fn marker(&mut self, kind: u16, generation: Option<u32>) {
        let sequence = self.take_sequence();
        self.writer.message(kind, REQUEST, sequence, |writer| {
            writer.raw(&header(0, SUBSYSTEM));
            if let Some(generation) = generation {
                writer.be32(BATCH_GENERATION, generation);
            }
        });
    }

    fn take_sequence(&mut self) -> u32 {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }

    fn operation(&mut self, index: usize, operation: &Operation) -> Result<(), Failure> {
        match operation {
            Operation::AddElements {
                set,
                definition,
                elements,
                lifetime,
            } => {
                let count = elements.len();
                let item = |at: usize| elements.get(at).map(|(key, element)| (key, Some(element)));
                let kind = ElementKind {
                    message: msg::NEW_ELEMENTS,
                    flags: CREATE | EXCLUSIVE,
                    lifetime: *lifetime,
                };
                self.elements(index, kind, set, definition, count, item)
            }
            Operation::DeleteElements {
                set,
                definition,
                keys,
            } => {
                let item = |at: usize| keys.get(at).map(|key| (key, None));
                let kind = ElementKind {
                    message: msg::DEL_ELEMENTS,
                    flags: 0,
                    lifetime: None,
                };
                self.elements(index, kind, set, definition, keys.len(), item)
            }
            Operation::AddTable { .. }
            | Operation::DeleteTable
            | Operation::AddChain { .. }
            | Operation::DeleteChain { .. }
            | Operation::FlushChain { .. }
            | Operation::AddRule { .. }
            | Operation::AddSet { .. }
            | Operation::DeleteSet { .. } => self
                .single(index, operation)
                .map_err(|error| (index, None, error)),
        }
    }

    /// An operation that is one message.
    fn single(&mut self, index: usize, operation: &Operation) -> Result<(), EncodeError> {
        let (kind, flags) = kind_and_flags(operation);
        let start = self.begin(kind, flags);
        self.body(operation)?;
        self.end(
            start,
            Origin {
                operation: index,
                first: 0,
                starts: Vec::new(),
            },
        )
    }

    fn body(&mut self, operation: &Operation) -> Result<(), EncodeError> {
        check_name(self.table)?;
        // Every message names its table in attribute 1.
        self.writer.text(table::NAME, self.table);
        let writer = &mut self.writer;
        match operation {
            Operation::AddTable { comment } => {
                add_table(writer, self.table_flags, comment.as_deref())
            }
            Operation::DeleteTable => Ok(()),
            Operation::AddChain { name, base } => add_chain(writer, name, base.as_ref()),
            Operation::DeleteChain { name } => named(writer, chain::NAME, name),
            Operation::FlushChain { name } => named(writer, rule_attribute::CHAIN, name),
            Operation::AddRule { chain, rule } => add_rule(writer, chain, rule, self.is_interval),
            Operation::AddSet { name, set } => {
                check_name(name)?;
                let id = self.next_set;
                self.next_set = id.wrapping_add(1);
                set::write(writer, name, set, id)
            }
            Operation::DeleteSet { name } => named(writer, set_attribute::NAME, name),
            // Written by `elements`.
            Operation::AddElements { .. } | Operation::DeleteElements { .. } => Ok(()),
        }
    }

    /// Writes elements into as many messages as they need.
    fn elements<'e>(
        &mut self,
        index: usize,
        kind: ElementKind,
        name: &str,
        definition: &Set,
        count: usize,
        item: impl Fn(usize) -> Option<(&'e Key, Option<&'e Element>)>,
    ) -> Result<(), Failure> {
        check_name(name).map_err(|error| (index, None, error))?;
        let mut next = 0;
        while next < count {
            let start = self.begin(kind.message, kind.flags);
            self.writer.text(element_attribute::LIST_TABLE, self.table);
            self.writer.text(element_attribute::LIST_SET, name);
            let mut origin = Origin {
                operation: index,
                first: next,
                starts: Vec::new(),
            };
            let list = self.writer.open_nested(element_attribute::LIST_ELEMENTS);
            while self.writer.len() - list < ELEMENTS
                && let Some((key, element)) = item(next)
            {
                origin.starts.push(self.writer.len() - start);
                element::write(&mut self.writer, definition, key, element, kind.lifetime)
                    .map_err(|error| (index, Some(next), error))?;
                next += 1;
            }
            self.writer.close(list);
            self.end(start, origin)
                .map_err(|error| (index, None, error))?;
        }
        Ok(())
    }

    fn begin(&mut self, kind: u16, flags: u16) -> usize {
        let sequence = self.take_sequence();
        let start = self
            .writer
            .begin_message(message(kind), REQUEST | flags, sequence);
        self.writer.raw(&header(NFPROTO_INET, 0));
        start
    }

    fn end(&mut self, start: usize, origin: Origin) -> Result<(), EncodeError> {
        self.writer.end_message(start);
        self.last = start;
        self.origins.push(origin);
        if self.writer.overflowed() {
            Err(EncodeError::TooLong)
        } else {
            Ok(())
        }
    }
}

/// `struct nfgenmsg`: family, version, resource in network order.
pub(super) fn header(family: u8, resource: u16) -> [u8; 4] {
    let [high, low] = resource.to_be_bytes();
    [family, 0, high, low]
}

/// Objects are made with `EXCLUSIVE`: a transaction is computed against a known state, and must not
/// merge silently with something else of the same name. Only the table may be there.
fn kind_and_flags(operation: &Operation) -> (u16, u16) {
    match operation {
        Operation::AddTable { .. } => (msg::NEW_TABLE, CREATE),
        Operation::DeleteTable => (msg::DEL_TABLE, 0),
        Operation::AddChain { .. } => (msg::NEW_CHAIN, CREATE | EXCLUSIVE),
        Operation::DeleteChain { .. } => (msg::DEL_CHAIN, 0),
        Operation::FlushChain { .. } => (msg::DEL_RULE, 0),
        Operation::AddRule { .. } => (msg::NEW_RULE, CREATE | APPEND),
        Operation::AddSet { .. } => (msg::NEW_SET, CREATE | EXCLUSIVE),
        Operation::DeleteSet { .. } => (msg::DEL_SET, 0),
        Operation::AddElements { .. } => (msg::NEW_ELEMENTS, CREATE | EXCLUSIVE),
        Operation::DeleteElements { .. } => (msg::DEL_ELEMENTS, 0),
    }
}

fn check_name(name: &str) -> Result<(), EncodeError> {
    if name.is_empty() || name.len() > NAME || name.contains('\0') {
        return Err(EncodeError::Name(name.to_owned()));
    }
    Ok(())
}

fn named(writer: &mut Writer, attribute: u16, name: &str) -> Result<(), EncodeError> {
    check_name(name)?;
    writer.text(attribute, name);
    Ok(())
}

fn add_table(writer: &mut Writer, flags: u32, comment: Option<&str>) -> Result<(), EncodeError> {
    writer.be32(table::FLAGS, flags);
    if let Some(comment) = comment {
        let bytes = element::comment_bytes(userdata::TABLE_COMMENT, comment)?;
        writer.put(table::USERDATA, &bytes);
    }
    Ok(())
}

fn add_chain(writer: &mut Writer, name: &str, base: Option<&BaseChain>) -> Result<(), EncodeError> {
    named(writer, chain::NAME, name)?;
    let Some(base) = base else { return Ok(()) };
    writer.nest(chain::HOOK, |writer| {
        writer.be32(chain::HOOK_NUMBER, hook_number(base.hook));
        writer.put(chain::HOOK_PRIORITY, &base.priority.to_be_bytes());
    });
    writer.be32(chain::POLICY, POLICY_ACCEPT);
    writer.text(chain::TYPE, type_name(base.kind));
    Ok(())
}

fn add_rule(
    writer: &mut Writer,
    chain: &str,
    rule: &Rule,
    is_interval: &IsInterval<'_>,
) -> Result<(), EncodeError> {
    named(writer, rule_attribute::CHAIN, chain)?;
    let list = writer.open_nested(rule_attribute::EXPRESSIONS);
    rule::write(writer, rule, is_interval)?;
    writer.close(list);
    if let Some(comment) = &rule.comment {
        let bytes = element::comment_bytes(userdata::RULE_COMMENT, comment)?;
        writer.put(rule_attribute::USERDATA, &bytes);
    }
    Ok(())
}

/// Hook numbers of family `inet` (`enum nf_inet_hooks`, `linux/netfilter.h`).
pub(super) const HOOKS: [(Hook, u32); 5] = [
    (Hook::Prerouting, 0),
    (Hook::Input, 1),
    (Hook::Forward, 2),
    (Hook::Output, 3),
    (Hook::Postrouting, 4),
];

const fn hook_number(hook: Hook) -> u32 {
    match hook {
        Hook::Prerouting => 0,
        Hook::Input => 1,
        Hook::Forward => 2,
        Hook::Output => 3,
        Hook::Postrouting => 4,
    }
}

pub(super) const fn type_name(kind: ChainKind) -> &'static str {
    match kind {
        ChainKind::Filter => "filter",
        ChainKind::Nat => "nat",
    }
}

#[cfg(test)]
mod tests;
