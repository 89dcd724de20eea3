use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ringfence_compile::{PodCgroups, host_pods_table, judges_host_pods};
use ringfence_model::{Cluster, ObjectName};
use ringfence_netlink::nftables::{Nftables, Owner, ReadError, TableState};
use ringfence_ruleset::{Operation, Table, diff};

use super::cgroups::Hierarchy;
use super::{HostPodsHealth, Wish};
use crate::AgentConfig;
use crate::config::{Enforcement, host_pods_name};
use crate::run::{Input, ask, spawn};

/// How often is asked for changes: of the cluster while no policy judges pods in the node's network, and of cgroups while one does.
const IDLE: Duration = Duration::from_secs(1);
const BUSY: Duration = Duration::from_millis(250);
/// How often it is seen to that the table is there, and that pods are where they were.
const CHECK: Duration = Duration::from_secs(10);

/// How every problem begins.
const NOT_KEPT: &str = "pods in the network of this node may reach what policies keep from them";
/// What is missing where nobody has said where cgroups are.
const NOT_TOLD: &str = "this agent was not told where the node's cgroups are: `hostCgroups` of its settings, `guard.hostPods` of the chart";

/// Starts to keep the table, in the network namespace of the calling thread.
pub(crate) fn start(config: &AgentConfig, inputs: &Sender<Input>) -> Result<()> {
    if config.enforcement == Enforcement::Off {
        return Ok(());
    }
    let mut nftables = Nftables::open()?;
    if config.protect_table {
        nftables.own_tables()?;
    }
    let keeper = Keeper {
        node: config.node.clone(),
        table: host_pods_name(&config.table_name),
        folder: config.host_cgroups.clone(),
        nftables,
        wish: None,
        hierarchy: None,
        applied: None,
        checked: None,
        told: HostPodsHealth::Off,
    };
    let agent = inputs.clone();
    spawn("host pods", inputs, move || keeper.keep(&agent))
}

struct Keeper {
    node: String,
    table: String,
    /// Where the node's hierarchy of cgroups is.
    folder: Option<PathBuf>,
    nftables: Nftables,
    /// What was last heard; nothing before everything was.
    wish: Option<Wish>,
    hierarchy: Option<Hierarchy>,
    /// What the kernel took last; nothing before it was read.
    applied: Option<Option<Table>>,
    checked: Option<Instant>,
    told: HostPodsHealth,
}

impl Keeper {
    /// Until the agent ends. The table stays.
    fn keep(mut self, agent: &Sender<Input>) {
        while self.hear(agent) {
            if self.wish.is_some() {
                let health = self.apply();
                self.tell(health, agent);
            }
            thread::sleep(match self.told {
                HostPodsHealth::Off => IDLE,
                HostPodsHealth::On { .. } | HostPodsHealth::Failing { .. } => BUSY,
            });
        }
    }

    /// Asks for changes; `false` if nobody is there to answer.
    fn hear(&mut self, agent: &Sender<Input>) -> bool {
        let known = self.wish.as_ref().map(|wish| wish.version);
        let answer = ask(agent, |answer| Input::HostPodsWish { known, answer });
        let is_there = answer.is_some();
        if let Some(wish) = answer.flatten() {
            self.wish = Some(*wish);
        }
        is_there
    }

    fn tell(&mut self, health: HostPodsHealth, agent: &Sender<Input>) {
        if health == self.told {
            return;
        }
        match &health {
            HostPodsHealth::Failing { problem } => tracing::error!("{problem}"),
            HostPodsHealth::On {
                pods,
                granted,
                waiting,
            } => tracing::info!(
                pods,
                ?granted,
                ?waiting,
                "pods in the network of this node are judged"
            ),
            HostPodsHealth::Off => {
                tracing::info!("no policy judges pods in the network of this node")
            }
        }
        self.told = health.clone();
        // A loop that is gone does not care.
        let _ = agent.send(Input::HostPods(health));
    }

    /// Makes the table what it has to be. If that cannot be told, what stands stays.
    fn apply(&mut self) -> HostPodsHealth {
        let Some(cluster) = self.wish.as_ref().map(|wish| Arc::clone(&wish.cluster)) else {
            return HostPodsHealth::Off;
        };
        let is_due = self.checked.is_none_or(|at| at.elapsed() >= CHECK);
        let done = match judges_host_pods(&cluster) {
            true => self.enforce(&cluster, is_due),
            false => self.commit(None, false).map(|()| HostPodsHealth::Off),
        };
        done.unwrap_or_else(|error| HostPodsHealth::Failing {
            problem: format!("{NOT_KEPT}: {error:#}"),
        })
    }

    fn enforce(&mut self, cluster: &Cluster, is_due: bool) -> Result<HostPodsHealth> {
        let cgroups = self.cgroups(is_due)?;
        let made = host_pods_table(cluster, &self.node, &cgroups, &self.table);
        let made = made.context("no policy judges them")?;
        self.commit(Some(made.table), is_due)?;
        let names = |pods: &[ObjectName]| pods.iter().map(ToString::to_string).collect();
        Ok(HostPodsHealth::On {
            pods: made.pods.len(),
            granted: names(&made.granted),
            waiting: names(&made.waiting),
        })
    }

    /// The cgroups of the node's pods. Those of all of them are looked for anew now and then, and when they are not where they were.
    fn cgroups(&mut self, is_due: bool) -> Result<PodCgroups> {
        let folder = self.folder.as_deref().context(NOT_TOLD)?;
        if !is_due && let Some(found) = self.hierarchy.as_ref().and_then(|it| it.read().ok()) {
            return Ok(found);
        }
        self.hierarchy = None;
        let hierarchy = Hierarchy::find(folder)?;
        let found = hierarchy.read()?;
        self.hierarchy = Some(hierarchy);
        Ok(found)
    }

    /// Has the kernel hold this table, or none. What it holds is read when that is due, and when it is not known.
    fn commit(&mut self, wanted: Option<Table>, is_due: bool) -> Result<()> {
        let is_known = self.applied.as_ref() == Some(&wanted);
        if is_known && !is_due {
            return Ok(());
        }
        let operations = match self.applied.as_ref().filter(|_| !is_due) {
            Some(applied) => between(applied.as_ref(), wanted.as_ref()),
            None => match self.live() {
                Ok(Live::Table(live)) => between(live.as_deref(), wanted.as_ref()),
                Ok(Live::Foreign) => {
                    let made = between(None, wanted.as_ref());
                    [Operation::DeleteTable].into_iter().chain(made).collect()
                }
                // Others are busy on older kernels; what was applied is looked at the next time.
                Err(_) if is_known => return Ok(()),
                Err(error) => return Err(error),
            },
        };
        self.applied = None;
        if !operations.is_empty() {
            if is_known {
                tracing::warn!(
                    table = self.table,
                    "another program had changed the table; it is repaired"
                );
            }
            let applied = self.nftables.apply(&self.table, &operations);
            applied.with_context(|| format!("cannot commit the table `{}`", self.table))?;
        }
        self.applied = Some(wanted);
        self.checked = Some(Instant::now());
        Ok(())
    }

    /// What the kernel holds, which is this agent's from now on.
    fn live(&mut self) -> Result<Live> {
        let context = || format!("cannot read the table `{}`", self.table);
        let flags = self
            .nftables
            .table_flags(&self.table)
            .with_context(context)?;
        let is_own = match flags.map(|flags| flags.owner) {
            None => return Ok(Live::Table(None)),
            Some(Owner::Orphan) if self.nftables.owns_tables() => {
                self.nftables.adopt(&self.table).with_context(context)?;
                true
            }
            Some(Owner::Port(port)) if port != self.nftables.port() => {
                bail!(
                    "the table `{}` belongs to another running program: is there a second agent?",
                    self.table
                )
            }
            Some(Owner::Port(_)) => true,
            Some(Owner::Orphan | Owner::None) => !self.nftables.owns_tables(),
        };
        let state = match self.nftables.read_table(&self.table) {
            Ok(state) => state,
            Err(
                ReadError::Malformed { .. }
                | ReadError::UnknownType { .. }
                | ReadError::Foreign { .. },
            ) => {
                return Ok(Live::Foreign);
            }
            Err(error) => return Err(error).with_context(context),
        };
        let Some(state) = state else {
            return Ok(Live::Table(None));
        };
        Ok(self
            .understood(&state)
            .filter(|_| is_own)
            .map_or(Live::Foreign, |table| Live::Table(Some(Box::new(table)))))
    }

    fn understood(&self, state: &TableState) -> Option<Table> {
        state.to_table(&self.table)
    }
}

/// What the kernel holds under the table's name.
enum Live {
    Table(Option<Box<Table>>),
    /// Something that this agent did not write, or that others may change.
    Foreign,
}

fn between(old: Option<&Table>, new: Option<&Table>) -> Vec<Operation> {
    match (old, new) {
        (old, Some(new)) => diff(old, new),
        (Some(_), None) => vec![Operation::DeleteTable],
        (None, None) => Vec::new(),
    }
}
