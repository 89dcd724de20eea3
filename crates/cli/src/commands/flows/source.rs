//! Where records come from: the agents of a lab's nodes, or this machine's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use ringfence_agent::flows::{FlowRecord, Flows, Lost};
use ringfence_agent::status::{StatusRequest, ask_flows};
use ringfence_kube::Agents;
use ringfence_lab::control::client::Client;
use ringfence_model::Cluster;

use super::FlowsArguments;
use crate::inputs::agents::{AgentsArguments, Answers, ask};

pub(crate) struct Source {
    place: Place,
    /// What to ask each node for next.
    next: BTreeMap<String, u64>,
    /// What was said of each node.
    said: BTreeMap<String, String>,
}

enum Place {
    Lab {
        client: Client,
        node: Option<String>,
    },
    Socket(PathBuf),
    Cluster {
        agents: Box<Agents>,
        /// All that policy depends on, once it was needed.
        access: AgentsArguments,
    },
}

/// What is new since the last time.
#[derive(Default)]
pub(crate) struct News {
    /// In order of time.
    pub(crate) records: Vec<FlowRecord>,
    /// What was lost on each node since its agent started.
    pub(super) lost: BTreeMap<String, Lost>,
    /// Whether a node told nothing.
    pub(super) is_partial: bool,
    /// What is wrong, said once.
    pub(super) warnings: Vec<String>,
}

impl Source {
    pub(super) fn new(arguments: &FlowsArguments) -> anyhow::Result<Self> {
        let given = &arguments.agents;
        let place = match &arguments.socket {
            Some(socket) => Place::Socket(socket.clone()),
            None if given.is_given() => Place::Cluster {
                agents: Box::new(given.find(arguments.node.as_deref())?),
                access: given.clone(),
            },
            None => Place::Lab {
                client: Client::new(&arguments.lab),
                node: arguments.node.clone(),
            },
        };
        Ok(Self::at(place))
    }

    /// All nodes of a lab.
    pub(crate) fn of_lab(name: &str) -> Self {
        Self::at(Place::Lab {
            client: Client::new(name),
            node: None,
        })
    }

    const fn at(place: Place) -> Self {
        Self {
            place,
            next: BTreeMap::new(),
            said: BTreeMap::new(),
        }
    }

    /// The cluster, to find the pods of a workload in.
    pub(super) fn cluster(&self) -> anyhow::Result<Cluster> {
        match &self.place {
            Place::Lab { client, .. } => client.cluster(),
            Place::Cluster { access, .. } => access.cluster(),
            Place::Socket(_) => bail!(
                "only a lab or the API of a cluster knows workloads and Services: name the pods"
            ),
        }
    }

    pub(crate) fn news(&mut self) -> anyhow::Result<News> {
        let mut news = News::default();
        loop {
            let answers = self.ask()?;
            let before = news.records.len();
            for (node, flows) in answers {
                self.take(node, flows, &mut news);
            }
            if news.records.len() == before {
                break;
            }
        }
        news.records.sort_by(|one, two| {
            let key = |record: &FlowRecord| (record.time, record.node.clone(), record.number);
            key(one).cmp(&key(two))
        });
        Ok(news)
    }

    fn ask(&self) -> anyhow::Result<BTreeMap<String, Flows>> {
        match &self.place {
            Place::Cluster { agents, .. } => self.ask_agents(agents),
            Place::Lab { client, node } => client.flows(node.as_deref(), &self.next),
            Place::Socket(socket) => {
                let from = self.next.values().next().copied().unwrap_or(0);
                let flows = ask_flows(socket, from);
                let flows = flows
                    .with_context(|| format!("cannot ask the agent at {}", socket.display()))?;
                Ok([("this node".to_owned(), flows)].into())
            }
        }
    }

    fn ask_agents(&self, agents: &Agents) -> anyhow::Result<BTreeMap<String, Flows>> {
        let from = |node: &str| self.next.get(node).copied().unwrap_or(0);
        let Answers { mut found, failed } =
            ask(agents, |node| StatusRequest::Flows { from: from(node) })?;
        let silent = failed.into_iter().map(|(node, reason)| {
            let flows = Flows {
                next: from(&node),
                problem: Some(reason),
                ..Flows::default()
            };
            (node, flows)
        });
        found.extend(silent);
        Ok(found)
    }

    fn take(&mut self, node: String, flows: Flows, news: &mut News) {
        news.is_partial |= flows.problem.is_some();
        if let Some(warning) = warning(&node, &flows)
            && self.said.get(&node) != Some(&warning)
        {
            news.warnings.push(warning.clone());
            self.said.insert(node.clone(), warning);
        }
        news.records.extend(flows.records);
        news.lost.insert(node.clone(), flows.lost);
        self.next.insert(node, flows.next);
    }
}

/// What is missing from a node's records.
fn warning(node: &str, flows: &Flows) -> Option<String> {
    let Lost {
        packets,
        unrecorded,
        records,
    } = flows.lost;
    let lost = [
        (packets, "copies of packets"),
        (unrecorded, "packets that are in no record"),
        (records, "older records"),
    ];
    let lost = lost.into_iter().filter(|(count, _)| *count > 0);
    let lost: Vec<String> = lost
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match &flows.problem {
        Some(problem) => Some(format!("{node}: {problem}")),
        None if lost.is_empty() => None,
        None => Some(format!("{node} has lost {}", lost.join(", "))),
    }
}
