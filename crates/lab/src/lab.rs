//! The lab itself: what was asked for, what runs, and the way from one to the other.
//!
//! A change is planned as a whole before anything of it is done ([`changes`]); pods live in [`pods`], what else runs on
//! nodes in [`nodes`]; [`server`] answers commands.

pub mod api;
pub mod changes;
pub mod containers;
mod documents;
mod flows;
pub mod names;
pub mod nodes;
pub mod pods;
pub mod programs;
pub mod rules;
pub mod server;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ringfence_compile::Enforcement;
use ringfence_model::{Object, ObjectKey, ObjectName, Phase, Pod};

use crate::cluster::desired::DesiredPod;
use crate::cluster::feed::Feed;
use crate::cluster::scheduler::Candidate;
use crate::cluster::system;
use crate::control::protocol::{LabConfig, LabStatus, NodeStatus, PodStatus, ServiceStatus};
use crate::plan::{NodePlan, plan};
use crate::sandbox::Sandbox;
use containers::{ContainerRecord, Seconds, now};
use names::Names;
use nodes::{Node, NodeSettings};

/// How long a change may take to be enforced on every node.
const ENFORCE_LIMIT: Duration = Duration::from_secs(20);
/// How long new pods may take to run.
const PODS_LIMIT: Duration = Duration::from_secs(40);

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    config: LabConfig,
    /// The policy view and its followers.
    pub feed: Arc<Feed>,
    names: Names,
    /// The nodes, control plane first.
    pub nodes: Vec<Arc<Node>>,
    plans: Vec<NodePlan>,
    candidates: Vec<Candidate>,
    /// The network namespace of the outside host.
    pub outside: OwnedFd,
    state: Mutex<State>,
    pods_changed: Condvar,
    /// Held during a change, so that changes happen one after the other.
    changing: Mutex<()>,
    ready_after_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<ObjectKey, Object>,
    /// The objects that manifests name, as they were written.
    documents: BTreeMap<ObjectKey, serde_json::Value>,
    /// Grows with each change that somebody can see.
    changes: u64,
    pods: BTreeMap<ObjectName, PodRecord>,
}

/// A pod and how it is.
#[derive(Debug)]
pub struct PodRecord {
    /// As it was asked for.
    pub desired: DesiredPod,
    /// As policy sees it, with live addresses.
    pub pod: Pod,
    /// What there is to say about it.
    pub message: Option<String>,
    /// Its sandbox, once it is up.
    pub(crate) sandbox: Option<Sandbox>,
    /// Whether it could not be started.
    pub failed_to_start: bool,
    /// How its containers run, by name.
    pub containers: BTreeMap<String, ContainerRecord>,
    /// When it was asked for.
    pub created: Seconds,
    /// When it last became ready, or ceased to be.
    pub turned: Seconds,
}

/// Where a command in a pod runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecTarget {
    /// The process whose namespaces are the pod's.
    pub pid: u32,
    /// The command's environment.
    pub environment: BTreeMap<String, String>,
}

impl PodRecord {
    fn new(desired: DesiredPod) -> Self {
        let pod = Pod {
            phase: Phase::Pending,
            ready: false,
            ..desired.pod.clone()
        };
        Self {
            desired,
            pod,
            message: None,
            failed_to_start: false,
            sandbox: None,
            containers: BTreeMap::new(),
            created: now(),
            turned: now(),
        }
    }

    /// Whether its containers have ended for good, so that it has no address any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.pod.phase, Phase::Succeeded | Phase::Failed)
    }
}

impl Lab {
    /// Builds nodes, names and the objects of the configuration, and waits until all of it runs and is enforced.
    ///
    /// # Errors
    /// If something does not come up. The caller then ends the lab.
    pub fn build(config: LabConfig, progress: &dyn Fn(&str)) -> anyhow::Result<Arc<Self>> {
        let cluster = &config.cluster;
        let plans = plan(cluster.nodes.len(), &cluster.pod_subnets)?;
        let network = crate::network::build(&plans)?;
        let settings = NodeSettings {
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
        let feed = Arc::new(Feed::default());
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
        let lab = Arc::new(Self {
            candidates: system::candidates(cluster, &plans),
            feed,
            names: Names::default(),
            nodes,
            plans,
            outside: network.outside,
            state: Mutex::default(),
            pods_changed: Condvar::new(),
            changing: Mutex::new(()),
            ready_after_ms: AtomicU64::new(0),
            config,
        });
        lab.start_nodes()?;
        lab.settle_first(progress)?;
        Ok(lab)
    }

    fn start_nodes(self: &Arc<Self>) -> anyhow::Result<()> {
        for node in &self.nodes {
            node.serve_store(&self.feed)?;
            node.start_metadata()?;
            Arc::clone(node).keep_agent_running();
        }
        let mut outside = nodes::start_in(
            &self.outside,
            &["internal", "outside"],
            &std::path::Path::new(nodes::DIRECTORY).join("outside.log"),
        )?;
        std::thread::spawn(move || outside.wait());
        let lab = Arc::clone(self);
        std::thread::spawn(move || lab.names.feed_server(&lab.feed));
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

    /// A pod as it was asked for; `None` once it is deleted.
    pub fn desired_pod(&self, name: &ObjectName) -> Option<DesiredPod> {
        self.lock()
            .pods
            .get(name)
            .map(|record| record.desired.clone())
    }

    /// Changes a pod's record; `false` if it is gone.
    pub fn update_pod(&self, name: &ObjectName, change: impl FnOnce(&mut PodRecord)) -> bool {
        let mut state = self.lock();
        let known = state.pods.get_mut(name).map(change).is_some();
        self.tell(&mut state);
        known
    }

    /// Tells the agents a pod's addresses.
    pub fn publish_addresses(&self, name: &ObjectName, addresses: &[IpAddr]) {
        self.update_and_publish(name, |record| record.pod.addresses = addresses.to_vec());
    }

    /// The pod serves: Services may send it traffic.
    pub fn mark_running(&self, name: &ObjectName) {
        self.update_and_publish(name, |record| {
            // It may have done its work already.
            if record.pod.phase == Phase::Pending {
                record.pod.phase = Phase::Running;
                record.pod.ready = true;
                record.turned = now();
            }
        });
    }

    /// The pod's containers ended and are not started again: it gives its address back.
    pub fn finish_pod(&self, name: &ObjectName, well: bool) {
        let mut sandbox = None;
        self.update_and_publish(name, |record| {
            record.pod.phase = if well {
                Phase::Succeeded
            } else {
                Phase::Failed
            };
            record.pod.ready = false;
            record.turned = now();
            sandbox = record.sandbox.take();
        });
        if let (Some(sandbox), Some(pod)) = (sandbox, self.desired_pod(name)) {
            pods::release(self, &pod, sandbox);
        }
    }

    fn update_and_publish(&self, name: &ObjectName, change: impl FnOnce(&mut PodRecord)) {
        let mut state = self.lock();
        if let Some(record) = state.pods.get_mut(name) {
            change(record);
            // Under the lock, so that the feed sees states in their order.
            self.feed.change(vec![pods::object(record)], vec![]);
        }
        self.tell(&mut state);
    }

    /// Tells those who wait for pods, and those who show the lab, that something is different.
    fn tell(&self, state: &mut State) {
        state.changes += 1;
        self.pods_changed.notify_all();
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
            .with_context(|| no_such_pod(&state, name))?;
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
        let nothing = BTreeMap::new();
        let containers = &record.desired.containers;
        let named = containers
            .iter()
            .find(|one| Some(one.name.as_str()) == container);
        let own = named.or(containers.first());
        let own = own.map_or(&nothing, |container| &container.environment);
        Ok(ExecTarget {
            pid: sandbox.pid(),
            environment: programs::environment(&record.desired, own),
        })
    }

    /// What a pod's containers have printed.
    ///
    /// # Errors
    /// If there is no such pod.
    pub fn logs(&self, name: &ObjectName) -> anyhow::Result<String> {
        let state = self.lock();
        let record = state
            .pods
            .get(name)
            .with_context(|| no_such_pod(&state, name))?;
        let read = |container: &str| {
            let file = pods::directory(name).join(format!("{container}.log"));
            String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned()
        };
        Ok(record
            .desired
            .containers
            .iter()
            .map(|container| read(&container.name))
            .collect())
    }

    /// Everything there is and how it is.
    pub fn status(&self) -> LabStatus {
        let progress = self.feed.progress();
        let (cluster, revision) = self.feed.cluster();
        let state = self.lock();
        let nodes = self.nodes.iter().zip(&self.plans).map(|(node, plan)| {
            let progress = progress.get(&node.name).cloned().unwrap_or_default();
            NodeStatus {
                name: node.name.clone(),
                role: node.role.clone(),
                addresses: plan.addresses.clone(),
                pod_cidrs: plan.pod_cidrs.clone(),
                enforced_revision: progress.enforced,
                agent_starts: node.agent_starts(),
                trouble: progress.trouble,
            }
        });
        LabStatus {
            name: self.config.name.clone(),
            enforcement: self.config.enforcement,
            ready_after_ms: self.ready_after_ms.load(Ordering::Relaxed),
            nodes: nodes.collect(),
            pods: state.pods.values().map(pod_status).collect(),
            services: cluster
                .services
                .values()
                .map(|service| ServiceStatus {
                    name: service.name.clone(),
                    cluster_addresses: system::cluster_addresses(service),
                    ports: service
                        .ports
                        .iter()
                        .map(|port| format!("{}/{}", port.port, port.protocol))
                        .collect(),
                    backends: system::backends(&cluster, service),
                })
                .collect(),
            network_policies: cluster.network_policies.keys().cloned().collect(),
            cluster_policies: cluster.cluster_policies.keys().cloned().collect(),
            revision,
        }
    }

    /// Waits until each of `names` runs or has run.
    ///
    /// # Errors
    /// If a pod could not be started or is late; the text names it and the reason.
    fn wait_for_pods(&self, names: &[ObjectName]) -> anyhow::Result<()> {
        let deadline = Instant::now() + PODS_LIMIT;
        let mut state = self.lock();
        loop {
            let records = || names.iter().filter_map(|name| state.pods.get(name));
            if let Some(record) = records().find(|record| record.failed_to_start) {
                let message = record.message.as_deref().unwrap_or_default();
                anyhow::bail!("pod {} does not run: {message}", record.pod.name);
            }
            let Some(waiting) = records().find(|record| record.pod.phase == Phase::Pending) else {
                return Ok(());
            };
            let left = deadline.saturating_duration_since(Instant::now());
            anyhow::ensure!(
                !left.is_zero(),
                "pod {} does not run after {} s: {}",
                waiting.pod.name,
                PODS_LIMIT.as_secs(),
                waiting.message.as_deref().unwrap_or("it is starting")
            );
            state = self
                .pods_changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

fn no_such_pod(state: &State, name: &ObjectName) -> String {
    let all = names::join(state.pods.keys());
    format!("no pod `{name}`; the pods are {all}")
}

fn pod_status(record: &PodRecord) -> PodStatus {
    PodStatus {
        name: record.pod.name.clone(),
        phase: format!("{:?}", record.pod.phase),
        message: record.message.clone(),
        node: record.pod.node.clone(),
        host_network: record.pod.host_network,
        addresses: record.pod.addresses.clone(),
    }
}
