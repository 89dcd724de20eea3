//! Where tables come from: manifests alone, or the kernels of a lab.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use ringfence_agent::status::{Rules, StatusRequest, ask_rules};
use ringfence_compile::trace::{Listing, outline};
use ringfence_compile::{Compiled, Enforcement, NodeView, Supposed, compile, suppose};
use ringfence_lab::control::client::Client;
use ringfence_model::Cluster;

use super::arguments::RulesArguments;
use crate::inputs::agents::{AgentsArguments, Answers, ask};
use crate::inputs::manifests::LoadedManifests;
use crate::inputs::missing;
use crate::output::answer::say_line;
use crate::paint;

/// What one node holds, or would hold.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) listing: Listing,
    /// Whether the table is the one that the node's agent means to be there.
    pub(super) as_intended: bool,
    /// Why the table could not be read, if so.
    pub(super) problem: Option<String>,
    /// The table that judges pods in the network of the node, where there is one.
    pub(super) host_pods: Option<Listing>,
}

/// All nodes that were asked for.
#[derive(Debug)]
pub(super) struct Nodes {
    pub(super) all: Vec<Node>,
    /// What the answer has to be read with.
    pub(super) note: Option<String>,
}

/// A table that was computed.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) compiled: Compiled,
    supposed: Supposed,
    node: Option<String>,
}

impl Nodes {
    pub(super) fn read(arguments: &RulesArguments) -> anyhow::Result<Self> {
        if arguments.live {
            return of_agents(arguments);
        }
        let named = arguments.named();
        if !named.is_empty() {
            ensure!(
                !arguments.asks_kernels(),
                "the API of a cluster knows nothing of its kernels: ask its agents with --live, the agent of this node with --agent, or a lab with --lab"
            );
            let loaded = arguments.options.load(&named)?;
            warn_of(&loaded);
            let computed = Computed::new(&loaded.cluster, arguments.node.as_deref())?;
            return Ok(computed.nodes());
        }
        match (&arguments.lab(), &arguments.agent) {
            (Some(lab), _) => of_lab(lab, arguments.node.as_deref()),
            (None, Some(socket)) => of_agent(socket),
            (None, None) => bail!(
                "name manifests with -f, a running lab with --lab (`ringfence lab list` shows which there are), or the socket of this node's agent with --agent"
            ),
        }
    }

    /// Says what the answer has to be read with, as a comment of nft.
    pub(super) fn print_note(&self) {
        if let Some(note) = &self.note {
            say_line!("{}", paint::dim(&format!("# {note}")));
        }
    }
}

pub(super) fn warn_of(loaded: &LoadedManifests) {
    if let Some(caveat) = loaded.caveat() {
        anstream::eprintln!("{}: {caveat}", paint::bad("warning"));
    }
}

impl Computed {
    pub(super) fn new(cluster: &Cluster, node: Option<&str>) -> anyhow::Result<Self> {
        if let Some(node) = node {
            check_node(cluster, node)?;
        }
        let supposed = suppose(cluster, node);
        let view = NodeView {
            name: node.unwrap_or_default(),
            endpoints: &supposed.endpoints,
            network: &supposed.network,
            enforcement: Enforcement::On,
        };
        let compiled =
            compile(&supposed.cluster, &view).context("these manifests make no table")?;
        for refused in &compiled.refused {
            anstream::eprintln!("{}: {refused}", paint::bad("warning"));
        }
        Ok(Self {
            compiled,
            node: node.map(str::to_owned),
            supposed,
        })
    }

    fn nodes(&self) -> Nodes {
        let node = Node {
            name: self.node_name(),
            listing: Listing::new(
                &self.compiled.table,
                &self.compiled.origins,
                &self.supposed.endpoints,
                outline(&self.supposed.cluster),
            ),
            as_intended: true,
            problem: None,
            host_pods: None,
        };
        Nodes {
            all: vec![node],
            note: Some(self.note()),
        }
    }

    fn node_name(&self) -> String {
        self.node.clone().unwrap_or_else(|| "(all pods)".to_owned())
    }

    /// What is supposed where manifests say nothing.
    pub(super) fn note(&self) -> String {
        let pods = match &self.node {
            Some(node) => format!("the pods bound to node {node}"),
            None => "one node that runs every pod".to_owned(),
        };
        let made_up = if self.supposed.made_up_addresses {
            "interfaces, and addresses that no manifest gives, are"
        } else {
            "interfaces are"
        };
        format!("computed from manifests for {pods}; {made_up} made up from the pods' names")
    }
}

fn check_node(cluster: &Cluster, node: &str) -> anyhow::Result<()> {
    let of_pods = cluster.pods.values().filter_map(|pod| pod.node.as_deref());
    let mut known: Vec<&str> = cluster
        .nodes
        .keys()
        .map(String::as_str)
        .chain(of_pods)
        .collect();
    known.sort_unstable();
    known.dedup();
    if known.contains(&node) {
        return Ok(());
    }
    Err(missing("node", node, known))
}

fn of_lab(lab: &str, node: Option<&str>) -> anyhow::Result<Nodes> {
    let nodes = Client::new(lab).rules(node)?.into_iter();
    Ok(Nodes {
        all: nodes.map(|(name, rules)| Node::new(name, rules)).collect(),
        note: None,
    })
}

fn of_agents(arguments: &RulesArguments) -> anyhow::Result<Nodes> {
    let cluster = &arguments.options.cluster;
    let asked = AgentsArguments {
        kubeconfig: cluster.kubeconfig.clone(),
        context: cluster.context.clone(),
        agent_namespace: arguments.agent_namespace.clone(),
    };
    ensure!(
        asked.is_given(),
        "--live is about a live cluster: name it with --context or --kubeconfig"
    );
    let agents = asked.find(arguments.node.as_deref())?;
    let Answers { mut found, failed } = ask(&agents, |_| StatusRequest::Rules)?;
    let silent = failed.into_iter().map(|(node, reason)| {
        let unknown = Rules {
            problem: Some(reason),
            ..Rules::default()
        };
        (node, unknown)
    });
    found.extend(silent);
    let all = found
        .into_iter()
        .map(|(name, rules)| Node::new(name, rules));
    Ok(Nodes {
        all: all.collect(),
        note: None,
    })
}

/// The name of the node whose agent was asked by its socket.
const THIS: &str = "(this node)";

fn nobody(socket: &Path) -> String {
    format!("no agent answers on {}", socket.display())
}

fn of_agent(socket: &Path) -> anyhow::Result<Nodes> {
    let rules = ask_rules(socket).with_context(|| nobody(socket))?;
    Ok(Nodes {
        all: vec![Node::new(THIS.to_owned(), rules)],
        note: None,
    })
}

impl Node {
    fn new(name: String, rules: Rules) -> Self {
        Self {
            name,
            listing: rules.listing,
            as_intended: rules.as_intended,
            problem: rules.problem,
            host_pods: rules.host_pods,
        }
    }
}
