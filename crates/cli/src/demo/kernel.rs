//! What a policy put into the kernel: the difference of two looks at every node's table.

use std::collections::BTreeMap;

use ringfence_agent::status::Rules;
use ringfence_compile::trace::Placed;
use ringfence_lab::control::client::Client;

use super::report::KernelChange;
use crate::commands::rules::words::cause;

/// One look at all nodes.
pub(crate) struct Look(BTreeMap<String, Rules>);

pub(crate) fn look(client: &Client) -> anyhow::Result<Look> {
    Ok(Look(client.rules(None)?))
}

/// By node: every element that went or came, with the policies and source lines behind it.
pub(crate) fn difference(before: &Look, after: &Look) -> BTreeMap<String, Vec<KernelChange>> {
    let nothing = Rules::default();
    after
        .0
        .iter()
        .map(|(node, new)| {
            let old = before.0.get(node).unwrap_or(&nothing);
            let changes = missing_in(old, new, false).chain(missing_in(new, old, true));
            (node.clone(), changes.collect())
        })
        .collect()
}

/// Elements of `one` that `other` has not in the same form.
fn missing_in<'a>(
    one: &'a Rules,
    other: &'a Rules,
    added: bool,
) -> impl Iterator<Item = KernelChange> + 'a {
    let known = texts(other);
    let changed = one.listing.elements();
    changed
        .filter(move |placed| {
            known.get(&(placed.set, placed.element.key.as_str())) != Some(&text(placed))
        })
        .map(move |placed| KernelChange {
            added,
            element: format!("{} {{ {} }}", placed.set, text(&placed)),
            because: placed.element.causes.iter().map(cause).collect(),
        })
}

fn texts(rules: &Rules) -> BTreeMap<(&str, &str), &str> {
    let elements = rules.listing.elements();
    elements
        .map(|placed| ((placed.set, placed.element.key.as_str()), text(&placed)))
        .collect()
}

fn text<'a>(placed: &Placed<'a>) -> &'a str {
    &placed.element.text
}
