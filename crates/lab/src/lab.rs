//! The lab itself: its nodes, its API, and the pods that run.
//!
//! What there is stands in the store of the Kubernetes API ([`api`]); the controllers act on it, the lab runs the pods that
//! have a node (`kubelet`, [`pods`]), and the agents are told what policy sees of it (`feed`). [`changes`] are the lab's own
//! commands, which are clients of the same store; [`server`] answers them.

pub mod agents;
pub mod api;
mod balancers;
pub mod changes;
pub mod containers;
mod control_plane;
mod documents;
mod flows;
pub mod images;
mod kubelet;
pub mod names;
pub mod nodes;
pub mod pods;
pub mod programs;
mod record;
pub mod rules;
pub mod server;
pub mod snapshot;
mod status;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ringfence_apiserver::api::Api;
use ringfence_apiserver::server::{Identity, Server};
use ringfence_compile::Enforcement;
use ringfence_controllers::{Runner, RunnerConfig};
use ringfence_model::{Object, ObjectKey, ObjectName, Pod};
use tokio::sync::Notify;

use crate::cluster::desired::DesiredPod;
use crate::cluster::feed::Feed;
use crate::cluster::scheduler::Candidate;
use crate::cluster::system;
use crate::control::protocol::LabConfig;
use crate::plan::{NodePlan, plan};
use crate::process::container::ContainerProcess;
use crate::process::printed::Printed;
use agents::Installed;
use balancers::Balancers;
use images::Images;
use names::Names;
use nodes::{Node, NodeSettings};
use programs::Invocation;
pub use record::{PodId, PodRecord};
use snapshot::Held;

/// How long a change may take to be enforced on every node.
const ENFORCE_LIMIT: Duration = Duration::from_secs(20);
/// How long new pods may take to run, and old ones to end.
const PODS_LIMIT: Duration = Duration::from_secs(40);

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    config: LabConfig,
    /// The file that it keeps its objects in.
    snapshot: Option<Held>,
    /// What containers may run.
    images: Images,
    /// The policy view and its followers.
    pub feed: Arc<Feed>,
    names: Names,
    balancers: Balancers,
    /// The nodes, control plane first.
    pub nodes: Vec<Arc<Node>>,
    plans: Vec<NodePlan>,
    candidates: Vec<Candidate>,
    /// The network namespace of the outside host.
    pub outside: OwnedFd,
    /// That of the control plane, where a provider runs it.
    control: Option<OwnedFd>,
    /// What there is stands in its store.
    api: Arc<Api>,
    /// What nodes are given where agents follow the API, and what serves it to them.
    installed: Option<Installed>,
    node_servers: OnceLock<Vec<Server>>,
    controllers: RunnerConfig,
    runner: OnceLock<Runner>,
    state: Mutex<State>,
    pods_changed: Condvar,
    /// Tells the kubelet to look at the pods again.
    look_again: Notify,
    /// Held while the status of a pod is written, so that the last word is the newest.
    telling: Mutex<()>,
    /// Held during a change by the lab's own commands, so that these happen one after the other.
    changing: Mutex<()>,
    ready_after_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Objects as manifests have them, with the places where they were written.
    written: BTreeMap<ObjectKey, Object>,
    /// The pods that the lab runs.
    pods: BTreeMap<ObjectName, PodRecord>,
    /// Pods, by uid, that are not tried again before a time.
    postponed: BTreeMap<String, Instant>,
}

/// Where a command in a pod runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecTarget {
    /// The process whose namespaces are the pod's.
    pub pid: u32,
    /// Where it stands which process has the files that the command sees, if those are not the pod's.
    pub container: Option<PathBuf>,
    /// The command's environment.
    pub environment: BTreeMap<String, String>,
}

impl ExecTarget {
    /// How a command is started there: an image has its own programs, whatever they are called.
    #[must_use]
    pub fn invocation(&self, command: &[String]) -> Invocation {
        if self.container.is_some() {
            return Invocation {
                arguments: command.to_vec(),
                builtin: false,
            };
        }
        programs::invocation(command)
    }
}

impl Lab {
    /// Builds nodes, names and the objects of the configuration, and waits until all of it runs and is enforced. Pods and agents
    /// know the API by its `identity`, and it knows the agents.
    ///
    /// # Errors
    /// If something does not come up. The caller then ends the lab.
    pub fn build(
        config: LabConfig,
        identity: &mut Identity,
        progress: &dyn Fn(&str),
    ) -> anyhow::Result<Arc<Self>> {
        let snapshot = config.snapshot.as_deref();
        let snapshot = snapshot.map(|path| Held::take(path, &config.name));
        let snapshot = snapshot.transpose()?;
        let images = Images::read(config.images.as_deref())?;
        let cluster = config.cluster.clone();
        let plans = plan(cluster.nodes.len(), &cluster.pod_subnets)?;
        let network = crate::network::build(&plans, config.control_plane)?;
        let installed = Installed::new(&config, network.pod_mtu, identity)?;
        let settings = NodeSettings {
            installed: installed.clone(),
            pod_cidrs: cluster.pod_subnets.clone(),
            service_cidrs: cluster.service_subnets.clone(),
            record: config.record,
            enforcement: if config.enforcement {
                Enforcement::On
            } else {
                Enforcement::Off
            },
            pod_mtu: network.pod_mtu,
        };
        let mut nodes = Vec::new();
        for ((node, namespace), plan) in cluster.nodes.iter().zip(network.nodes).zip(&plans) {
            let role = node.role.to_string();
            let node = Node::new(
                node.name.clone(),
                role,
                namespace,
                &plan.pod_cidrs,
                &settings,
            )?;
            nodes.push(Arc::new(node));
        }
        progress(&format!(
            "{} nodes: {}",
            nodes.len(),
            names::join(nodes.iter().map(|node| &node.name))
        ));
        let lab = Arc::new_cyclic(|lab| Self {
            candidates: system::candidates(&cluster, &plans),
            feed: Arc::default(),
            names: Names::default(),
            balancers: Balancers::default(),
            nodes,
            plans,
            outside: network.outside,
            control: network.control,
            api: api::new(lab.clone(), &cluster.service_subnets),
            installed,
            node_servers: OnceLock::new(),
            controllers: RunnerConfig::all(identity.authority()),
            runner: OnceLock::new(),
            state: Mutex::default(),
            pods_changed: Condvar::new(),
            look_again: Notify::new(),
            telling: Mutex::new(()),
            changing: Mutex::new(()),
            ready_after_ms: AtomicU64::new(0),
            snapshot,
            images,
            config,
        });
        if lab.images.names().next().is_some() {
            progress(&format!("images: {}", names::join(lab.images.names())));
        }
        lab.record_system();
        lab.serve_nodes(identity)?;
        lab.start_nodes()?;
        lab.take_over()?;
        lab.wait_for_networks()?;
        lab.start_control()?;
        lab.settle_first(progress)?;
        lab.settle_restored(progress)?;
        lab.keep_snapshot()?;
        Ok(lab)
    }

    fn start_nodes(self: &Arc<Self>) -> anyhow::Result<()> {
        for node in &self.nodes {
            self.feed.add_node(&node.name);
            if !self.agents_follow_api() {
                node.serve_store(&self.feed)?;
            }
            node.start_metadata()?;
            Arc::clone(node).keep_agent_running();
        }
        let mut outside = nodes::start_in(
            &self.outside,
            &["internal", "outside"],
            &std::path::Path::new(nodes::DIRECTORY).join("outside.log"),
        )?;
        std::thread::spawn(move || outside.wait());
        self.start_control_nodes()?;
        for server in 0..system::DNS_SERVERS.len() {
            let lab = Arc::clone(self);
            std::thread::spawn(move || lab.names.feed_server(&lab.feed, server));
        }
        Ok(())
    }

    /// What acts on the store: the controllers, and what runs pods.
    fn start_control(self: &Arc<Self>) -> anyhow::Result<()> {
        kubelet::start(self)?;
        balancers::start(self)?;
        let runner = Runner::start(Arc::clone(&self.api), self.controllers.clone());
        let runner = runner.context("cannot start the controllers")?;
        let _ = self.runner.set(runner);
        Ok(())
    }

    /// Remembers how long the start took.
    pub fn set_ready(&self, after_ms: u64) {
        self.ready_after_ms.store(after_ms, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node by name.
    ///
    /// # Errors
    /// If there is none, naming those there are.
    pub fn node(&self, name: &str) -> anyhow::Result<&Arc<Node>> {
        self.nodes
            .iter()
            .find(|node| node.name == name)
            .with_context(|| {
                let all = names::join(self.nodes.iter().map(|node| &node.name));
                format!("no node `{name}`; the nodes are {all}")
            })
    }

    /// Addresses of a node.
    pub fn node_addresses(&self, name: &str) -> Vec<IpAddr> {
        let position = self.nodes.iter().position(|node| node.name == name);
        position
            .and_then(|index| self.plans.get(index))
            .map(|plan| plan.addresses.clone())
            .unwrap_or_default()
    }

    /// The pod of this name that runs, and as what it was asked for.
    pub fn running_pod(&self, name: &ObjectName) -> Option<(PodId, DesiredPod)> {
        let state = self.lock();
        let record = state.pods.get(name)?;
        let id = PodId {
            name: name.clone(),
            uid: record.uid.clone(),
        };
        Some((id, record.desired.clone()))
    }

    /// Content of a pod's `/etc/resolv.conf`.
    pub fn resolv_conf(&self, pod: &Pod) -> String {
        let servers = system::dns_addresses(&self.config.cluster.service_subnets);
        let lines: String = servers
            .iter()
            .map(|address| format!("nameserver {address}\n"))
            .collect();
        let namespace = &pod.name.namespace;
        format!(
            "{lines}search {namespace}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
        )
    }

    /// Where a command in a pod runs: in the namespaces of a process, with the environment of `container`, or of the first.
    ///
    /// # Errors
    /// If there is no such pod, or it does not run.
    pub fn exec_target(
        &self,
        name: &ObjectName,
        container: Option<&str>,
    ) -> anyhow::Result<ExecTarget> {
        let state = self.lock();
        let record = state
            .pods
            .get(name)
            .with_context(|| self.no_such_pod(name))?;
        let (Some(sandbox), false) = (&record.sandbox, record.has_ended()) else {
            let reason = record.message.as_deref();
            anyhow::bail!(
                "pod {name} is not running: {}",
                reason.unwrap_or(if record.has_ended() {
                    "it has ended"
                } else {
                    "it is starting"
                })
            );
        };
        let containers = &record.desired.containers;
        let named = containers
            .iter()
            .chain(&record.ephemeral)
            .find(|one| Some(one.name.as_str()) == container);
        let own = named.or(containers.first());
        let directory = pods::directory(name);
        let image = own.filter(|container| container.image_program().is_some());
        Ok(ExecTarget {
            pid: sandbox.pid(),
            container: image.map(|image| ContainerProcess::file(&directory, &image.name)),
            environment: programs::environment(&record.desired, own),
        })
    }

    /// What a pod's containers have printed since they were started the last time.
    ///
    /// # Errors
    /// If there is no such pod.
    pub fn logs(&self, name: &ObjectName) -> anyhow::Result<String> {
        let state = self.lock();
        let record = state
            .pods
            .get(name)
            .with_context(|| self.no_such_pod(name))?;
        let read = |container: &str| {
            let printed = Printed::of(&pods::directory(name), container);
            String::from_utf8_lossy(&std::fs::read(printed.text).unwrap_or_default()).into_owned()
        };
        Ok(record
            .desired
            .containers
            .iter()
            .map(|container| read(&container.name))
            .collect())
    }
}
