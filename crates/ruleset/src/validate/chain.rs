use std::collections::{BTreeMap, BTreeSet};

use super::ValidationError;
use super::rule::place;
use crate::{BaseChain, ChainKind, Hook, Rule, Set, Statement, Table, Value, Verdict};

/// Jumps in a row that the kernel takes: its stack has 16 places, one for the base chain.
pub(crate) const JUMP_DEPTH: usize = 15;

/// Which chains each chain can call or go to.
type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

pub(super) fn check(table: &Table, errors: &mut Vec<ValidationError>) {
    let graph = graph(table);
    for (name, chain) in &table.chains {
        let Some(base) = &chain.base else {
            continue;
        };
        if base.kind == ChainKind::Nat && base.hook == Hook::Forward {
            errors.push(ValidationError::NatHook {
                chain: name.clone(),
                hook: base.hook,
            });
        }
        for reached in reachable(&graph, name) {
            check_statements(table, (name, base), reached, errors);
        }
    }
    let too_deep = graph.keys().filter(|name| is_too_deep(&graph, name));
    errors.extend(too_deep.map(|name| ValidationError::Loop {
        chain: (*name).to_owned(),
    }));
}

fn graph(table: &Table) -> Graph<'_> {
    let maps: BTreeMap<&str, BTreeSet<&str>> = table
        .sets
        .iter()
        .map(|(name, set)| (name.as_str(), element_targets(set)))
        .collect();
    table
        .chains
        .iter()
        .map(|(name, chain)| {
            let targets = chain
                .rules
                .iter()
                .flat_map(|rule| rule_targets(&maps, rule));
            (name.as_str(), targets.collect())
        })
        .collect()
}

fn check_statements(
    table: &Table,
    (name, base): (&str, &BaseChain),
    reached: &str,
    errors: &mut Vec<ValidationError>,
) {
    let rules = table
        .chains
        .get(reached)
        .map_or(&[][..], |chain| &chain.rules);
    for (index, rule) in rules.iter().enumerate() {
        if !rule
            .statements
            .iter()
            .all(|statement| is_allowed(statement, base))
        {
            errors.push(ValidationError::WrongHook {
                at: place(reached, index),
                base: name.to_owned(),
            });
        }
    }
}

/// The priority of connection tracking (`NF_IP_PRI_CONNTRACK`).
const TRACKING: i32 = -200;

/// Where a statement means something: translation only in chains of kind nat at its own hooks, `reject` anywhere in
/// filter chains but after routing, `notrack` before connection tracking.
fn is_allowed(statement: &Statement, base: &BaseChain) -> bool {
    match (statement, base.kind) {
        (Statement::DestinationNat { .. }, kind) => {
            kind == ChainKind::Nat && matches!(base.hook, Hook::Prerouting | Hook::Output)
        }
        (Statement::Masquerade, kind) => kind == ChainKind::Nat && base.hook == Hook::Postrouting,
        (Statement::NoTrack, kind) => {
            kind == ChainKind::Filter
                && matches!(base.hook, Hook::Prerouting | Hook::Output)
                && base.priority < TRACKING
        }
        (Statement::Reject | Statement::Reset, _) => base.hook != Hook::Postrouting,
        (
            Statement::Match { .. }
            | Statement::VerdictMap { .. }
            | Statement::SetPriority(_)
            | Statement::Remember { .. }
            | Statement::Forget { .. }
            | Statement::Limit(_)
            | Statement::Log(_)
            | Statement::Verdict(_),
            _,
        ) => true,
    }
}

/// The chains that a packet in `start` can get to, itself included.
fn reachable<'a>(graph: &Graph<'a>, start: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::from([start]);
    let mut queue = vec![start];
    while let Some(name) = queue.pop() {
        for target in graph.get(name).into_iter().flatten() {
            if seen.insert(target) {
                queue.push(target);
            }
        }
    }
    seen
}

/// Whether more than [`JUMP_DEPTH`] jumps in a row are possible from `start`: after so many steps some chain is left.
fn is_too_deep(graph: &Graph<'_>, start: &str) -> bool {
    let mut level = BTreeSet::from([start]);
    for _ in 0..=JUMP_DEPTH {
        level = level
            .iter()
            .filter_map(|name| graph.get(name))
            .flatten()
            .copied()
            .collect();
    }
    !level.is_empty()
}

fn rule_targets<'a>(maps: &BTreeMap<&str, BTreeSet<&'a str>>, rule: &'a Rule) -> Vec<&'a str> {
    rule.statements
        .iter()
        .flat_map(|statement| match statement {
            Statement::Verdict(verdict) => verdict.chain().into_iter().collect(),
            Statement::VerdictMap { map, .. } => {
                let targets = maps.get(map.as_str()).into_iter().flatten();
                targets.copied().collect()
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
            | Statement::Reset => Vec::new(),
        })
        .collect()
}

fn element_targets(set: &Set) -> BTreeSet<&str> {
    let verdicts = set
        .elements
        .values()
        .filter_map(|element| match &element.value {
            Value::Verdict(verdict) => verdict.chain(),
            Value::Member | Value::Data(_) => None,
        });
    verdicts.collect()
}

impl Verdict {
    /// The chain that the verdict names.
    #[must_use]
    pub fn chain(&self) -> Option<&str> {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => Some(chain),
            Self::Accept | Self::Drop | Self::Return | Self::Continue => None,
        }
    }
}
