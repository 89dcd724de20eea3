//! Pods in the network of their node: they are their node (rule NP-53), so that they are seen where a node is.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Cluster, Pod};
use ringfence_reach::workload::{Member, Unit, by_workload};
use serde::Serialize;

use crate::output::names::shortened;
use crate::output::plain::plain;
use crate::paint;

/// The workloads in the network of their nodes, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    nodes: BTreeMap<Unit, BTreeSet<String>>,
    /// Those with pods of which no node is known.
    homeless: BTreeSet<Unit>,
}

/// One of them for machines.
#[derive(Debug, Serialize)]
pub(crate) struct HostJson {
    /// The workload, as a matrix names it in full.
    name: String,
    /// The nodes that its pods name.
    nodes: Vec<String>,
    /// Whether all of them name one, or manifests give nodes that they run on.
    known: bool,
}

impl Hosts {
    /// Those of `cluster`. Where it holds no Node, pods that name none get one for each workload, of which nothing is known:
    /// somebody has to stand for them.
    pub(crate) fn settle(cluster: &mut Cluster) -> Self {
        let mut found = Self::default();
        let has_nodes = !cluster.nodes.is_empty();
        let hosts = cluster.pods.values_mut();
        for pod in hosts.filter(|pod| pod.is_live() && pod.host_network) {
            let unit = by_workload(&Member::Pod(pod));
            let nodes = found.nodes.entry(unit.clone()).or_default();
            if let Some(node) = &pod.node {
                nodes.insert(node.clone());
            } else if !has_nodes {
                pod.node = Some(format!("(of {})", unit.full_name()));
                if pod.addresses.is_empty() && pod.host_addresses.is_empty() {
                    found.homeless.insert(unit);
                }
            }
        }
        found
    }

    /// Says on standard error who stands for those of which no node is known.
    pub(crate) fn tell(&self) {
        let names: Vec<String> = self.homeless.iter().map(Unit::full_name).collect();
        let Some(shown) = shortened(&names) else {
            return;
        };
        let (verb, whose, them) = match names.len() {
            1 => ("is", "its", "it"),
            _ => ("are", "their", "them"),
        };
        let note = format!(
            "{shown} {verb} in the network of {whose} node, which no manifest names: nodes stand for {them}, with addresses that are not known (NP-53, AM-22)"
        );
        anstream::eprintln!(
            "{}: {}\n  = help: give the Nodes with their `status.addresses`, and the pods with their `spec.nodeName`",
            paint::dim("note"),
            plain(&note)
        );
    }

    pub(crate) fn json(&self) -> Vec<HostJson> {
        let hosts = self.nodes.iter().map(|(unit, nodes)| HostJson {
            name: unit.full_name(),
            nodes: nodes.iter().cloned().collect(),
            known: !self.homeless.contains(unit),
        });
        hosts.collect()
    }
}

/// Whether `pod` is node `name` under another name.
pub(crate) fn is_node(pod: &Pod, name: &str) -> bool {
    pod.host_network && pod.is_live() && pod.node.as_deref() == Some(name)
}
