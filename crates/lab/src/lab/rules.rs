//! What stands in the kernels of the nodes, read there and not from anybody's memory.

use std::collections::BTreeMap;

use anyhow::Context as _;
use ringfence_agent::status::ask_rules;
use ringfence_netlink::namespace;
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::Table;

use super::Lab;
use super::nodes::Node;
use crate::control::protocol::NodeRules;

impl Lab {
    /// The live tables of one node, or of all.
    ///
    /// # Errors
    /// If a node does not exist, its table cannot be read, or its agent does not answer.
    pub fn rules(&self, node: Option<&str>) -> anyhow::Result<BTreeMap<String, NodeRules>> {
        let chosen = match node {
            Some(name) => vec![self.node(name)?],
            None => self.nodes.iter().collect(),
        };
        chosen
            .into_iter()
            .map(|node| Ok((node.name.clone(), node_rules(node)?)))
            .collect()
    }
}

fn node_rules(node: &Node) -> anyhow::Result<NodeRules> {
    let intended = ask_rules(&node.status_socket())
        .with_context(|| format!("the agent of node {} does not answer", node.name))?;
    let live = namespace::run_in(&node.namespace, live_table)?
        .with_context(|| format!("cannot read the table of node {}", node.name))?;
    let table_text = live.as_ref().map(Table::to_string).unwrap_or_default();
    Ok(NodeRules {
        as_intended: table_text == intended.table_text,
        elements: live.as_ref().map(elements).unwrap_or_default(),
        table_text,
        origins: intended.origins,
        endpoints: intended.endpoints,
    })
}

fn live_table() -> anyhow::Result<Option<Table>> {
    let name = ringfence_agent::TABLE_NAME;
    let state = Nftables::open()?.read_table(name)?;
    Ok(state.and_then(|state| state.to_table(name)))
}

fn elements(table: &Table) -> BTreeMap<String, String> {
    table
        .sets
        .iter()
        .flat_map(|(name, set)| {
            set.elements.iter().map(move |(key, element)| {
                let object = format!("{name} {{ {} }}", set.key_text(key));
                (
                    object,
                    format!("{name} {{ {} }}", set.element_text(key, element)),
                )
            })
        })
        .collect()
}
