//! The agents of a live cluster, asked through its API: `--context`, `--kubeconfig`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueHint};
use ringfence_agent::status::StatusRequest;
use ringfence_kube::{Access, Agents};
use ringfence_model::{Cluster, DomainAddresses, assemble_with};
use serde::de::DeserializeOwned;

use super::cluster;

/// Where the image of the chart has the program.
const PROGRAM: &str = "/usr/local/bin/ringfence";
/// An agent may take two minutes to verify its table, and the API some time beside.
const PATIENCE: Duration = Duration::from_secs(150);
/// Where the chart is installed unless somebody says otherwise.
pub(crate) const NAMESPACE: &str = "ringfence-system";

/// Which live cluster's agents are asked.
#[derive(Clone, Debug, Args)]
pub(crate) struct AgentsArguments {
    /// Ask the agents of a live cluster, by this kubeconfig
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Ask the agents of a live cluster, by this context of the kubeconfig, which is KUBECONFIG or ~/.kube/config; empty for the
    /// current one
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The namespace of the agents in that cluster
    #[arg(long, value_name = "NAMESPACE", default_value = NAMESPACE)]
    pub(crate) agent_namespace: String,
}

/// What nodes answered, and why others did not, by name.
#[derive(Debug)]
pub(crate) struct Answers<T> {
    pub(crate) found: BTreeMap<String, T>,
    pub(crate) failed: BTreeMap<String, String>,
}

impl AgentsArguments {
    /// Whether an option names a cluster.
    pub(crate) const fn is_given(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }

    fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone().filter(|name| !name.is_empty()),
        }
    }

    /// The agents of the cluster that is named, on one node or on all.
    pub(crate) fn find(&self, node: Option<&str>) -> anyhow::Result<Agents> {
        Ok(Agents::find(&self.access(), &self.agent_namespace, node)?)
    }

    /// What the cluster holds, read once.
    pub(crate) fn cluster(&self) -> anyhow::Result<Cluster> {
        let snapshot = cluster::read(&self.access())?;
        let loaded = cluster::load(&snapshot);
        let (cluster, _) = assemble_with(&loaded.objects, DomainAddresses::default());
        Ok(cluster)
    }
}

/// Asks each of `agents` what `request` gives for its node.
pub(crate) fn ask<T: DeserializeOwned>(
    agents: &Agents,
    request: impl Fn(&str) -> StatusRequest,
) -> anyhow::Result<Answers<T>> {
    let mut requests = BTreeMap::new();
    for node in agents.pods().keys() {
        let text = serde_json::to_string(&request(node)).context("a question that is no JSON")?;
        requests.insert(node.as_str(), text);
    }
    let command = |node: &str| {
        let request = requests.get(node).map_or("", String::as_str);
        [PROGRAM, "internal", "status", request]
            .map(str::to_owned)
            .to_vec()
    };
    let mut answers = Answers {
        found: BTreeMap::new(),
        failed: BTreeMap::new(),
    };
    for (node, answer) in agents.ask(command, PATIENCE) {
        let read = answer.and_then(|text| {
            serde_json::from_str(&text)
                .map_err(|error| format!("its answer is of another version: {error}"))
        });
        match read {
            Ok(found) => drop(answers.found.insert(node, found)),
            Err(reason) => drop(answers.failed.insert(node, reason)),
        }
    }
    Ok(answers)
}
