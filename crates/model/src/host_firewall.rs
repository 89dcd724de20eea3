//! Rules for nodes themselves (rules HF-*).

use std::collections::BTreeMap;

use ringfence_net::Protocol;
use serde::{Deserialize, Serialize};

use crate::{Cluster, ClusterPort, ClusterRule, LabelSelector, Node, Source, Timestamp};

/// Milliseconds that a trial lasts at most (rule HF-4).
pub const LONGEST_TRIAL: i64 = 3_600_000;

/// Ports that stay open to everybody until a rule names them (rule HF-7), beside that of the kubelet: ssh, the API server, and
/// the answers of DHCP servers.
pub const FAILSAFE_PORTS: [(Protocol, u16); 4] = [
    (Protocol::Tcp, 22),
    (Protocol::Tcp, 6443),
    (Protocol::Udp, 68),
    (Protocol::Udp, 546),
];

/// Where a kubelet listens of which no object says so (rule HF-7).
pub const KUBELET_PORT: u16 = 10_250;

/// A HostFirewall of `ringfence.dev/v1alpha1`: who may connect to nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFirewall {
    /// Its name.
    pub name: String,
    /// What is in force until somebody confirms something else; nothing before the first confirmation (rule HF-3).
    pub confirmed: Option<HostRules>,
    /// What is tried out in its place (rule HF-4).
    pub trial: Option<HostTrial>,
    /// Where it was written.
    pub source: Option<Source>,
}

/// Nodes, and who may connect to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRules {
    /// Which nodes (rule HF-1).
    pub nodes: LabelSelector,
    /// Who gets in (rule HF-5). All accept; a rule without peers is about everybody.
    pub ingress: Vec<ClusterRule>,
}

/// Rules that end by themselves (rule HF-4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTrial {
    /// The rules.
    pub rules: HostRules,
    /// From then on.
    pub since: Timestamp,
    /// Before then.
    pub until: Timestamp,
}

/// Trials that run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTrials {
    /// Every firewall, with what is tried out in the place of what is confirmed.
    pub firewalls: BTreeMap<String, HostFirewall>,
    /// Milliseconds until the first of them ends.
    pub rest: i64,
    /// Which they are: `workers until 2030-01-31T18:00:00Z`.
    pub names: String,
}

impl HostTrial {
    /// Milliseconds that are left of it at `now`; none before it begins, after its end, and of one that lasts longer than
    /// it may. A clock that is behind prolongs nothing beyond its length.
    #[must_use]
    pub fn rest(&self, now: Timestamp) -> Option<i64> {
        let length = self.until.0.checked_sub(self.since.0)?;
        let rest = self.until.0.checked_sub(now.0)?.min(length);
        ((1..=LONGEST_TRIAL).contains(&length) && rest > 0).then_some(rest)
    }
}

impl HostRules {
    /// Whether the rules are about a node (rule HF-1).
    #[must_use]
    pub fn select(&self, node: &Node) -> bool {
        self.nodes.matches(&node.labels)
    }
}

impl Cluster {
    /// What is in force on the node `name`, in order of name; none of a node without an object (rule HF-2).
    pub fn host_firewalls_of<'a>(
        &'a self,
        name: &str,
    ) -> impl Iterator<Item = (&'a HostFirewall, &'a HostRules)> {
        let node = self.nodes.get(name);
        let firewalls = self.host_firewalls.values();
        let in_force = firewalls.filter_map(|found| Some((found, found.confirmed.as_ref()?)));
        in_force.filter(move |(_, rules)| node.is_some_and(|node| rules.select(node)))
    }

    /// The failsafe ports of the node `name`, whether a rule names them or not (rule HF-7).
    pub fn failsafes(&self, name: &str) -> impl Iterator<Item = (Protocol, u16)> {
        let told = self.nodes.get(name).and_then(|node| node.kubelet_port);
        let kubelet = (Protocol::Tcp, told.unwrap_or(KUBELET_PORT));
        FAILSAFE_PORTS.into_iter().chain([kubelet])
    }

    /// The failsafe ports that stay open on the node `name` (rule HF-7).
    #[must_use]
    pub fn open_failsafes(&self, name: &str) -> Vec<(Protocol, u16)> {
        let rules: Vec<&ClusterRule> = self
            .host_firewalls_of(name)
            .flat_map(|(_, rules)| &rules.ingress)
            .collect();
        let is_named = |(protocol, port): &(Protocol, u16)| {
            let mut ports = rules.iter().flat_map(|rule| &rule.ports);
            ports.any(|item| match item {
                ClusterPort::Range(own, range) => own == protocol && range.contains(*port),
                ClusterPort::Name(_) => false,
            })
        };
        self.failsafes(name)
            .filter(|port| !is_named(port))
            .collect()
    }

    /// The trials that run at `now`; `None` if none does (rule HF-4).
    #[must_use]
    pub fn trials(&self, now: Timestamp) -> Option<HostTrials> {
        let firewalls = self.host_firewalls.values();
        let running = firewalls.filter_map(|found| {
            let trial = found.trial.as_ref()?;
            Some((found, trial, trial.rest(now)?))
        });
        let running: Vec<_> = running.collect();
        let rest = running.iter().map(|(.., rest)| *rest).min()?;
        let names = running.iter();
        let names = names.map(|(it, trial, _)| format!("{} until {}", it.name, trial.until));
        let names: Vec<String> = names.collect();
        let mut tried = self.host_firewalls.clone();
        for (firewall, trial, _) in &running {
            if let Some(found) = tried.get_mut(&firewall.name) {
                found.confirmed = Some(trial.rules.clone());
            }
        }
        Some(HostTrials {
            firewalls: tried,
            rest,
            names: names.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(since: i64, until: i64) -> HostTrial {
        HostTrial {
            rules: HostRules {
                nodes: LabelSelector::default(),
                ingress: Vec::new(),
            },
            since: Timestamp(since),
            until: Timestamp(until),
        }
    }

    #[test]
    fn a_trial_ends_and_no_clock_prolongs_it() {
        let rest = |now| trial(1_000, 61_000).rest(Timestamp(now));
        assert_eq!(rest(1_000), Some(60_000));
        assert_eq!(rest(60_999), Some(1));
        assert_eq!(rest(61_000), None);
        assert_eq!(rest(-600_000), Some(60_000), "a clock that is behind");
    }

    #[test]
    fn a_trial_without_bounds_is_none() {
        let length = |until| trial(0, until).rest(Timestamp(0));
        assert_eq!(length(LONGEST_TRIAL), Some(LONGEST_TRIAL));
        assert_eq!(length(LONGEST_TRIAL + 1), None);
        assert_eq!(length(0), None);
        assert_eq!(trial(i64::MIN, i64::MAX).rest(Timestamp(0)), None);
    }
}
