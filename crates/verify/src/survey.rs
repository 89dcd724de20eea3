//! What the chains of a hook tell packets apart by.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::Family;
use ringfence_ruleset::{
    Datum, Element, Expression, Hook, Key, Operand, Set, Statement, Table, Value, Verdict,
};

use crate::axes::address::{Mark, number, span};
use crate::key::{Part, parts};
use crate::machine::base_chains;
use crate::region::Axis;

/// Where the axes must be cut for a table's sake.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) sources: Vec<Mark>,
    pub(crate) destinations: Vec<Mark>,
    pub(crate) interfaces: BTreeSet<String>,
    pub(crate) interface_prefixes: BTreeSet<String>,
    /// Ports with which a piece begins.
    pub(crate) ports: BTreeSet<u32>,
    /// Numbers given to meanings so far.
    meanings: u32,
}

/// What an element says of the addresses in one of its fields.
type Said<'a> = (
    &'a str,
    usize,
    Vec<(&'a Datum, &'a Datum)>,
    Option<&'a Verdict>,
    &'a [Datum],
);

impl Survey {
    /// A survey of the chains that packets of `family` can meet at `hook`.
    pub(crate) fn new(table: &Table, hook: Hook, family: Family) -> Self {
        let mut survey = Self::default();
        let mut known: BTreeMap<Said<'_>, u32> = BTreeMap::new();
        let mut seen: BTreeSet<(&str, usize, Axis)> = BTreeSet::new();
        for (left, right) in tests(table, hook) {
            let parts = parts(left, family).unwrap_or_default();
            match right {
                Right::Operand(operand) => survey.operand(&parts, operand),
                Right::Set(name) => {
                    let Some((name, set)) = table.sets.get_key_value(name) else {
                        continue;
                    };
                    for (field, part) in parts.iter().enumerate() {
                        if let Part::Axis(axis) = part
                            && seen.insert((name, field, *axis))
                        {
                            survey.column((name, field), set, *axis, &mut known);
                        }
                    }
                }
            }
        }
        survey
    }

    /// A number for something that holds for some addresses, as no other mark has it.
    pub(crate) fn meaning(&mut self) -> u32 {
        self.meanings += 1;
        self.meanings
    }

    fn column<'a>(
        &mut self,
        (name, field): (&'a str, usize),
        set: &'a Set,
        axis: Axis,
        known: &mut BTreeMap<Said<'a>, u32>,
    ) {
        for (key, element) in &set.elements {
            let (Some(first), Some(last)) = (key.first.get(field), key.last.get(field)) else {
                continue;
            };
            match (axis, first, last) {
                (Axis::Source | Axis::Destination, Datum::Address(first), Datum::Address(last)) => {
                    let next = self.meanings + 1;
                    let meaning = *known.entry(said(name, field, key, element)).or_insert(next);
                    self.meanings = self.meanings.max(meaning);
                    self.mark(axis, number(*first), number(*last), meaning);
                }
                (_, Datum::Port(first), Datum::Port(last)) => self.port_range(*first, *last),
                (_, Datum::Interface(name), _) => drop(self.interfaces.insert(name.clone())),
                (
                    _,
                    Datum::Address(_)
                    | Datum::Byte(_)
                    | Datum::Number(_)
                    | Datum::Port(_)
                    | Datum::Cgroup(_),
                    _,
                ) => {}
            }
        }
    }

    pub(crate) fn port_range(&mut self, first: u16, last: u16) {
        self.ports.insert(first.into());
        self.ports.insert(u32::from(last) + 1);
    }

    pub(crate) fn mark(&mut self, axis: Axis, first: u128, last: u128, meaning: u32) {
        let mark = Mark {
            first,
            last,
            meaning,
        };
        if axis == Axis::Source {
            self.sources.push(mark);
        } else {
            self.destinations.push(mark);
        }
    }

    fn operand(&mut self, parts: &[Part], operand: &Operand) {
        let axis = match parts {
            [Part::Axis(axis)] => *axis,
            [..] => Axis::State,
        };
        let is_address = matches!(axis, Axis::Source | Axis::Destination);
        match operand {
            Operand::Value(Datum::Address(address)) if is_address => {
                let meaning = self.meaning();
                self.mark(axis, number(*address), number(*address), meaning);
            }
            Operand::Range(Datum::Address(first), Datum::Address(last)) if is_address => {
                let meaning = self.meaning();
                self.mark(axis, number(*first), number(*last), meaning);
            }
            Operand::Prefix(block) if is_address => {
                let (first, last) = span(*block);
                let meaning = self.meaning();
                self.mark(axis, first, last, meaning);
            }
            Operand::Value(Datum::Port(port)) => self.port_range(*port, *port),
            Operand::Range(Datum::Port(first), Datum::Port(last)) => self.port_range(*first, *last),
            Operand::Value(Datum::Interface(name)) => drop(self.interfaces.insert(name.clone())),
            Operand::InterfacePrefix(prefix) => {
                self.interface_prefixes.insert(prefix.clone());
            }
            Operand::Value(_)
            | Operand::Range(_, _)
            | Operand::Prefix(_)
            | Operand::State(_)
            | Operand::TcpFlags { .. }
            | Operand::Set(_) => {}
        }
    }
}

fn said<'a>(name: &'a str, field: usize, key: &'a Key, element: &'a Element) -> Said<'a> {
    let others = key.first.iter().zip(key.last.iter()).enumerate();
    let others = others.filter(|(place, _)| *place != field);
    let (verdict, data): (_, &[Datum]) = match &element.value {
        Value::Member => (None, &[]),
        Value::Data(data) => (None, data),
        Value::Verdict(verdict) => (Some(verdict), &[]),
    };
    let others = others.map(|(_, field)| field).collect();
    (name, field, others, verdict, data)
}

/// What something is compared with.
#[derive(Clone, Copy, Debug)]
enum Right<'a> {
    Operand(&'a Operand),
    Set(&'a str),
}

/// Every comparison and lookup in the chains of a hook and in those that they call.
fn tests(table: &Table, hook: Hook) -> Vec<(&Expression, Right<'_>)> {
    let mut found = Vec::new();
    let mut waiting: Vec<&str> = base_chains(table, hook)
        .into_iter()
        .map(|it| it.0)
        .collect();
    let mut visited: BTreeSet<&str> = waiting.iter().copied().collect();
    while let Some(name) = waiting.pop() {
        let rules = table.chains.get(name).map(|chain| &chain.rules);
        let statements = rules
            .into_iter()
            .flatten()
            .flat_map(|rule| &rule.statements);
        for statement in statements {
            tests_of(statement, &mut found);
            let called = called(table, statement);
            waiting.extend(called.into_iter().filter(|name| visited.insert(name)));
        }
    }
    found
}

fn tests_of<'a>(statement: &'a Statement, found: &mut Vec<(&'a Expression, Right<'a>)>) {
    match statement {
        Statement::Match { left, right, .. } => match right {
            Operand::Set(name) => found.push((left, Right::Set(name))),
            Operand::Value(_)
            | Operand::Range(_, _)
            | Operand::Prefix(_)
            | Operand::InterfacePrefix(_)
            | Operand::State(_)
            | Operand::TcpFlags { .. } => found.push((left, Right::Operand(right))),
        },
        Statement::VerdictMap { key, map } => found.push((key, Right::Set(map))),
        Statement::SetPriority(value) | Statement::DestinationNat { target: value, .. } => {
            if let Expression::Map { key, map } = value {
                found.push((key, Right::Set(map)));
            }
        }
        Statement::Remember { .. }
        | Statement::Forget { .. }
        | Statement::Masquerade
        | Statement::Reject
        | Statement::Reset
        | Statement::Limit(_)
        | Statement::Log(_)
        | Statement::NoTrack
        | Statement::Verdict(_) => {}
    }
}

/// The chains that a statement may call.
fn called<'a>(table: &'a Table, statement: &'a Statement) -> BTreeSet<&'a str> {
    let chain_of = |verdict: &'a Verdict| match verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => Some(chain.as_str()),
        Verdict::Accept | Verdict::Drop | Verdict::Return | Verdict::Continue => None,
    };
    match statement {
        Statement::Verdict(verdict) => chain_of(verdict).into_iter().collect(),
        Statement::VerdictMap { map, .. } => {
            let elements = table.sets.get(map).map(|set| set.elements.values());
            let verdicts = elements.into_iter().flatten();
            let called = verdicts.filter_map(|element| match &element.value {
                Value::Verdict(verdict) => chain_of(verdict),
                Value::Member | Value::Data(_) => None,
            });
            called.collect()
        }
        Statement::Match { .. }
        | Statement::SetPriority(_)
        | Statement::DestinationNat { .. }
        | Statement::Remember { .. }
        | Statement::Forget { .. }
        | Statement::Masquerade
        | Statement::Limit(_)
        | Statement::Log(_)
        | Statement::NoTrack
        | Statement::Reject
        | Statement::Reset => BTreeSet::new(),
    }
}
