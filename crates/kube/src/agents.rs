//! The agents of a live cluster: their pods, and questions that are asked in them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod};
use kube::api::{ListParams, ObjectList};
use kube::{Api, Client};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::exec::{self, Ended, message};
use crate::snapshot::runtime;
use crate::{Access, ReadError};

/// How the chart labels them.
const AGENTS: &str = "app.kubernetes.io/name=ringfence,app.kubernetes.io/component=agent";
/// How the chart calls their container.
const CONTAINER: &str = "agent";
/// Nodes that are asked at the same time.
const AT_ONCE: usize = 16;

/// Why the agents of a cluster cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentsError {
    /// No cluster is meant, or it cannot be asked.
    #[error(transparent)]
    Access(#[from] ReadError),
    /// The server lists something not.
    #[error("the server of context `{context}` does not list {what}: {message}")]
    Unseen {
        /// The context.
        context: String,
        /// What was to be listed.
        what: String,
        /// What the server says.
        message: String,
    },
    /// There are none.
    #[error(
        "no agent of ringfence is in namespace `{namespace}` of context `{context}`: --agent-namespace says where the chart is installed"
    )]
    None {
        /// The context.
        context: String,
        /// Where they were looked for.
        namespace: String,
    },
    /// There is none on a node.
    #[error("no agent of ringfence is on node `{node}`; there is one on {}", .known.join(", "))]
    NotThere {
        /// The node.
        node: String,
        /// Nodes that have one.
        known: Vec<String>,
    },
}

/// An agent's pod, as its node told the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentPod {
    /// Its name.
    pub pod: String,
    /// Whether its probes have found that it enforces what it heard.
    pub ready: bool,
    /// How often its container was started again.
    pub restarts: i32,
    /// What runs in it.
    pub image: String,
    /// Since when the pod is there (RFC 3339).
    pub since: Option<String>,
    /// What keeps it, if something does.
    pub trouble: Option<String>,
}

/// The agents that a cluster has.
pub struct Agents {
    runtime: Runtime,
    client: Client,
    cluster: Named,
    namespace: String,
    /// By node. A node that is being upgraded may have an old one that ends; the one that does not counts.
    pods: BTreeMap<String, AgentPod>,
}

/// Whose answers they are.
struct Named {
    context: String,
    server: String,
}

impl Named {
    fn unreachable(&self, error: &kube::Error) -> AgentsError {
        ReadError::unreachable(&self.context, &self.server, error).into()
    }

    fn unseen(&self, what: String, error: kube::Error) -> AgentsError {
        if !matches!(error, kube::Error::Api(_)) {
            return self.unreachable(&error);
        }
        AgentsError::Unseen {
            context: self.context.clone(),
            what,
            message: message(error),
        }
    }
}

impl std::fmt::Debug for Agents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agents")
            .field("context", &self.cluster.context)
            .field("pods", &self.pods)
            .finish_non_exhaustive()
    }
}

impl Agents {
    /// Lists the agents in `namespace`; on `node` alone if that is named.
    ///
    /// # Errors
    /// No cluster is meant, its pods may not be listed, or it has no agent there.
    pub fn find(access: &Access, namespace: &str, node: Option<&str>) -> Result<Self, AgentsError> {
        let runtime = runtime()?;
        let target = runtime.block_on(access.target()).map_err(ReadError::from)?;
        let cluster = Named {
            server: target.config.cluster_url.to_string(),
            context: target.context,
        };
        let entered = runtime.enter();
        let client = Client::try_from(target.config);
        let client = client.map_err(|error| cluster.unreachable(&error))?;
        drop(entered);
        let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let listed = runtime.block_on(api.list(&ListParams::default().labels(AGENTS)));
        let listed = listed.map_err(|error| {
            cluster.unseen(format!("the pods of namespace `{namespace}`"), error)
        })?;
        let mut pods = by_node(listed);
        if pods.is_empty() {
            return Err(AgentsError::None {
                context: cluster.context,
                namespace: namespace.to_owned(),
            });
        }
        if let Some(node) = node {
            let known = || pods.keys().cloned().collect();
            let not_there = || AgentsError::NotThere {
                node: node.to_owned(),
                known: known(),
            };
            let only = pods.get(node).cloned().ok_or_else(not_there)?;
            pods = [(node.to_owned(), only)].into();
        }
        Ok(Self {
            runtime,
            client,
            cluster,
            namespace: namespace.to_owned(),
            pods,
        })
    }

    /// Their pods by node.
    #[must_use]
    pub const fn pods(&self) -> &BTreeMap<String, AgentPod> {
        &self.pods
    }

    /// The names of the cluster's nodes.
    ///
    /// # Errors
    /// They may not be listed.
    pub fn nodes(&self) -> Result<Vec<String>, AgentsError> {
        let api: Api<Node> = Api::all(self.client.clone());
        let listed = self
            .runtime
            .block_on(api.list_metadata(&ListParams::default()));
        let listed = listed.map_err(|error| self.cluster.unseen("nodes".to_owned(), error))?;
        let names = listed
            .items
            .into_iter()
            .filter_map(|node| node.metadata.name);
        Ok(names.collect())
    }

    /// Runs the command that `command` gives for each node in its agent's pod, on several nodes at the same time. What it printed
    /// comes back by node, or why nothing did: it failed, or did not end within `limit`.
    pub fn ask(
        &self,
        command: impl Fn(&str) -> Vec<String>,
        limit: Duration,
    ) -> BTreeMap<String, Result<String, String>> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let work = self.pods.iter().map(|(node, agent)| {
            let (api, command) = (&api, command(node));
            async move {
                let run = exec::run(api, (&agent.pod, CONTAINER), &command);
                let ended = tokio::time::timeout(limit, run).await;
                let ended = ended.unwrap_or_else(|_| Err("no answer in time".to_owned()));
                let pod = |reason| format!("pod {}/{}: {reason}", self.namespace, agent.pod);
                (node.clone(), ended.and_then(printed).map_err(pod))
            }
        });
        let work: Vec<_> = work.collect();
        self.runtime
            .block_on(stream::iter(work).buffered(AT_ONCE).collect())
    }
}

fn printed(ended: Ended) -> Result<String, String> {
    match ended.code {
        0 => Ok(ended.output),
        code => Err(format!("exit code {code}: {}", ended.complaint)),
    }
}

fn by_node(listed: ObjectList<Pod>) -> BTreeMap<String, AgentPod> {
    let mut found: BTreeMap<String, AgentPod> = BTreeMap::new();
    let ending = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    let (old, new): (Vec<Pod>, Vec<Pod>) = listed.items.into_iter().partition(ending);
    for pod in old.into_iter().chain(new) {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        if let Some(node) = node {
            found.insert(node, agent(pod));
        }
    }
    found
}

fn agent(pod: Pod) -> AgentPod {
    let ending = pod.metadata.deletion_timestamp.is_some();
    let status = pod.status.unwrap_or_default();
    let containers = status.container_statuses.unwrap_or_default();
    let own = containers
        .iter()
        .find(|container| container.name == CONTAINER);
    let trouble = match (ending, own) {
        (true, _) => Some("it is being removed".to_owned()),
        (false, Some(own)) => trouble(own),
        (false, None) => status.message.or(status.reason),
    };
    AgentPod {
        pod: pod.metadata.name.unwrap_or_default(),
        ready: !ending && own.is_some_and(|own| own.ready),
        restarts: own.map_or(0, |own| own.restart_count),
        image: own.map(|own| own.image.clone()).unwrap_or_default(),
        since: pod
            .metadata
            .creation_timestamp
            .map(|time| time.0.to_string()),
        trouble,
    }
}

/// Why a container does not run.
fn trouble(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    let waiting = state
        .waiting
        .as_ref()
        .and_then(|waiting| waiting.reason.clone());
    let ended = || {
        let ended = state.terminated.as_ref()?;
        let reason = ended.reason.clone().unwrap_or_default();
        Some(format!("{reason} with exit code {}", ended.exit_code))
    };
    waiting.or_else(ended)
}
