use ringfence_ruleset::{Key, Operation, Rule};

use crate::nftables::datum::DisplayKey;

/// An operation in words, with its element if one is at fault.
pub(in crate::nftables) fn describe(
    table: &str,
    operation: &Operation,
    element: Option<usize>,
) -> String {
    match operation {
        Operation::AddTable { .. } => format!("creation of table `{table}`"),
        Operation::DeleteTable => format!("deletion of table `{table}`"),
        Operation::AddChain { name, .. } => format!("creation of chain `{name}`"),
        Operation::DeleteChain { name } => format!("deletion of chain `{name}`"),
        Operation::FlushChain { name } => format!("emptying of chain `{name}`"),
        Operation::AddRule { chain, rule } => describe_rule(chain, rule),
        Operation::AddSet { name, .. } => format!("creation of set `{name}`"),
        Operation::DeleteSet { name } => format!("deletion of set `{name}`"),
        Operation::AddElements { set, elements, .. } => {
            let key = element.and_then(|at| elements.get(at)).map(|(key, _)| key);
            describe_element("", key, set)
        }
        Operation::DeleteElements { set, keys, .. } => {
            describe_element("deletion of ", element.and_then(|at| keys.get(at)), set)
        }
    }
}

fn describe_rule(chain: &str, rule: &Rule) -> String {
    match &rule.comment {
        Some(comment) => format!("rule `{comment}` of chain `{chain}`"),
        None => format!("a rule of chain `{chain}`"),
    }
}

fn describe_element(verb: &str, key: Option<&Key>, set: &str) -> String {
    match key {
        Some(key) => format!("{verb}element {} of set `{set}`", DisplayKey(key)),
        None => format!("{verb}elements of set `{set}`"),
    }
}
