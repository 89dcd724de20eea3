//! Objects from the kernel's attributes. Nothing here trusts its input.

use std::collections::BTreeMap;

use ringfence_ruleset::{
    BaseChain, ChainKind, Counter, DataType, Element, Key, Set, SetKind, Value, Verdict,
};

use super::batch::{HOOKS, type_name};
use super::constants::{chain, data, element, expr, rule, set};
use super::datum::{self, ByteOrder};
use super::element::predecessor;
use super::{ChainState, ReadError, RuleState, disassemble};
use crate::attribute::{Attribute, Attributes};

fn malformed(object: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        object: object.into(),
    }
}

/// The comment in the user data of a table, rule or element, where all have type 0.
pub(super) fn comment(mut bytes: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = bytes {
        let value = rest.get(..usize::from(*length))?;
        if *kind == 0 {
            let text = value.strip_suffix(&[0]).unwrap_or(value);
            return Some(String::from_utf8_lossy(text).into_owned());
        }
        bytes = rest.get(usize::from(*length)..)?;
    }
    None
}

pub(super) fn chain(object: &Attributes<'_>) -> Result<(String, ChainState), ReadError> {
    let name = object
        .find(chain::NAME)
        .ok_or_else(|| malformed("chain"))?
        .text();
    let base = object
        .find(chain::HOOK)
        .map(|hook| base(&name, object, &hook))
        .transpose()?;
    let policy = object.find(chain::POLICY).and_then(|policy| policy.be32());
    let policy_drop = policy == Some(data::DROP);
    Ok((
        name,
        ChainState {
            base,
            policy_drop,
            rules: Vec::new(),
        },
    ))
}

fn base(name: &str, object: &Attributes<'_>, hook: &Attribute<'_>) -> Result<BaseChain, ReadError> {
    let part = |attribute: u16| hook.nested().find(attribute)?.be32();
    let number = part(chain::HOOK_NUMBER).ok_or_else(|| malformed("hook"))?;
    let priority = part(chain::HOOK_PRIORITY).ok_or_else(|| malformed("hook"))?;
    let kind = object
        .find(chain::TYPE)
        .ok_or_else(|| malformed("base chain"))?
        .text();
    let foreign = |what| ReadError::Foreign {
        object: format!("chain `{name}`"),
        what,
    };
    let hook = HOOKS.iter().find(|(_, known)| *known == number);
    let (hook, _) = hook.ok_or_else(|| foreign(format!("hook {number}")))?;
    let kind = [ChainKind::Filter, ChainKind::Nat]
        .into_iter()
        .find(|known| type_name(*known) == kind);
    let kind = kind.ok_or_else(|| foreign("its type".to_owned()))?;
    let priority = i32::from_be_bytes(priority.to_be_bytes());
    Ok(BaseChain {
        kind,
        hook: *hook,
        priority,
    })
}

pub(super) fn rule(
    object: &Attributes<'_>,
    sets: &BTreeMap<String, Set>,
) -> Result<(String, RuleState), ReadError> {
    let chain = object
        .find(rule::CHAIN)
        .ok_or_else(|| malformed("rule"))?
        .text();
    let handle = object
        .find(rule::HANDLE)
        .and_then(|handle| handle.value.first_chunk().copied());
    let handle = u64::from_be_bytes(handle.ok_or_else(|| malformed("rule"))?);
    let comment = object
        .find(rule::USERDATA)
        .and_then(|data| comment(data.value));
    let list = object.find(rule::EXPRESSIONS).map(|list| list.nested());
    let list = list.unwrap_or_else(|| Attributes::new(&[]));
    let statements = disassemble::statements(list, sets);
    Ok((
        chain,
        RuleState {
            handle,
            comment,
            statements,
        },
    ))
}

/// A set without its elements; `None` for the anonymous set of a foreign rule.
pub(super) fn definition(object: &Attributes<'_>) -> Result<Option<(String, Set)>, ReadError> {
    let name = object
        .find(set::NAME)
        .ok_or_else(|| malformed("set"))?
        .text();
    let number = |attribute: u16| object.find(attribute).and_then(|found| found.be32());
    let flags = number(set::FLAGS).unwrap_or(0);
    if flags & set::FLAG_ANONYMOUS != 0 {
        return Ok(None);
    }
    check_flags(&name, flags)?;
    let key = fields(&name, number(set::KEY_TYPE), number(set::KEY_LENGTH))?;
    let data_type = number(set::DATA_TYPE);
    let kind = match data_type {
        _ if flags & set::FLAG_MAP == 0 => SetKind::Set,
        Some(set::TYPE_VERDICT) => SetKind::VerdictMap,
        _ => SetKind::Map(fields(&name, data_type, number(set::DATA_LENGTH))?),
    };
    let size = object
        .find(set::DESCRIPTION)
        .and_then(|description| description.nested().find(set::DESCRIPTION_SIZE)?.be32());
    let interval = flags & set::FLAG_INTERVAL != 0;
    let dynamic = flags & set::FLAG_EVAL != 0;
    let timed = flags & set::FLAG_TIMEOUT != 0 && !dynamic;
    let counted = is_counted(&name, object)?;
    Ok(Some((
        name,
        Set {
            key,
            kind,
            interval,
            counted,
            dynamic,
            timed,
            size,
            elements: BTreeMap::new(),
        },
    )))
}

/// Whether elements count; whatever else they might do is foreign.
fn is_counted(name: &str, object: &Attributes<'_>) -> Result<bool, ReadError> {
    let Some(expression) = object.find(set::EXPRESSION) else {
        return Ok(false);
    };
    let expression = expression.nested().find(expr::NAME);
    let expression = expression.map(|name| name.text()).unwrap_or_default();
    if expression == expr::COUNTER {
        return Ok(true);
    }
    Err(ReadError::Foreign {
        object: format!("set `{name}`"),
        what: format!("elements with `{expression}`"),
    })
}

fn check_flags(name: &str, flags: u32) -> Result<(), ReadError> {
    let written = set::FLAG_EVAL | set::FLAG_TIMEOUT;
    let known = match flags & written == written {
        true => set::FLAG_MAP | written,
        false => set::FLAG_INTERVAL | set::FLAG_MAP | set::FLAG_CONCAT | set::FLAG_TIMEOUT,
    };
    let unknown = flags & !known;
    if unknown == 0 {
        return Ok(());
    }
    Err(ReadError::Foreign {
        object: format!("set `{name}`"),
        what: format!("flags {unknown:#x}"),
    })
}

fn fields(
    name: &str,
    number: Option<u32>,
    length: Option<u32>,
) -> Result<Vec<DataType>, ReadError> {
    let number = number.unwrap_or(0);
    let unknown = || ReadError::UnknownType {
        set: name.to_owned(),
        number,
    };
    let fields = datum::fields_of(number).ok_or_else(unknown)?;
    let expected = datum::total_length(&fields);
    if length.and_then(|length| usize::try_from(length).ok()) != Some(expected) {
        return Err(unknown());
    }
    Ok(fields)
}

/// What a set holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) elements: BTreeMap<Key, Element>,
    pub(super) counters: BTreeMap<Key, Counter>,
}

/// The elements of a set from the list entries of its dump.
pub(super) fn elements<'a>(
    name: &str,
    set: &Set,
    entries: impl Iterator<Item = Attribute<'a>>,
) -> Result<Contents, ReadError> {
    let broken = || malformed(format!("element of set `{name}`"));
    let mut raw = Vec::new();
    for entry in entries {
        let fields = entry.nested();
        let flags = fields
            .find(element::FLAGS)
            .and_then(|flags| flags.be32())
            .unwrap_or(0);
        if let Some(what) = strange(set, &fields, flags) {
            let (object, what) = (format!("set `{name}`"), what.to_owned());
            return Err(ReadError::Foreign { object, what });
        }
        raw.push(RawElement::read(set, &fields, flags).ok_or_else(broken)?);
    }
    let counters = counters(set, &raw);
    let elements = if set.interval && set.key.len() == 1 {
        join_ranges(set, raw)
    } else {
        raw.into_iter().map(|raw| raw.whole(set)).collect()
    };
    Ok(Contents {
        elements: elements.ok_or_else(broken)?,
        counters: counters.ok_or_else(broken)?,
    })
}

/// What the elements have counted; those of one-field ranges, whose ends count nothing, are left out.
fn counters(set: &Set, raw: &[RawElement]) -> Option<BTreeMap<Key, Counter>> {
    if set.interval && set.key.len() == 1 {
        return Some(BTreeMap::new());
    }
    let counted = raw.iter().filter_map(|raw| Some((raw, raw.counter?)));
    counted
        .map(|(raw, counter)| Some((raw.key(set)?, counter)))
        .collect()
}

/// What makes an element one that ringfence never writes: a limit or a quota behind it would decide beside its verdict.
/// A counter in a set whose elements count decides nothing.
fn strange(set: &Set, fields: &Attributes<'_>, flags: u32) -> Option<&'static str> {
    let expression = fields.find(element::EXPRESSION);
    let is_known = match expression {
        Some(expression) => set.counted && counter(expression).is_some(),
        None => true,
    };
    let has_others = fields.find(element::EXPRESSIONS).is_some();
    match flags & element::FLAG_CATCHALL != 0 {
        true => Some("a catch-all element"),
        false => (has_others || !is_known).then_some("an element with an expression"),
    }
}

/// A list entry: a key's bytes, its end in a ranged concatenation, and what stands behind it.
struct RawElement {
    first: Vec<u8>,
    last: Option<Vec<u8>>,
    is_end: bool,
    /// `None` only where `is_end`.
    element: Option<Element>,
    counter: Option<Counter>,
}

impl RawElement {
    fn read(set: &Set, fields: &Attributes<'_>, flags: u32) -> Option<Self> {
        let key = |attribute| {
            fields
                .find(attribute)
                .and_then(|key| Some(key.nested().find(data::VALUE)?.value.to_vec()))
        };
        let is_end = flags & element::FLAG_INTERVAL_END != 0;
        let element = if is_end {
            None
        } else {
            Some(read_element(set, fields)?)
        };
        Some(Self {
            first: key(element::KEY)?,
            last: key(element::KEY_END),
            is_end,
            element,
            counter: fields.find(element::EXPRESSION).and_then(counter),
        })
    }

    fn key(&self, set: &Set) -> Option<Key> {
        let last = self.last.as_deref().unwrap_or(&self.first);
        key(set, &self.first, last)
    }

    fn whole(self, set: &Set) -> Option<(Key, Element)> {
        Some((self.key(set)?, self.element?))
    }
}

/// The counter that an expression is, if it is one.
fn counter(expression: Attribute<'_>) -> Option<Counter> {
    let expression = expression.nested();
    if expression.find(expr::NAME)?.text() != expr::COUNTER {
        return None;
    }
    let data = expression.find(expr::DATA)?.nested();
    Some(Counter {
        packets: data.find(expr::COUNTER_PACKETS)?.be64()?,
        bytes: data.find(expr::COUNTER_BYTES)?.be64()?,
    })
}

fn key(set: &Set, first: &[u8], last: &[u8]) -> Option<Key> {
    let order = ByteOrder::of_keys(set.interval);
    Some(Key::range(
        datum::decode(&set.key, first, order)?,
        datum::decode(&set.key, last, order)?,
    ))
}

fn read_element(set: &Set, fields: &Attributes<'_>) -> Option<Element> {
    let stored = || Some(fields.find(element::DATA)?.nested());
    let value = match &set.kind {
        SetKind::Set => Value::Member,
        SetKind::Map(types) => {
            let bytes = stored()?.find(data::VALUE)?.value;
            Value::Data(datum::decode(types, bytes, ByteOrder::Host)?)
        }
        SetKind::VerdictMap => Value::Verdict(verdict(&stored()?.find(data::VERDICT)?.nested())?),
    };
    let comment = fields
        .find(element::USERDATA)
        .and_then(|data| comment(data.value));
    Some(Element { value, comment })
}

pub(super) fn verdict(fields: &Attributes<'_>) -> Option<Verdict> {
    let chain = || Some(fields.find(data::VERDICT_CHAIN)?.text());
    match fields.find(data::VERDICT_CODE)?.be32()? {
        data::ACCEPT => Some(Verdict::Accept),
        data::DROP => Some(Verdict::Drop),
        data::RETURN => Some(Verdict::Return),
        data::CONTINUE => Some(Verdict::Continue),
        data::JUMP => Some(Verdict::Jump(chain()?)),
        data::GOTO => Some(Verdict::Goto(chain()?)),
        _ => None,
    }
}

/// Joins the starts and half-open ends of a one-field interval set. A start without an end reaches to
/// the next start, or to the highest address; an end without a start, which nft writes at 0, means nothing.
fn join_ranges(set: &Set, mut raw: Vec<RawElement>) -> Option<BTreeMap<Key, Element>> {
    raw.sort_by(|a, b| a.first.cmp(&b.first).then(b.is_end.cmp(&a.is_end)));
    let width = datum::total_length(&set.key);
    let mut ranges = BTreeMap::new();
    let mut open: Option<(Vec<u8>, Element)> = None;
    for entry in raw {
        if let Some((first, element)) = open.take() {
            let last = predecessor(entry.first.clone())?;
            ranges.insert(key(set, &first, &last)?, element);
        }
        open = entry.element.map(|element| (entry.first, element));
    }
    if let Some((first, element)) = open {
        ranges.insert(key(set, &first, &vec![u8::MAX; width])?, element);
    }
    Some(ranges)
}

#[cfg(test)]
mod tests;
