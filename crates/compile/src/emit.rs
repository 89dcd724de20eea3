//! Elements into the table, their origins beside it, and what a transaction must do for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::Direction;
use ringfence_net::{Family, Protocol};
use ringfence_ruleset::{
    Chain, Datum, Element, Key, Operation, Table, Value, Verdict, diff, fingerprint,
};

use crate::balance::Balance;
use crate::layout::{self, Pass, direction_set};
use crate::peer::canonical;
use crate::policy::{Extent, Row};
use crate::portion::{Portions, Touched, divide};
use crate::report::Record;
use crate::span::{Span, address};
use crate::{Capacity, CompileError, Compiled, ObjectRef, Origin};

/// A table on its way, and the way.
#[derive(Debug)]
pub(crate) struct Emitter {
    pub(crate) compiled: Compiled,
    /// What stood behind the keys that were touched, by set.
    before: Touched,
    /// The balance chains that were touched, and whether they were there.
    chains: BTreeMap<String, bool>,
    origin: Before,
}

/// What was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Some table, which nobody can say anything of.
    Unknown,
    /// The table that is being changed.
    Table,
}

/// How the layout of a table compares with what was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// There was no table.
    New,
    /// It is another one: the table must be replaced.
    Other,
    Same,
}

/// Whose entries, and about whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) direction: Direction,
    pub(crate) pass: Pass,
    pub(crate) subject: IpAddr,
    /// The class.
    pub(crate) number: u32,
}

impl Emitter {
    pub(crate) fn new(record: Record) -> Self {
        let mut emitter = Self {
            compiled: Compiled {
                table: layout::skeleton(record),
                record,
                origins: BTreeMap::new(),
                unknown: Vec::new(),
                refused: Vec::new(),
            },
            before: BTreeMap::new(),
            chains: BTreeMap::new(),
            origin: Before::Nothing,
        };
        Balance::usual().for_each(|balance| emitter.insert_balance(balance));
        emitter
    }

    /// A table in the place of one that nobody can say anything of.
    pub(crate) fn replacing(record: Record) -> Self {
        Self {
            origin: Before::Unknown,
            ..Self::new(record)
        }
    }

    /// Puts an element in the place of what is behind its key.
    pub(crate) fn put(&mut self, set: &str, key: Key, value: Value, comment: Option<String>) {
        let Some(found) = self.compiled.table.sets.get_mut(set) else {
            return;
        };
        let element = Element { value, comment };
        if self.origin != Before::Table {
            found.elements.insert(key, element);
        } else if found.elements.get(&key) != Some(&element) {
            let old = found.elements.insert(key.clone(), element);
            self.note(set, key, old);
        }
    }

    /// Takes an element out.
    pub(crate) fn remove(&mut self, set: &str, key: &Key) {
        let found = self.compiled.table.sets.get_mut(set);
        if let Some((key, old)) = found.and_then(|set| set.elements.remove_entry(key)) {
            self.note(set, key, Some(old));
        }
    }

    fn note(&mut self, set: &str, key: Key, old: Option<Element>) {
        if self.origin != Before::Table {
            return;
        }
        match self.before.get_mut(set) {
            Some(keys) => {
                keys.entry(key).or_insert(old);
            }
            None => {
                self.before
                    .insert(set.to_owned(), BTreeMap::from([(key, old)]));
            }
        }
    }

    /// Puts a member into a set.
    pub(crate) fn member(&mut self, set: &str, fields: Vec<Datum>, comment: Option<String>) {
        self.put(set, Key::point(fields), Value::Member, comment);
    }

    /// Puts an element that policies cause.
    pub(crate) fn put_with_origins(
        &mut self,
        set: &str,
        key: Key,
        value: Value,
        comment: String,
        origins: Vec<Origin>,
    ) {
        let element = ObjectRef::Element {
            set: set.to_owned(),
            key: key.clone(),
        };
        self.compiled.origins.insert(element, origins);
        self.put(set, key, value, Some(comment));
    }

    /// Puts what becomes of something.
    pub(crate) fn put_rows(&mut self, mark: Mark, rows: &[Row]) {
        for row in rows {
            let (set, key) = entry_key(mark, row.extent);
            // What follows the lookup denies.
            let verdict = if row.permits {
                Verdict::Return
            } else {
                Verdict::Continue
            };
            let (comment, origins) = (row.comment.clone(), row.origins.clone());
            self.put_with_origins(&set, key, Value::Verdict(verdict), comment, origins);
        }
    }

    /// Takes out what becomes of something.
    pub(crate) fn remove_rows(&mut self, mark: Mark, rows: &[Row]) {
        for row in rows {
            let (set, key) = entry_key(mark, row.extent);
            self.remove_with_origins(&set, &key);
        }
    }

    /// Takes out an element that policies caused.
    pub(crate) fn remove_with_origins(&mut self, set: &str, key: &Key) {
        let element = ObjectRef::Element {
            set: set.to_owned(),
            key: key.clone(),
        };
        self.compiled.origins.remove(&element);
        self.remove(set, key);
    }

    /// Adds a chain that picks a backend, and its number, unless they are always there.
    pub(crate) fn add_balance(&mut self, balance: Balance) {
        if !balance.is_usual() {
            self.insert_balance(balance);
        }
    }

    fn insert_balance(&mut self, balance: Balance) {
        let name = balance.chain_name();
        let verdict = Value::Verdict(Verdict::Goto(name.clone()));
        self.put(layout::BALANCES, balance.key(), verdict, None);
        if let Some(chain) = balance.chain() {
            let chains = &mut self.compiled.table.chains;
            let old = chains.insert(name.clone(), chain);
            self.chains.entry(name).or_insert(old.is_some());
        }
    }

    /// Takes them out.
    pub(crate) fn remove_balance(&mut self, balance: Balance) {
        if balance.is_usual() {
            return;
        }
        self.remove(layout::BALANCES, &balance.key());
        if balance.chain().is_some() {
            let name = balance.chain_name();
            let old = self.compiled.table.chains.remove(&name);
            self.chains.entry(name).or_insert(old.is_some());
        }
    }

    /// Sizes the sets and seals the table with the fingerprint of its layout. Sets never become smaller.
    pub(crate) fn finish(&mut self, capacity: Capacity) -> Result<Layout, CompileError> {
        let layout = match (self.origin, self.size_sets(capacity)?) {
            (Before::Nothing, _) => Layout::New,
            (Before::Unknown, _) | (Before::Table, true) => Layout::Other,
            (Before::Table, false) => Layout::Same,
        };
        match layout {
            Layout::New | Layout::Other => {
                let record = self.compiled.record;
                seal(&mut self.compiled.table, record);
            }
            Layout::Same => {}
        }
        self.origin = Before::Table;
        Ok(layout)
    }

    /// The transaction that leads from what was there at the last call to what is there now.
    pub(crate) fn operations(&mut self, layout: Layout) -> Vec<Operation> {
        let before = std::mem::take(&mut self.before);
        let chains = std::mem::take(&mut self.chains);
        match layout {
            Layout::New => diff(None, &self.compiled.table),
            Layout::Other => {
                let mut operations = vec![Operation::DeleteTable];
                operations.append(&mut diff(None, &self.compiled.table));
                operations
            }
            Layout::Same => operations(&before, &chains, &self.compiled.table),
        }
    }

    /// The same in transactions of at most so many elements, as far as each of them leads to a safe state.
    pub(crate) fn portions(&mut self, layout: Layout, most: usize) -> Portions {
        if layout != Layout::Same {
            let main = self.operations(layout);
            return Portions {
                main,
                ..Portions::default()
            };
        }
        let chains = std::mem::take(&mut self.chains);
        let table = &self.compiled.table;
        let division = divide(std::mem::take(&mut self.before), table, most);
        let apart = |portions: &[Touched]| {
            let portions = portions.iter();
            portions
                .map(|it| operations(it, &BTreeMap::new(), table))
                .collect()
        };
        Portions {
            first: apart(&division.first),
            main: operations(&division.main, &chains, table),
            last: apart(&division.last),
        }
    }

    /// Keeps each set at least as large as in `live`.
    pub(crate) fn keep_sizes(&mut self, live: &Table) {
        self.compiled.keep_sizes(live);
    }

    fn size_sets(&mut self, capacity: Capacity) -> Result<bool, CompileError> {
        let is_new = self.origin != Before::Table;
        let mut is_resized = false;
        for (name, set) in &mut self.compiled.table.sets {
            if !is_new && !self.before.contains_key(name) {
                continue;
            }
            let count = set.elements.len();
            let has_room = set
                .size
                .is_some_and(|size| count.saturating_mul(2) <= usize::try_from(size).unwrap_or(0));
            if is_new || !has_room {
                let size = Some(capacity.size(name, count)?);
                is_resized |= size > set.size;
                set.size = size.max(set.size);
            }
        }
        Ok(is_resized)
    }
}

/// The transaction of a change that leaves the layout alone, in the order of [`diff`].
fn operations(before: &Touched, chains: &BTreeMap<String, bool>, table: &Table) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut added = Vec::new();
    for (name, keys) in before {
        let Some(set) = table.sets.get(name) else {
            continue;
        };
        let changed = keys
            .iter()
            .filter(|(key, old)| set.elements.get(*key) != old.as_ref());
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for (key, old) in changed {
            if old.is_some() {
                gone.push(key.clone());
            }
            if let Some(element) = set.elements.get(key) {
                come.push((key.clone(), element.clone()));
            }
        }
        if !gone.is_empty() {
            operations.push(Operation::DeleteElements {
                set: name.clone(),
                definition: set.definition(),
                keys: gone,
            });
        }
        if !come.is_empty() {
            added.push(Operation::AddElements {
                set: name.clone(),
                definition: set.definition(),
                elements: come,
                lifetime: None,
            });
        }
    }
    let is_there = |name: &String| table.chains.contains_key(name);
    let come = chains.iter().filter(|(name, was)| !**was && is_there(name));
    let come: BTreeSet<&String> = come.map(|(name, _)| name).collect();
    let gone = chains.iter().filter(|(name, was)| **was && !is_there(name));
    let gone: BTreeSet<&String> = gone.map(|(name, _)| name).collect();
    operations.extend(come.iter().map(|name| Operation::AddChain {
        name: (*name).clone(),
        base: None,
    }));
    operations.extend(gone.iter().map(|name| Operation::FlushChain {
        name: (*name).clone(),
    }));
    let filled = come
        .iter()
        .filter_map(|name| table.chains.get_key_value(*name));
    operations.extend(filled.flat_map(|(name, chain)| rules_of(name, chain)));
    operations.append(&mut added);
    operations.extend(gone.iter().map(|name| Operation::DeleteChain {
        name: (*name).clone(),
    }));
    operations
}

fn rules_of<'a>(name: &'a str, chain: &'a Chain) -> impl Iterator<Item = Operation> + 'a {
    chain.rules.iter().map(|rule| Operation::AddRule {
        chain: name.to_owned(),
        rule: rule.clone(),
    })
}

/// Writes the fingerprint of the layout into the table's comment. Balance chains come and go with Services and do
/// not count.
pub(crate) fn seal(table: &mut Table, record: Record) {
    let sizes = table.sets.iter();
    let fixed = Table {
        sets: sizes
            .map(|(name, set)| (name.clone(), set.definition()))
            .collect(),
        ..layout::skeleton(record)
    };
    table.comment = Some(format!("ringfence layout {}", fingerprint(&fixed)));
}

/// The key of what an address sends to itself.
pub(crate) fn twice(address: IpAddr) -> Key {
    Key::point(vec![Datum::Address(address); 2])
}

pub(crate) fn span_key(family: Family, span: Span) -> Key {
    Key::range(
        vec![Datum::Address(address(family, span.first))],
        vec![Datum::Address(address(family, span.last))],
    )
}

/// The set and key of an entry.
pub(crate) fn entry_key(mark: Mark, extent: Extent) -> (String, Key) {
    let Mark {
        direction,
        pass,
        subject,
        number,
    } = mark;
    let set = |stem| {
        let stem = format!("{}{stem}", pass.infix());
        direction_set(direction, &stem, Family::of(subject))
    };
    let peer = vec![Datum::Address(subject), Datum::Number(number)];
    let Extent::Ports(protocol, range) = extent else {
        return (set("-peers"), Key::point(peer));
    };
    let with = |port: u16| {
        let mut fields = peer.clone();
        fields.push(protocol_datum(protocol));
        fields.push(Datum::Port(port));
        fields
    };
    let stem = if range.first() == range.last() {
        "-ports"
    } else {
        "-ranges"
    };
    let key = Key::range(with(range.first()), with(range.last()));
    (set(stem), key)
}

pub(crate) const fn protocol_datum(protocol: Protocol) -> Datum {
    Datum::Byte(protocol.number())
}

/// The addresses of a backend or Service, as they are compared.
pub(crate) fn first_of_family(addresses: &[IpAddr], family: Family) -> Option<IpAddr> {
    canonical(addresses)
        .into_iter()
        .find(|address| Family::of(*address) == family)
}
