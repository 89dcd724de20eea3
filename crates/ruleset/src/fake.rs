//! A kernel in memory: takes transactions and refuses what nf_tables refuses.

use std::collections::BTreeMap;

use crate::{
    BaseChain, Chain, Element, Key, Operation, Rule, Set, Statement, TABLE_NAME, Table,
    ValidationError, Value, Verdict, validate,
};

/// Why a transaction was refused; the table is then as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FakeError {
    /// There is no table (`ENOENT`).
    #[error("there is no table")]
    NoTable,
    /// The object is not there (`ENOENT`).
    #[error("no such object: {0}")]
    NotFound(String),
    /// The object is there already (`EEXIST`), or an element overlaps another.
    #[error("there is already {0}")]
    Exists(String),
    /// The object is in use (`EBUSY`).
    #[error("in use: {0}")]
    Busy(String),
    /// The set has no room left (`ENFILE`).
    #[error("set `{0}` is full")]
    Full(String),
    /// The operation speaks of the set by another definition than the set has (`EINVAL`).
    #[error("set `{0}` has another definition")]
    Definition(String),
    /// All steps are fine and the result is not a valid table (`EINVAL`, `ELOOP`).
    #[error("the result is not a valid table: {0:?}")]
    Invalid(Vec<ValidationError>),
}

/// Applies a transaction as the kernel does: whole, or not at all.
///
/// A table that it creates is called [`TABLE_NAME`].
///
/// # Errors
/// [`FakeError`] for the first step that is refused; `state` is then unchanged.
pub fn apply(state: &mut Option<Table>, operations: &[Operation]) -> Result<(), FakeError> {
    let mut next = state.clone();
    for operation in operations {
        step(&mut next, operation)?;
    }
    if let Some(table) = &next {
        validate(table).map_err(FakeError::Invalid)?;
    }
    *state = next;
    Ok(())
}

fn step(state: &mut Option<Table>, operation: &Operation) -> Result<(), FakeError> {
    if let Operation::AddTable { comment } = operation {
        state.get_or_insert_with(|| Table {
            name: TABLE_NAME.to_owned(),
            comment: comment.clone(),
            chains: BTreeMap::new(),
            sets: BTreeMap::new(),
        });
        return Ok(());
    }
    let Some(table) = state else {
        return Err(FakeError::NoTable);
    };
    match operation {
        Operation::AddTable { .. } => Ok(()),
        Operation::DeleteTable => {
            *state = None;
            Ok(())
        }
        Operation::AddChain { name, base } => add_chain(table, name, *base),
        Operation::DeleteChain { name } => delete_chain(table, name),
        Operation::FlushChain { name } => {
            chain_mut(table, name)?.rules.clear();
            Ok(())
        }
        Operation::AddRule { chain, rule } => add_rule(table, chain, rule),
        Operation::AddSet { name, set } => add_set(table, name, set),
        Operation::DeleteSet { name } => delete_set(table, name),
        Operation::AddElements {
            set,
            definition,
            elements,
            lifetime: _,
        } => {
            let chains = elements.iter().filter_map(|(_, element)| target(element));
            for chain in chains {
                find_target(table, chain)?;
            }
            add_elements(set_mut(table, set, definition)?, set, elements)
        }
        Operation::DeleteElements {
            set,
            definition,
            keys,
        } => delete_elements(set_mut(table, set, definition)?, set, keys),
    }
}

fn chain_mut<'a>(table: &'a mut Table, name: &str) -> Result<&'a mut Chain, FakeError> {
    let found = table.chains.get_mut(name);
    found.ok_or_else(|| FakeError::NotFound(chain_text(name)))
}

fn set_mut<'a>(
    table: &'a mut Table,
    name: &str,
    definition: &Set,
) -> Result<&'a mut Set, FakeError> {
    let found = table.sets.get_mut(name);
    let set = found.ok_or_else(|| FakeError::NotFound(set_text(name)))?;
    if set.same_definition(definition) {
        Ok(set)
    } else {
        Err(FakeError::Definition(name.to_owned()))
    }
}

fn chain_text(name: &str) -> String {
    format!("chain `{name}`")
}

fn set_text(name: &str) -> String {
    format!("set `{name}`")
}

fn add_chain(table: &mut Table, name: &str, base: Option<BaseChain>) -> Result<(), FakeError> {
    if table.chains.contains_key(name) {
        return Err(FakeError::Exists(chain_text(name)));
    }
    let chain = Chain {
        base,
        rules: Vec::new(),
    };
    table.chains.insert(name.to_owned(), chain);
    Ok(())
}

fn delete_chain(table: &mut Table, name: &str) -> Result<(), FakeError> {
    let is_empty = chain_mut(table, name)?.rules.is_empty();
    if !is_empty || is_chain_used(table, name) {
        return Err(FakeError::Busy(chain_text(name)));
    }
    table.chains.remove(name);
    Ok(())
}

fn is_chain_used(table: &Table, name: &str) -> bool {
    let by_rule = rules(table).any(|rule| {
        rule.statements.iter().any(|statement| {
            matches!(statement, Statement::Verdict(verdict) if verdict.chain() == Some(name))
        })
    });
    let mut elements = table.sets.values().flat_map(|set| set.elements.values());
    by_rule || elements.any(|element| target(element) == Some(name))
}

fn rules(table: &Table) -> impl Iterator<Item = &Rule> {
    table.chains.values().flat_map(|chain| &chain.rules)
}

fn target(element: &Element) -> Option<&str> {
    match &element.value {
        Value::Verdict(verdict) => Verdict::chain(verdict),
        Value::Member | Value::Data(_) => None,
    }
}

fn find_target(table: &Table, name: &str) -> Result<(), FakeError> {
    match table.chains.get(name) {
        Some(chain) if chain.base.is_none() => Ok(()),
        Some(_) | None => Err(FakeError::NotFound(chain_text(name))),
    }
}

fn add_rule(table: &mut Table, chain: &str, rule: &Rule) -> Result<(), FakeError> {
    for statement in &rule.statements {
        for set in statement.sets() {
            if !table.sets.contains_key(set) {
                return Err(FakeError::NotFound(set_text(set)));
            }
        }
        if let Statement::Verdict(verdict) = statement
            && let Some(target) = verdict.chain()
        {
            find_target(table, target)?;
        }
    }
    chain_mut(table, chain)?.rules.push(rule.clone());
    Ok(())
}

fn add_set(table: &mut Table, name: &str, set: &Set) -> Result<(), FakeError> {
    if table.sets.contains_key(name) {
        return Err(FakeError::Exists(set_text(name)));
    }
    table.sets.insert(name.to_owned(), set.definition());
    Ok(())
}

fn delete_set(table: &mut Table, name: &str) -> Result<(), FakeError> {
    if !table.sets.contains_key(name) {
        return Err(FakeError::NotFound(set_text(name)));
    }
    let is_used = rules(table)
        .flat_map(|rule| &rule.statements)
        .any(|statement| statement.sets().contains(&name));
    if is_used {
        return Err(FakeError::Busy(set_text(name)));
    }
    table.sets.remove(name);
    Ok(())
}

fn add_elements(set: &mut Set, name: &str, elements: &[(Key, Element)]) -> Result<(), FakeError> {
    let scan = set.needs_scan() || elements.iter().any(|(key, _)| key.has_leading_range());
    for (key, element) in elements {
        let overlaps = set.interval && set.overlapping(key, scan).is_some();
        if overlaps || set.elements.contains_key(key) {
            let text = format!("element `{}` of `{name}`", set.key_text(key));
            return Err(FakeError::Exists(text));
        }
        set.elements.insert(key.clone(), element.clone());
    }
    let room = set.size.and_then(|size| usize::try_from(size).ok());
    match room {
        Some(room) if set.elements.len() > room => Err(FakeError::Full(name.to_owned())),
        Some(_) | None => Ok(()),
    }
}

fn delete_elements(set: &mut Set, name: &str, keys: &[Key]) -> Result<(), FakeError> {
    for key in keys {
        if set.elements.remove(key).is_none() {
            let text = format!("element `{}` of `{name}`", set.key_text(key));
            return Err(FakeError::NotFound(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
