use std::collections::{BTreeMap, BTreeSet};

use crate::{BaseChain, Element, Key, Operation, Set, Table};

/// The smallest transaction that turns `old` into `new`.
///
/// Only elements and whole chains change while both tables have the same definitions of sets and base chains;
/// otherwise the table is deleted and created again in the same transaction. Each step is one that the kernel
/// takes at that point: what refers to an object leaves before it and comes after it.
#[must_use]
pub fn diff(old: Option<&Table>, new: &Table) -> Vec<Operation> {
    match old {
        None => create(new),
        Some(old) if is_compatible(old, new) => update(old, new),
        Some(_) => {
            let mut operations = vec![Operation::DeleteTable];
            operations.append(&mut create(new));
            operations
        }
    }
}

/// Whether `old` can become `new` without a new table: name, comment, sets of the same name and base chains agree.
fn is_compatible(old: &Table, new: &Table) -> bool {
    let same_sets = old.sets.iter().all(|(name, set)| {
        new.sets
            .get(name)
            .is_none_or(|other| set.same_definition(other))
    });
    let same_chains = old.chains.iter().all(|(name, chain)| {
        new.chains
            .get(name)
            .is_none_or(|other| chain.base == other.base)
    });
    old.name == new.name
        && old.comment == new.comment
        && same_sets
        && same_chains
        && base_chains(old) == base_chains(new)
}

fn base_chains(table: &Table) -> BTreeMap<&str, BaseChain> {
    let chains = table.chains.iter();
    chains
        .filter_map(|(name, chain)| Some((name.as_str(), chain.base?)))
        .collect()
}

fn create(table: &Table) -> Vec<Operation> {
    let empty = Table {
        name: table.name.clone(),
        comment: table.comment.clone(),
        chains: BTreeMap::new(),
        sets: BTreeMap::new(),
    };
    let mut operations = vec![Operation::AddTable {
        comment: table.comment.clone(),
    }];
    operations.append(&mut update(&empty, table));
    operations
}

fn update(old: &Table, new: &Table) -> Vec<Operation> {
    let mut operations = Vec::new();
    delete_elements(old, new, &mut operations);
    add_objects(old, new, &mut operations);
    rewrite_chains(old, new, &mut operations);
    add_elements(old, new, &mut operations);
    delete_objects(old, new, &mut operations);
    operations
}

fn delete_elements(old: &Table, new: &Table, operations: &mut Vec<Operation>) {
    for (name, set) in &old.sets {
        let Some(kept) = new.sets.get(name) else {
            continue;
        };
        let keys: Vec<Key> = set
            .elements
            .iter()
            .filter(|(key, element)| !holds(Some(kept), key, element))
            .map(|(key, _)| key.clone())
            .collect();
        if !keys.is_empty() {
            operations.push(Operation::DeleteElements {
                set: name.clone(),
                definition: set.definition(),
                keys,
            });
        }
    }
}

fn add_elements(old: &Table, new: &Table, operations: &mut Vec<Operation>) {
    for (name, set) in &new.sets {
        let present = old.sets.get(name);
        let elements: Vec<(Key, Element)> = set
            .elements
            .iter()
            .filter(|(key, element)| !holds(present, key, element))
            .map(|(key, element)| (key.clone(), element.clone()))
            .collect();
        if !elements.is_empty() {
            operations.push(Operation::AddElements {
                set: name.clone(),
                definition: set.definition(),
                elements,
                lifetime: None,
            });
        }
    }
}

fn holds(set: Option<&Set>, key: &Key, element: &Element) -> bool {
    set.is_some_and(|set| set.elements.get(key) == Some(element))
}

fn add_objects(old: &Table, new: &Table, operations: &mut Vec<Operation>) {
    for (name, set) in &new.sets {
        if !old.sets.contains_key(name) {
            operations.push(Operation::AddSet {
                name: name.clone(),
                set: set.definition(),
            });
        }
    }
    for (name, chain) in &new.chains {
        if !old.chains.contains_key(name) {
            operations.push(Operation::AddChain {
                name: name.clone(),
                base: chain.base,
            });
        }
    }
}

/// Empties the chains that change or go, then fills the ones that change or come.
fn rewrite_chains(old: &Table, new: &Table, operations: &mut Vec<Operation>) {
    let changed: BTreeSet<&String> = old
        .chains
        .iter()
        .filter(|(name, chain)| new.chains.get(*name) != Some(chain))
        .map(|(name, _)| name)
        .collect();
    let flushed = changed.iter().filter(|name| {
        old.chains
            .get(**name)
            .is_some_and(|chain| !chain.rules.is_empty())
    });
    operations.extend(flushed.map(|name| Operation::FlushChain {
        name: (*name).clone(),
    }));
    for (name, chain) in &new.chains {
        if !old.chains.contains_key(name) || changed.contains(name) {
            operations.extend(chain.rules.iter().map(|rule| Operation::AddRule {
                chain: name.clone(),
                rule: rule.clone(),
            }));
        }
    }
}

/// Deletes sets, whose elements may name chains, and then chains.
fn delete_objects(old: &Table, new: &Table, operations: &mut Vec<Operation>) {
    let is_gone = |name: &&String| !new.sets.contains_key(*name);
    let sets = old.sets.keys().filter(is_gone);
    operations.extend(sets.map(|name| Operation::DeleteSet { name: name.clone() }));
    let is_gone = |name: &&String| !new.chains.contains_key(*name);
    let chains = old.chains.keys().filter(is_gone);
    operations.extend(chains.map(|name| Operation::DeleteChain { name: name.clone() }));
}
