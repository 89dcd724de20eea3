//! What a policy put into the kernel: the difference of two looks at every node's table.

use std::collections::BTreeMap;

use ringfence_lab::control::client::Client;
use ringfence_lab::control::protocol::{NodeRules, Reply, Request};

use crate::commands::show::cause_text;

/// One look at all nodes.
pub struct Look(BTreeMap<String, NodeRules>);

pub fn look(client: &Client) -> anyhow::Result<Look> {
    match client.request(&Request::Rules { node: None }, |_| {})? {
        Reply::Rules(nodes) => Ok(Look(nodes)),
        other => anyhow::bail!("an answer that does not fit: {other:?}"),
    }
}

/// By node: a line for every object that came (`+`) or went (`-`), with the policies and source lines behind it.
pub fn difference(before: &Look, after: &Look) -> BTreeMap<String, Vec<String>> {
    let nothing = NodeRules::default();
    after
        .0
        .iter()
        .map(|(node, new)| {
            let old = before.0.get(node).unwrap_or(&nothing);
            let went = missing_in(old, new).map(|line| format!("- {line}"));
            let came = missing_in(new, old).map(|line| format!("+ {line}"));
            (node.clone(), went.chain(came).collect())
        })
        .collect()
}

/// Elements of `one` that `other` has not in the same form.
fn missing_in<'a>(one: &'a NodeRules, other: &'a NodeRules) -> impl Iterator<Item = String> + 'a {
    one.elements
        .iter()
        .filter(|(object, text)| other.elements.get(*object) != Some(text))
        .map(|(object, text)| format!("{text}{}", causes(one, object)))
}

fn causes(rules: &NodeRules, object: &str) -> String {
    let causes = rules
        .origins
        .iter()
        .filter(|origin| origin.object == object);
    causes
        .map(|origin| format!("\n      # {}", cause_text(origin)))
        .collect()
}
