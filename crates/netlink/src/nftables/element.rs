use std::time::Duration;

use ringfence_ruleset::{Datum, Element, Key, Set, SetKind, Value, Verdict};

use super::EncodeError;
use super::constants::{data, element, userdata};
use super::datum::{self, ByteOrder};
use crate::attribute::Writer;

/// Longest comment of an element or rule in bytes: one byte of its stored length counts the NUL.
const COMMENT: usize = 254;

/// Writes one element as the kernel wants it: two list entries for a range of a one-field interval
/// set (the second half-open end left out at the maximum), one for anything else.
pub(super) fn write(
    writer: &mut Writer,
    set: &Set,
    key: &Key,
    element: Option<&Element>,
    lifetime: Option<Duration>,
) -> Result<(), EncodeError> {
    let order = ByteOrder::of_keys(set.interval);
    let first = datum::encode(&set.key, &key.first, order)?;
    let extra = element
        .map(|element| Extra::of(set, element, lifetime))
        .transpose()?;
    if !set.interval {
        if !key.is_point() {
            return Err(EncodeError::RangeInPlainSet(
                datum::DisplayKey(key).to_string(),
            ));
        }
        entry(writer, &first, None, extra.as_ref());
        return Ok(());
    }
    let last = datum::encode(&set.key, &key.last, order)?;
    if first > last {
        return Err(EncodeError::EmptyRange(datum::DisplayKey(key).to_string()));
    }
    let concatenated = set.key.len() > 1;
    let end = concatenated.then_some(last.as_slice());
    entry(writer, &first, end, extra.as_ref());
    if !concatenated && let Some(after) = successor(last) {
        interval_end(writer, &after);
    }
    Ok(())
}

fn entry(writer: &mut Writer, key: &[u8], end: Option<&[u8]>, extra: Option<&Extra<'_>>) {
    writer.nest(element::LIST_ELEMENT, |writer| {
        writer.nest(element::KEY, |writer| writer.put(data::VALUE, key));
        if let Some(end) = end {
            writer.nest(element::KEY_END, |writer| writer.put(data::VALUE, end));
        }
        if let Some(extra) = extra {
            extra.write(writer);
        }
    });
}

fn interval_end(writer: &mut Writer, key: &[u8]) {
    writer.nest(element::LIST_ELEMENT, |writer| {
        writer.be32(element::FLAGS, element::FLAG_INTERVAL_END);
        writer.nest(element::KEY, |writer| writer.put(data::VALUE, key));
    });
}

/// The next number, big-endian; `None` after the highest.
pub(super) fn successor(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(bytes);
        }
    }
    None
}

/// The number before, big-endian; `None` before zero.
pub(super) fn predecessor(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_sub(1);
        if *byte != u8::MAX {
            return Some(bytes);
        }
    }
    None
}

/// What an element carries besides its key.
struct Extra<'a> {
    data: Data<'a>,
    /// Milliseconds.
    lifetime: Option<u64>,
    comment: Option<Vec<u8>>,
}

enum Data<'a> {
    None,
    Bytes(Vec<u8>),
    Verdict(&'a Verdict),
}

impl<'a> Extra<'a> {
    fn of(
        set: &Set,
        element: &'a Element,
        lifetime: Option<Duration>,
    ) -> Result<Self, EncodeError> {
        let data = match (&set.kind, &element.value) {
            (SetKind::Set, Value::Member) => Data::None,
            (SetKind::Map(types), Value::Data(values)) => Data::Bytes(map_value(types, values)?),
            (SetKind::VerdictMap, Value::Verdict(verdict)) => Data::Verdict(verdict),
            (SetKind::Set | SetKind::Map(_) | SetKind::VerdictMap, _) => {
                return Err(EncodeError::ValueKind);
            }
        };
        let comment = element.comment.as_deref();
        let comment = comment.map(|text| comment_bytes(userdata::ELEMENT_COMMENT, text));
        // The kernel takes 0 for ever.
        let millis = |lifetime: Duration| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        Ok(Self {
            data,
            lifetime: lifetime.map(|lifetime| millis(lifetime).max(1)),
            comment: comment.transpose()?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        match &self.data {
            Data::None => {}
            Data::Bytes(bytes) => {
                writer.nest(element::DATA, |writer| writer.put(data::VALUE, bytes));
            }
            Data::Verdict(verdict) => {
                writer.nest(element::DATA, |writer| write_verdict(writer, verdict));
            }
        }
        if let Some(lifetime) = self.lifetime {
            writer.put(element::TIMEOUT, &lifetime.to_be_bytes());
        }
        if let Some(comment) = &self.comment {
            writer.put(element::USERDATA, comment);
        }
    }
}

fn map_value(
    types: &[ringfence_ruleset::DataType],
    values: &[Datum],
) -> Result<Vec<u8>, EncodeError> {
    datum::encode(types, values, ByteOrder::Host)
}

/// Writes a verdict as `struct nft_data`.
pub(super) fn write_verdict(writer: &mut Writer, verdict: &Verdict) {
    let (code, chain) = match verdict {
        Verdict::Accept => (data::ACCEPT, None),
        Verdict::Drop => (data::DROP, None),
        Verdict::Return => (data::RETURN, None),
        Verdict::Continue => (data::CONTINUE, None),
        Verdict::Jump(chain) => (data::JUMP, Some(chain)),
        Verdict::Goto(chain) => (data::GOTO, Some(chain)),
    };
    writer.nest(data::VERDICT, |writer| {
        writer.be32(data::VERDICT_CODE, code);
        if let Some(chain) = chain {
            writer.text(data::VERDICT_CHAIN, chain);
        }
    });
}

/// A comment as user data: type, length, text, NUL.
pub(super) fn comment_bytes(kind: u8, text: &str) -> Result<Vec<u8>, EncodeError> {
    let length = u8::try_from(text.len() + 1)
        .ok()
        .filter(|_| text.len() < COMMENT && !text.contains('\0'))
        .ok_or_else(|| EncodeError::Comment(text.to_owned()))?;
    let mut bytes = vec![kind, length];
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_carry() {
        assert_eq!(successor(vec![1, 255]), Some(vec![2, 0]));
        assert_eq!(successor(vec![255, 255]), None);
        assert_eq!(predecessor(vec![2, 0]), Some(vec![1, 255]));
        assert_eq!(predecessor(vec![0, 0]), None);
    }

    #[test]
    fn comments_have_a_limit() {
        assert_eq!(comment_bytes(0, "ab").unwrap(), [0, 3, b'a', b'b', 0]);
        assert!(comment_bytes(0, &"a".repeat(253)).is_ok());
        assert!(comment_bytes(0, &"a".repeat(254)).is_err());
        assert!(comment_bytes(0, "a\0b").is_err());
    }
}
