//! Whether the table in the kernel does what the policies ask: read back and judged for all packets.

mod found;
mod schedule;
mod watch;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use ringfence_cni::plan::HOST_INTERFACE_PREFIX;
use ringfence_compile::{Enforcement, LocalEndpoint, RefusedRule, holds_trial};
use ringfence_model::{Cluster, Direction, HostFirewall, PolicyName};
use ringfence_netlink::nftables::{Nftables, TableState};
use ringfence_ruleset::Table;
use ringfence_verify::{Report, WiredPod, Wiring};
use serde::{Deserialize, Serialize};

use crate::AgentConfig;
use crate::run::{Input, ask};
pub use found::{Drift, Verified, Watched};
pub(crate) use watch::{Edited, SharedWatched, watch};

/// How often the agent is asked again while a change is under way.
const ATTEMPTS: usize = 50;
const WAIT: Duration = Duration::from_millis(100);

/// What a table is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The cluster as last completely received.
    pub cluster: Arc<Cluster>,
    /// Rules that the table leaves out for what they cost (rule AM-21).
    pub refused: Vec<RefusedRule>,
    /// The host firewalls during a trial, as long as the kernel keeps it (rule HF-4).
    pub trial: Option<BTreeMap<String, HostFirewall>>,
    /// The endpoints whose rules the table holds.
    pub endpoints: Vec<LocalEndpoint>,
    /// The store's revision that is enforced, if it is exactly one.
    pub revision: Option<u64>,
    /// How often what is enforced had changed by then.
    pub changes: u64,
}

/// Whether a table can be verified, and what has happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// How often what is enforced, or is to be, has changed; none while a change is under way.
    pub changes: Option<u64>,
    /// How often all began anew: the table was read, or the store told everything.
    pub beginnings: u64,
}

/// What came of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The comparison; none if there was none.
    pub report: Option<Report>,
    /// Why there was none.
    pub problem: Option<String>,
    /// The store's revision that the table was compared with, if it is exactly one.
    pub revision: Option<u64>,
    /// Elements of the table's sets.
    pub elements: usize,
    /// Rules of the table's chains.
    pub rules: usize,
    /// How long it took, reading included.
    pub milliseconds: u64,
    /// Rules that the table leaves out for what they cost, in words (rule AM-21): the comparison is with the policies without them.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// Why pods in the network of the node reach what policies keep from them, if they do: another table judges those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_pods: Option<String>,
    /// There was none because the table is gone, or holds what ringfence never writes.
    #[serde(default)]
    pub foreign: bool,
}

impl Verification {
    /// Whether the table does what all policies ask, for all packets; nothing if there was no comparison.
    #[must_use]
    pub fn is_equal(&self) -> Option<bool> {
        let report = self.report.as_ref()?;
        Some(report.is_equal() && self.left_out.is_empty())
    }

    fn impossible(problem: impl Into<String>) -> Self {
        Self {
            problem: Some(problem.into()),
            ..Self::default()
        }
    }

    fn foreign(problem: impl Into<String>) -> Self {
        Self {
            foreign: true,
            ..Self::impossible(problem)
        }
    }
}

/// Reads the table in the calling thread's network namespace and compares it with what the agent enforces. A table that
/// changes meanwhile is read again.
pub(crate) fn verify(agent: &Sender<Input>, config: &AgentConfig) -> Verification {
    let found = settled(agent, config);
    let health = ask(agent, |answer| Input::Health { answer });
    let host_pods = health.unwrap_or_default().host_pods;
    Verification {
        host_pods: host_pods.problem().map(str::to_owned),
        ..found
    }
}

fn settled(agent: &Sender<Input>, config: &AgentConfig) -> Verification {
    for _ in 0..ATTEMPTS {
        if let Some((found, _)) = attempt(agent, config) {
            return found;
        }
        thread::sleep(WAIT);
    }
    Verification::impossible("the agent has not brought its table up to date; try again later")
}

/// The same once: nothing if a change is under way, or else how often there had been one.
fn attempt(agent: &Sender<Input>, config: &AgentConfig) -> Option<(Verification, u64)> {
    let before = ask(agent, |answer| Input::Verify { answer }).flatten()?;
    let start = Instant::now();
    let state = read(&config.table_name);
    let after = ask(agent, |answer| Input::Pulse { answer })?;
    if after.changes != Some(before.changes) {
        return None;
    }
    let mut found = match state {
        Ok(state) => judge(state, config, &before),
        Err(problem) => Verification::impossible(problem),
    };
    found.milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Some((found, before.changes))
}

fn read(table: &str) -> Result<Option<TableState>, String> {
    let mut socket = Nftables::open().map_err(|error| error.to_string())?;
    let state = socket.read_table(table);
    state.map_err(|error| format!("cannot read the table: {error}"))
}

fn judge(state: Option<TableState>, config: &AgentConfig, subject: &Subject) -> Verification {
    let Some(state) = state else {
        return Verification::foreign("the kernel holds no table of ringfence");
    };
    let Some(table) = state.to_table(&config.table_name) else {
        return Verification::foreign(unknown(&state));
    };
    let mut found = compare(&table, config, subject);
    found.revision = subject.revision;
    found.elements = table.sets.values().map(|set| set.elements.len()).sum();
    found.rules = table.chains.values().map(|chain| chain.rules.len()).sum();
    found
}

fn compare(table: &Table, config: &AgentConfig, subject: &Subject) -> Verification {
    let mut cluster = match admitted(subject) {
        Ok(cluster) => cluster,
        Err(problem) => return Verification::impossible(problem),
    };
    if let Some(tried) = subject.trial.as_ref().filter(|_| is_on_trial(table)) {
        cluster.to_mut().host_firewalls.clone_from(tried);
    }
    match ringfence_verify::verify(table, &cluster, &wiring(config, subject)) {
        Ok(report) => Verification {
            report: Some(report),
            left_out: subject.refused.iter().map(ToString::to_string).collect(),
            ..Verification::default()
        },
        Err(error) => Verification::impossible(error.to_string()),
    }
}

/// Whether the kernel has not ended a trial yet.
fn is_on_trial(table: &Table) -> bool {
    let mut sets = table.sets.iter().filter(|(name, _)| holds_trial(name));
    sets.any(|(_, set)| !set.elements.is_empty())
}

/// The cluster without the rules that are left out: their pods stay isolated, and what they allow is denied.
fn admitted(subject: &Subject) -> Result<Cow<'_, Cluster>, String> {
    if subject.refused.is_empty() {
        return Ok(Cow::Borrowed(&subject.cluster));
    }
    let mut cluster = Cluster::clone(&subject.cluster);
    // The last rule of a policy first, so that the others keep their places.
    for refused in subject.refused.iter().rev() {
        if refused.closes {
            return Err(refused.to_string());
        }
        match &refused.policy {
            PolicyName::Network(name) => {
                if let Some(policy) = cluster.network_policies.get_mut(name) {
                    let rules = match refused.direction {
                        Direction::Ingress => &mut policy.ingress,
                        Direction::Egress => &mut policy.egress,
                    };
                    remove(rules, refused.rule);
                }
            }
            PolicyName::Cluster(name) => {
                if let Some(policy) = cluster.cluster_policies.get_mut(name) {
                    let rules = match refused.direction {
                        Direction::Ingress => &mut policy.ingress,
                        Direction::Egress => &mut policy.egress,
                    };
                    remove(rules, refused.rule);
                }
            }
        }
    }
    Ok(Cow::Owned(cluster))
}

fn remove<T>(rules: &mut Vec<T>, place: usize) {
    if place < rules.len() {
        rules.remove(place);
    }
}

/// The first thing in the table that ringfence does not write.
fn unknown(state: &TableState) -> String {
    for (name, chain) in &state.chains {
        if chain.policy_drop {
            return format!("chain `{name}` drops by policy, which ringfence never writes");
        }
        if let Some(place) = chain
            .rules
            .iter()
            .position(|rule| rule.statements.is_none())
        {
            return format!(
                "chain `{name}`: rule {place} is of a kind that ringfence never writes"
            );
        }
    }
    "the table holds something that ringfence never writes".to_owned()
}

fn wiring(config: &AgentConfig, subject: &Subject) -> Wiring {
    let endpoints = subject.endpoints.iter().map(|endpoint| WiredPod {
        pod: endpoint.pod.clone(),
        interface: endpoint.host_interface.clone(),
        addresses: endpoint.addresses.clone(),
    });
    Wiring {
        node: config.node.clone(),
        endpoints: endpoints.collect(),
        interface_prefix: HOST_INTERFACE_PREFIX.to_owned(),
        pod_blocks: config.network.pod_cidrs.clone(),
        service_blocks: config.network.service_cidrs.clone(),
        tunnel_port: config.network.tunnel_port,
        enforced: config.enforcement == Enforcement::On,
    }
}
