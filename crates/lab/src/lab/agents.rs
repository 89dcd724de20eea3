//! Agents as a cluster has them: they follow the API with an account of their own, and write nothing to it.
//!
//! What a node has in force is asked of its agent: which versions of the objects its kernel enforces. A node that has those of
//! the store enforces all that was announced before.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ringfence_agent::protocol::AgentStatus;
use ringfence_agent::status::{Health, ask_health};
use ringfence_apiserver::object::{name, namespace, revision};
use ringfence_apiserver::server::{Identity, Server};
use ringfence_model::{Held, Holdings, Mark};
use ringfence_netlink::namespace::run_in;

use super::nodes::{Node, Part, plugin_dir};
use super::{Lab, api};
use crate::cluster::installation::{Installation, Values};
use crate::control::protocol::{Agents, LabConfig};

/// How long the agents may take to have heard the cluster and to answer for pods.
const START_LIMIT: Duration = Duration::from_secs(40);
/// How often a node is asked that is behind, and one that is not.
const POLL: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_secs(1);

/// What every node is given.
#[derive(Clone, Debug)]
pub struct Installed {
    /// What the chart installs.
    pub installation: Installation,
    /// The file by which agents find the API, with the token of their account.
    kubeconfig: String,
    /// Where that is, at each node.
    address: SocketAddr,
}

impl Installed {
    /// What the lab of `config` gives its nodes, if its agents follow the API. `identity` knows them from now on.
    ///
    /// # Errors
    /// If there is no randomness, or what the chart gives cannot be used.
    pub fn new(
        config: &LabConfig,
        pod_mtu: u32,
        identity: &mut Identity,
    ) -> anyhow::Result<Option<Self>> {
        if config.agents == Agents::Lab {
            return Ok(None);
        }
        let installation = Installation::new(&Values {
            pod_cidrs: &config.cluster.pod_subnets,
            service_cidrs: &config.cluster.service_subnets,
            mtu: pod_mtu,
            record: config.record,
        })?;
        let token = identity.admit(installation.account.clone())?;
        let (host, port) = installation.api().context("the chart names no API")?;
        let host: IpAddr = host.parse().context("the chart's API is at no address")?;
        let address = SocketAddr::new(host, port);
        Ok(Some(Self {
            kubeconfig: identity.kubeconfig_of(&token, &config.name, &address.to_string()),
            installation,
            address,
        }))
    }
}

impl Node {
    /// Writes what the chart would mount, and says how its agent is started. The flags are the places that a container would have.
    pub(super) fn install(&self, installed: &Installed) -> anyhow::Result<Part> {
        let (settings, kubeconfig) = (
            self.directory.join("agent.yaml"),
            self.directory.join("agent.kubeconfig"),
        );
        std::fs::write(&settings, &installed.installation.settings)?;
        std::fs::write(&kubeconfig, &installed.kubeconfig)?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let more = [
            ("--kubeconfig", text(&kubeconfig)),
            ("--state-dir", text(&self.data_dir())),
            ("--cni-socket", text(&self.agent_socket())),
            ("--cni-conf-dir", text(&self.conf_dir())),
            ("--cni-bin-dir", text(&plugin_dir())),
            ("--tunnel-port", crate::network::TUNNEL_PORT.to_string()),
        ];
        let installation = &installed.installation;
        Ok(Part {
            arguments: installation.arguments(&text(&settings), &more),
            environment: installation.environment(&self.name),
        })
    }

    /// Serves the API at the address where this node's agent looks for it.
    fn serve_api(
        &self,
        lab: &Arc<Lab>,
        identity: &Identity,
        address: SocketAddr,
    ) -> anyhow::Result<Server> {
        let bound = run_in(&self.namespace, || TcpListener::bind(address))?;
        let listener =
            bound.with_context(|| format!("cannot listen at {address} of node {}", self.name))?;
        api::server(lab, identity.clone(), listener)
    }

    /// Whether its agent has written the network that pods are wired by, which is the last thing that it does.
    fn has_network(&self) -> bool {
        self.conf_dir()
            .join(ringfence_cni::installation::NETWORK_FILE)
            .exists()
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.directory.join("agent.log")).unwrap_or_default();
        log.lines().next_back().unwrap_or("nothing").to_owned()
    }
}

impl Lab {
    /// Whether agents follow the API by themselves.
    pub(super) const fn agents_follow_api(&self) -> bool {
        self.installed.is_some()
    }

    /// Serves the API to the nodes and asks them from now on what they enforce, if their agents follow it.
    pub(super) fn serve_nodes(self: &Arc<Self>, identity: &Identity) -> anyhow::Result<()> {
        let Some(installed) = &self.installed else {
            return Ok(());
        };
        let serve = |node: &Arc<Node>| node.serve_api(self, identity, installed.address);
        let servers: anyhow::Result<Vec<Server>> = self.nodes.iter().map(serve).collect();
        let _ = self.node_servers.set(servers?);
        for node in &self.nodes {
            let (lab, node) = (Arc::downgrade(self), Arc::clone(node));
            std::thread::spawn(move || ask_on(&lab, &node));
        }
        Ok(())
    }

    /// Waits until pods can be started on every node, where the agents say so.
    pub(super) fn wait_for_networks(&self) -> anyhow::Result<()> {
        if !self.agents_follow_api() {
            return Ok(());
        }
        let deadline = Instant::now() + START_LIMIT;
        for node in &self.nodes {
            while !node.has_network() {
                anyhow::ensure!(
                    Instant::now() < deadline,
                    "the agent of node {} is not ready after {} s; its last words are: {}",
                    node.name,
                    START_LIMIT.as_secs(),
                    node.last_words(),
                );
                sleep(POLL);
            }
        }
        Ok(())
    }

    /// Whether a node that enforces `in_force` enforces all that is stored.
    fn is_in_force(&self, in_force: &Holdings) -> bool {
        let store = self.api.store();
        let is_stored = |(resource, held): (&String, &Held)| {
            let marks = store
                .objects(resource)
                .map(|(_, object)| Mark::of(namespace(object), name(object), revision(object)));
            marks.collect::<Held>() == *held
        };
        !in_force.is_empty() && in_force.iter().all(is_stored)
    }

    /// What `health` says of how far a node is. What was announced up to `revision` was stored before it was asked.
    fn told_by(&self, revision: u64, health: Health) -> Vec<AgentStatus> {
        let is_in_force = self.is_in_force(&health.in_force);
        let applied = is_in_force.then_some(AgentStatus::Applied { revision });
        let unheard = || {
            let mut unheard = health.unheard.iter().filter(|_| !is_in_force);
            unheard.next().map(|(about, why)| format!("{about}: {why}"))
        };
        let trouble = health.problem.clone().or_else(unheard);
        let trouble = trouble.map(|message| AgentStatus::Degraded { message });
        applied.into_iter().chain(trouble).collect()
    }
}

/// Asks the agent of `node` how far it is, for as long as the lab lives.
fn ask_on(lab: &Weak<Lab>, node: &Node) {
    while let Some(lab) = lab.upgrade() {
        let revision = lab.feed.revision();
        // Who does not answer is being started anew.
        if let Ok(health) = ask_health(&node.status_socket()) {
            for status in lab.told_by(revision, health) {
                lab.feed.report(&node.name, status);
            }
        }
        if lab.feed.is_behind(&node.name, IDLE) {
            sleep(POLL);
        }
    }
}
