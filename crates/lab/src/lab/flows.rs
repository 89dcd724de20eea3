//! What the agents of the nodes have recorded of packets.

use std::collections::BTreeMap;

use ringfence_agent::flows::Flows;
use ringfence_agent::status::ask_flows;

use super::Lab;

impl Lab {
    /// The records of one node, or of all, from the number on that `from` says for each.
    ///
    /// # Errors
    /// If the node does not exist.
    pub fn flows(
        &self,
        node: Option<&str>,
        from: &BTreeMap<String, u64>,
    ) -> anyhow::Result<BTreeMap<String, Flows>> {
        self.of_each(node, |node| {
            let from = from.get(&node.name).copied().unwrap_or(0);
            let answer = ask_flows(&node.status_socket(), from);
            Ok(answer.unwrap_or_else(|error| Flows {
                // An agent that is being started anew has nothing to tell for a moment.
                next: from,
                problem: Some(format!("the agent does not answer: {error}")),
                ..Flows::default()
            }))
        })
    }
}
