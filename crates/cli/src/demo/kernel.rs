//! What a policy put into the kernel: the difference of two looks at every node's table.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_agent::status::Rules;
use ringfence_lab::control::client::Client;
use ringfence_lab::control::protocol::{Reply, Request};

use crate::commands::show::origin_text;

/// One look at all nodes.
pub struct Look(BTreeMap<String, Rules>);

pub fn look(client: &Client) -> anyhow::Result<Look> {
    match client.request(&Request::Rules { node: None }, |_| {})? {
        Reply::Rules(nodes) => Ok(Look(nodes)),
        other => anyhow::bail!("an answer that does not fit: {other:?}"),
    }
}

/// By node: a line for every object that came (`+`) or went (`-`), with the policy and source line behind it.
pub fn difference(before: &Look, after: &Look) -> BTreeMap<String, Vec<String>> {
    after
        .0
        .iter()
        .map(|(node, rules)| {
            let old = before.0.get(node).map(lines).unwrap_or_default();
            let new = lines(rules);
            let came = new.difference(&old).map(|line| format!("+ {line}"));
            let went = old.difference(&new).map(|line| format!("- {line}"));
            (node.clone(), went.chain(came).collect())
        })
        .collect()
}

fn lines(rules: &Rules) -> BTreeSet<String> {
    rules.origins.iter().map(origin_text).collect()
}
