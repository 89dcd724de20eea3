use std::fmt::{Display, Formatter, Result};

use super::datum::{print_datum, print_field};
use super::key_bytes;
use crate::{Counter, DataType, Datum, Element, Key, Set, SetKind, Value};

impl Set {
    /// The type as nft writes it: `ipv4_addr . classid`, or `ipv4_addr : verdict` for a map.
    #[must_use]
    pub fn type_text(&self) -> String {
        let key = join_types(&self.key);
        match &self.kind {
            SetKind::Set => key,
            SetKind::Map(value) => format!("{key} : {}", join_types(value)),
            SetKind::VerdictMap => format!("{key} : verdict"),
        }
    }

    /// The lines of the definition as nft writes them: type, size, flags and counter.
    #[must_use]
    pub fn definition_lines(&self) -> Vec<String> {
        let size = self.size.map(|size| format!("size {size}"));
        let flags = [
            (self.interval, "interval"),
            (self.dynamic, "dynamic"),
            (self.dynamic || self.timed, "timeout"),
        ];
        let flags = flags.iter().filter(|(is, _)| *is);
        let flags: Vec<&str> = flags.map(|(_, flag)| *flag).collect();
        let flags = (!flags.is_empty()).then(|| format!("flags {}", flags.join(",")));
        let counter = self.counted.then(|| "counter".to_owned());
        let lines = [
            Some(format!("type {}", self.type_text())),
            size,
            flags,
            counter,
        ];
        lines.into_iter().flatten().collect()
    }

    /// A key of this set as nft writes it: `10.1.0.8 . 0:7 . tcp . 80-90`.
    #[must_use]
    pub fn key_text(&self, key: &Key) -> String {
        KeyText { set: self, key }.to_string()
    }

    /// An element of this set as nft writes it, without counter: `10.1.0.8 comment "demo/web" : continue`.
    #[must_use]
    pub fn element_text(&self, key: &Key, element: &Element) -> String {
        ElementText {
            set: self,
            key,
            element,
        }
        .to_string()
    }
}

struct ElementText<'a> {
    set: &'a Set,
    key: &'a Key,
    element: &'a Element,
}

impl Display for ElementText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        print_element(f, self.set, self.key, self.element, None)
    }
}

struct KeyText<'a> {
    set: &'a Set,
    key: &'a Key,
}

impl Display for KeyText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let fields = self.key.first.iter().zip(self.key.last.iter());
        for (index, (kind, (first, last))) in self.set.key.iter().zip(fields).enumerate() {
            f.write_str(if index == 0 { "" } else { " . " })?;
            print_field(f, *kind, first, last)?;
        }
        Ok(())
    }
}

fn join_types(types: &[DataType]) -> String {
    let names: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
    names.join(" . ")
}

impl DataType {
    /// The name in nft text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4Address => "ipv4_addr",
            Self::Ipv6Address => "ipv6_addr",
            Self::InetProto => "inet_proto",
            Self::InetService => "inet_service",
            Self::ClassId => "classid",
            Self::Mark => "mark",
            Self::InterfaceName => "ifname",
            Self::Cgroup => "cgroupsv2",
        }
    }
}

pub(super) fn print_elements(f: &mut Formatter<'_>, set: &Set) -> Result {
    if set.elements.is_empty() {
        return Ok(());
    }
    f.write_str("\t\telements = { ")?;
    let per_line = elements_per_line(&set.key);
    for (index, (key, element)) in in_listing_order(set).into_iter().enumerate() {
        f.write_str(match index {
            0 => "",
            _ if index % per_line == 0 => ",\n\t\t\t     ",
            _ => ", ",
        })?;
        let counter = set.counted.then(Counter::default);
        print_element(f, set, key, element, counter)?;
    }
    f.write_str(" }\n")
}

fn print_element(
    f: &mut Formatter<'_>,
    set: &Set,
    key: &Key,
    element: &Element,
    counter: Option<Counter>,
) -> Result {
    write!(f, "{}", KeyText { set, key })?;
    if let Some(Counter { packets, bytes }) = counter {
        write!(f, " counter packets {packets} bytes {bytes}")?;
    }
    if let Some(comment) = &element.comment {
        write!(f, " comment \"{comment}\"")?;
    }
    match (&element.value, &set.kind) {
        (Value::Member, _) => Ok(()),
        (Value::Verdict(verdict), _) => write!(f, " : {verdict}"),
        (Value::Data(fields), SetKind::Map(types)) => print_data(f, types, fields),
        (Value::Data(fields), SetKind::Set | SetKind::VerdictMap) => print_data(f, &[], fields),
    }
}

fn print_data(f: &mut Formatter<'_>, types: &[DataType], fields: &[Datum]) -> Result {
    let mut separator = " : ";
    for (kind, field) in types.iter().zip(fields) {
        f.write_str(separator)?;
        print_datum(f, *kind, field)?;
        separator = " . ";
    }
    Ok(())
}

/// How many elements nft puts on a line, by the type of the key.
const fn elements_per_line(key: &[DataType]) -> usize {
    match key {
        [DataType::Ipv4Address] => 2,
        [DataType::InetProto | DataType::InetService | DataType::ClassId | DataType::Mark] => 5,
        _ => 1,
    }
}

/// Elements in the order in which nft lists them: by number, or from the last byte of a concatenation backwards.
/// Concatenated ranges stay in the order in which they were added.
fn in_listing_order(set: &Set) -> Vec<(&Key, &Element)> {
    let mut elements: Vec<_> = set.elements.iter().collect();
    let by_bytes = match set.key.as_slice() {
        [DataType::InterfaceName] => true,
        [_] => false,
        _ => !set.interval,
    };
    if by_bytes {
        elements.sort_by_cached_key(|(key, _)| reversed_bytes(key));
    }
    elements
}

fn reversed_bytes(key: &Key) -> Vec<u8> {
    let mut bytes: Vec<u8> = key.first.iter().flat_map(key_bytes).collect();
    bytes.reverse();
    bytes
}
