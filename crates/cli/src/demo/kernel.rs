//! What a policy put into the kernel: the difference of two looks at every node's table.

use std::collections::BTreeMap;

use ringfence_lab::control::client::Client;
use ringfence_lab::control::protocol::NodeRules;

use super::report::KernelChange;
use crate::commands::show::cause_text;

/// One look at all nodes.
pub(crate) struct Look(BTreeMap<String, NodeRules>);

pub(crate) fn look(client: &Client) -> anyhow::Result<Look> {
    Ok(Look(client.rules(None)?))
}

/// By node: every element that went or came, with the policies and source lines behind it.
pub(crate) fn difference(before: &Look, after: &Look) -> BTreeMap<String, Vec<KernelChange>> {
    let nothing = NodeRules::default();
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
    one: &'a NodeRules,
    other: &'a NodeRules,
    added: bool,
) -> impl Iterator<Item = KernelChange> + 'a {
    let changed = one
        .elements
        .iter()
        .filter(|(object, text)| other.elements.get(*object) != Some(text));
    changed.map(move |(object, text)| KernelChange {
        added,
        element: text.clone(),
        because: causes(one, object),
    })
}

fn causes(rules: &NodeRules, object: &str) -> Vec<String> {
    let causes = rules
        .origins
        .iter()
        .filter(|origin| origin.object == object);
    causes.map(cause_text).collect()
}
