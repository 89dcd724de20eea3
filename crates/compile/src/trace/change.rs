//! What a transaction does, as lines that come and go.

use std::collections::BTreeMap;

use ringfence_ruleset::{Chain, Key, Operation, Rule, Set, Table};
use serde::{Deserialize, Serialize};

use super::listing::kind;
use crate::{ObjectRef, Origin};

/// What changes in one object of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Section {
    /// The object as nft writes it: `map ingress4`, `chain balance-2`, `table inet ringfence`.
    pub object: String,
    /// What goes, then what comes, in order of keys or positions.
    pub lines: Vec<Line>,
}

/// A line that comes or goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Whether it comes or goes.
    pub sign: Sign,
    /// As nft writes it.
    pub text: String,
    /// The policy rules behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Origin>,
}

/// Whether a line comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sign {
    /// It was there and is not.
    Removed,
    /// It was not there and is.
    Added,
}

/// A table and what causes its elements.
#[derive(Clone, Copy, Debug)]
pub struct Caused<'a> {
    /// The table.
    pub table: &'a Table,
    /// As in [`Compiled::origins`](crate::Compiled::origins).
    pub origins: &'a BTreeMap<ObjectRef, Vec<Origin>>,
}

/// What `operations` do to `before`, the table that they are applied to, so that `after` is there. A table that is made
/// or made anew is told by its size alone.
#[must_use]
pub fn changes(
    before: Option<Caused<'_>>,
    after: Caused<'_>,
    operations: &[Operation],
) -> Vec<Section> {
    let is_new = |operation: &Operation| matches!(operation, Operation::AddTable { .. });
    if operations.iter().any(is_new) {
        return vec![whole(before, after.table)];
    }
    let mut sections: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for operation in operations {
        if let Some((object, lines)) = lines(before, after, operation) {
            sections.entry(object).or_default().extend(lines);
        }
    }
    let sections = sections.into_iter();
    sections
        .map(|(object, lines)| Section {
            object,
            lines: cleared(lines),
        })
        .filter(|section| !section.lines.is_empty())
        .collect()
}

fn whole(before: Option<Caused<'_>>, after: &Table) -> Section {
    let line = |sign, table: &Table| Line {
        sign,
        text: size(table),
        causes: Vec::new(),
    };
    let gone = before.map(|before| line(Sign::Removed, before.table));
    Section {
        object: format!("table inet {}", after.name),
        lines: gone.into_iter().chain([line(Sign::Added, after)]).collect(),
    }
}

fn size(table: &Table) -> String {
    let elements: usize = table.sets.values().map(|set| set.elements.len()).sum();
    format!(
        "{} sets with {elements} elements, {} chains",
        table.sets.len(),
        table.chains.len()
    )
}

fn lines(
    before: Option<Caused<'_>>,
    after: Caused<'_>,
    operation: &Operation,
) -> Option<(String, Vec<Line>)> {
    match operation {
        Operation::AddTable { .. } | Operation::DeleteTable => None,
        Operation::AddChain { name, .. } => Some((chain(name), Vec::new())),
        Operation::FlushChain { name } | Operation::DeleteChain { name } => {
            let rules = before.and_then(|before| before.table.chains.get(name));
            Some((chain(name), rules.map(removed_rules).unwrap_or_default()))
        }
        Operation::AddRule { chain: name, rule } => Some((chain(name), vec![added_rule(rule)])),
        Operation::AddSet { name, set } => {
            Some((object(name, set), vec![definition(Sign::Added, set)]))
        }
        Operation::DeleteSet { name } => {
            let set = before?.table.sets.get(name)?;
            Some((object(name, set), vec![definition(Sign::Removed, set)]))
        }
        Operation::AddElements {
            set,
            definition,
            elements,
            lifetime: _,
        } => {
            let keys = elements.iter().map(|(key, _)| key);
            let lines = keys.filter_map(|key| after.line(Sign::Added, set, key));
            Some((object(set, definition), lines.collect()))
        }
        Operation::DeleteElements {
            set,
            definition,
            keys,
        } => {
            let line = |key: &Key| {
                let known = before.and_then(|before| before.line(Sign::Removed, set, key));
                known.unwrap_or_else(|| unknown(definition, key))
            };
            Some((object(set, definition), keys.iter().map(line).collect()))
        }
    }
}

impl Caused<'_> {
    fn line(&self, sign: Sign, name: &str, key: &Key) -> Option<Line> {
        let set = self.table.sets.get(name)?;
        let element = set.elements.get(key)?;
        let object = ObjectRef::Element {
            set: name.to_owned(),
            key: key.clone(),
        };
        Some(Line {
            sign,
            text: set.element_text(key, element),
            causes: self.origins.get(&object).cloned().unwrap_or_default(),
        })
    }
}

fn object(name: &str, set: &Set) -> String {
    format!("{} {name}", kind(set))
}

fn chain(name: &str) -> String {
    format!("chain {name}")
}

fn removed_rules(chain: &Chain) -> Vec<Line> {
    let line = |rule: &Rule| Line {
        sign: Sign::Removed,
        text: rule.to_string(),
        causes: Vec::new(),
    };
    chain.rules.iter().map(line).collect()
}

fn added_rule(rule: &Rule) -> Line {
    Line {
        sign: Sign::Added,
        text: rule.to_string(),
        causes: Vec::new(),
    }
}

fn definition(sign: Sign, set: &Set) -> Line {
    Line {
        sign,
        text: format!("type {}", set.type_text()),
        causes: Vec::new(),
    }
}

fn unknown(set: &Set, key: &Key) -> Line {
    Line {
        sign: Sign::Removed,
        text: set.key_text(key),
        causes: Vec::new(),
    }
}

/// Without what goes and comes again unchanged, and what is said twice.
fn cleared(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| line.sign);
    let (removed, added): (Vec<Line>, Vec<Line>) = lines
        .into_iter()
        .partition(|line| line.sign == Sign::Removed);
    let stays = |line: &Line, others: &[Line]| others.iter().any(|other| other.text == line.text);
    let mut kept: Vec<Line> = Vec::new();
    for line in removed.iter().filter(|line| !stays(line, &added)) {
        if !kept.contains(line) {
            kept.push(line.clone());
        }
    }
    kept.extend(added.iter().filter(|line| !stays(line, &removed)).cloned());
    kept
}
