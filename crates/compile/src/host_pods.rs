//! What pods in the network of their node may send: from policies and cgroups to a table of its own (rules HN-*).

mod cells;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use ringfence_model::{Cluster, ClusterPolicy, ClusterTier, ObjectName, Pod, PodScope};
use ringfence_net::Family;
use ringfence_ruleset::{Datum, Element, Key, Set, Table, Value};

use crate::comment;
use crate::layout::{ALL_PODS, OPENED, WITHHELD, host_pods, set_name};
use crate::peer::namespace_matches;
use crate::span::{Span, address};
use cells::{Cells, Row, is_denial};

/// At which levels below the root of the hierarchy cgroups of pods are looked for.
pub const LEVELS: RangeInclusive<u8> = 1..=8;

/// The cgroups (v2) of a node's pods, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodCgroups {
    /// Those that all pods of the node are in, within [`LEVELS`].
    pub roots: BTreeSet<u64>,
    /// That of each pod, by the pod's UID.
    pub pods: BTreeMap<String, u64>,
}

/// What a node does about its pods in its own network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPods {
    /// The table that does it.
    pub table: Table,
    /// The pods that are judged, in order.
    pub pods: Vec<ObjectName>,
    /// Those of them that may reach an address that is kept from others.
    pub granted: Vec<ObjectName>,
    /// Those that may and cannot yet, because their cgroup is not known.
    pub waiting: Vec<ObjectName>,
}

/// Whether a policy judges pods in the network of their node (rule HN-1).
#[must_use]
pub fn judges_host_pods(cluster: &Cluster) -> bool {
    judging(cluster).next().is_some()
}

/// The table `name` for the node `node`; none if no policy judges pods in the network of their node.
#[must_use]
pub fn host_pods_table(
    cluster: &Cluster,
    node: &str,
    cgroups: &PodCgroups,
    name: &str,
) -> Option<HostPods> {
    judges_host_pods(cluster).then(|| {
        let mut made = HostPods {
            table: host_pods(name),
            pods: Vec::new(),
            granted: Vec::new(),
            waiting: Vec::new(),
        };
        made.fill(cluster, node, cgroups);
        made
    })
}

/// CN-21, AM-20, AM-13: by priority, kind and name.
fn judging(cluster: &Cluster) -> impl Iterator<Item = &ClusterPolicy> {
    let policies = cluster.cluster_policies.values();
    let mut found: Vec<_> = policies
        .filter(|policy| policy.judges_host_pods && policy.tier == ClusterTier::Admin)
        .collect();
    found.sort_by_key(|policy| policy.priority);
    found.into_iter()
}

impl HostPods {
    fn fill(&mut self, cluster: &Cluster, node: &str, cgroups: &PodCgroups) {
        let pods: Vec<&Pod> = host_pods_on(cluster, node).collect();
        let mut granted = BTreeSet::new();
        for family in Family::ALL {
            let cells = Cells::new(rows(cluster), family);
            self.keep(family, &cells);
            let everybody = cells.open(&is_about_all);
            for root in &cgroups.roots {
                self.open(family, *root, &everybody, "all pods");
            }
            for pod in &pods {
                let open = cells.open(&|row| selects(&row.policy.subject, pod, cluster));
                if open == everybody {
                    continue;
                }
                granted.insert(&pod.name);
                if let Some(cgroup) = cgroup_of(pod, cgroups) {
                    self.open(family, cgroup, &open, &comment::of(&pod.name));
                }
            }
        }
        for root in &cgroups.roots {
            let key = Key::point(vec![Datum::Cgroup(*root)]);
            self.put(ALL_PODS, key, Some("all pods".to_owned()));
        }
        let is_waiting =
            |pod: &&&Pod| granted.contains(&pod.name) && cgroup_of(pod, cgroups).is_none();
        let waiting = pods.iter().filter(is_waiting);
        self.waiting = waiting.map(|pod| pod.name.clone()).collect();
        self.granted = granted.into_iter().cloned().collect();
        self.pods = pods.iter().map(|pod| pod.name.clone()).collect();
    }

    fn keep(&mut self, family: Family, cells: &Cells<'_>) {
        for (span, policies) in cells.kept() {
            let text = comment::joined(policies.into_iter());
            let key = Key::range(
                vec![Datum::Address(address(family, span.first))],
                vec![Datum::Address(address(family, span.last))],
            );
            self.put(&set_name(WITHHELD, family), key, Some(text));
        }
    }

    fn open(&mut self, family: Family, cgroup: u64, cells: &[cells::Open], text: &str) {
        for cell in cells {
            let with = |ip: u128, protocol: u8, port: u16| {
                vec![
                    Datum::Cgroup(cgroup),
                    Datum::Address(address(family, ip)),
                    Datum::Byte(protocol),
                    Datum::Port(port),
                ]
            };
            let Span { first, last } = cell.addresses;
            let key = Key::range(
                with(first, *cell.protocols.start(), cell.ports.first()),
                with(last, *cell.protocols.end(), cell.ports.last()),
            );
            self.put(&set_name(OPENED, family), key, Some(text.to_owned()));
        }
    }

    fn put(&mut self, set: &str, key: Key, comment: Option<String>) {
        let element = Element {
            value: Value::Member,
            comment,
        };
        let set: Option<&mut Set> = self.table.sets.get_mut(set);
        if let Some(set) = set {
            set.elements.insert(key, element);
        }
    }
}

/// HN-2: live pods in the network of this node.
fn host_pods_on<'a>(cluster: &'a Cluster, node: &str) -> impl Iterator<Item = &'a Pod> {
    let pods = cluster.pods.values();
    pods.filter(move |pod| pod.host_network && pod.is_live() && pod.node.as_deref() == Some(node))
}

fn rows(cluster: &Cluster) -> Vec<Row<'_>> {
    let rules = judging(cluster).flat_map(|policy| {
        let rules = policy.egress.iter();
        rules.map(move |rule| Row { policy, rule })
    });
    rules.collect()
}

fn cgroup_of(pod: &Pod, cgroups: &PodCgroups) -> Option<u64> {
    cgroups.pods.get(pod.uid.as_deref()?).copied()
}

fn selects(scope: &PodScope, pod: &Pod, cluster: &Cluster) -> bool {
    let namespace = &pod.name.namespace;
    let of_namespace = scope.namespaces.as_ref();
    let of_pods = scope.pods.as_ref();
    of_namespace.is_none_or(|selector| namespace_matches(selector, namespace, cluster))
        && of_pods.is_none_or(|selector| selector.matches(&pod.labels))
}

/// HN-3: a pod of which nothing is known is meant by what denies, and else by what is about all.
fn is_about_all(row: &Row<'_>) -> bool {
    let scope = &row.policy.subject;
    let mut selectors = scope.namespaces.iter().chain(&scope.pods);
    is_denial(row.rule)
        || selectors.all(|it| it.match_labels.is_empty() && it.match_expressions.is_empty())
}

#[cfg(test)]
mod tests;
