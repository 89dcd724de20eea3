//! What stands in the kernels of the nodes: each node's agent reads it there, and says what stands behind it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ringfence_agent::status::{Rules, ask_rules, ask_verification};
use ringfence_agent::verification::Verification;

use super::Lab;
use super::nodes::Node;

impl Lab {
    /// The live tables of one node, or of all.
    ///
    /// # Errors
    /// If a node does not exist, or its agent does not answer.
    pub fn rules(&self, node: Option<&str>) -> anyhow::Result<BTreeMap<String, Rules>> {
        self.of_each(node, |node| answered(node, ask_rules))
    }

    /// What the agents of one node, or of all, say of their tables, having read them back.
    ///
    /// # Errors
    /// If a node does not exist, or its agent does not answer.
    pub fn verify(&self, node: Option<&str>) -> anyhow::Result<BTreeMap<String, Verification>> {
        self.of_each(node, |node| answered(node, ask_verification))
    }

    /// What is so of one node, or of each, by its name.
    pub(super) fn of_each<T>(
        &self,
        node: Option<&str>,
        find: impl Fn(&Node) -> anyhow::Result<T>,
    ) -> anyhow::Result<BTreeMap<String, T>> {
        let chosen = match node {
            Some(name) => vec![self.node(name)?],
            None => self.nodes.iter().collect(),
        };
        chosen
            .into_iter()
            .map(|node| Ok((node.name.clone(), find(node)?)))
            .collect()
    }
}

/// An agent that ended is started anew, and does not listen for a moment.
const RESTART: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

fn answered<T>(node: &Node, ask: impl Fn(&Path) -> io::Result<T>) -> anyhow::Result<T> {
    let until = Instant::now() + RESTART;
    loop {
        let answer = ask(&node.status_socket());
        if !answer.as_ref().is_err_and(listens_not_yet) || Instant::now() >= until {
            return answer
                .with_context(|| format!("the agent of node {} does not answer", node.name));
        }
        sleep(POLL);
    }
}

/// Whether nobody has the socket, so that nothing was asked of anybody.
fn listens_not_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
    )
}
