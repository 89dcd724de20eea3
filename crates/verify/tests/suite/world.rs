//! A random cluster, compiled for each of its nodes.

use std::collections::BTreeSet;

use ringfence_compile::{
    Capacity, Compiler, Enforcement, Limits, LocalEndpoint, NetworkConfig, NodeView, Trial,
};
use ringfence_model::{Cluster, ObjectName, Pod};
use ringfence_ruleset::Table;
use ringfence_verify::{WiredPod, Wiring};

/// Where pods without a node live.
const NOWHERE: &str = "nowhere";

/// One node of a cluster: its table and its wiring.
pub(crate) struct NodeWorld {
    pub(crate) table: Table,
    pub(crate) wiring: Wiring,
}

pub(crate) fn nodes(cluster: &Cluster) -> Vec<NodeWorld> {
    nodes_with(cluster, Enforcement::On)
}

pub(crate) fn nodes_with(cluster: &Cluster, enforcement: Enforcement) -> Vec<NodeWorld> {
    let of_pods = cluster.pods.values().map(|pod| node_of(pod).to_owned());
    let names: BTreeSet<String> = cluster.nodes.keys().cloned().chain(of_pods).collect();
    let names = names.into_iter();
    names
        .map(|name| node(cluster, &name, enforcement))
        .collect()
}

pub(crate) fn node(cluster: &Cluster, name: &str, enforcement: Enforcement) -> NodeWorld {
    node_on_trial(cluster, name, enforcement, None)
}

/// The same while host firewalls are tried out.
pub(crate) fn node_on_trial(
    cluster: &Cluster,
    name: &str,
    enforcement: Enforcement,
    trial: Option<Trial>,
) -> NodeWorld {
    let endpoints = endpoints(cluster, name);
    let network = network();
    let view = NodeView {
        name,
        endpoints: &endpoints,
        network: &network,
        enforcement,
    };
    NodeWorld {
        table: table(cluster, &view, trial),
        wiring: wiring(name, &endpoints, &network, enforcement),
    }
}

fn table(cluster: &Cluster, view: &NodeView<'_>, trial: Option<Trial>) -> Table {
    let mut compiler = Compiler::with(cluster.clone(), view, Limits::default());
    compiler.set_trial(trial);
    compiler.compile().unwrap();
    compiler.into_compiled().table
}

fn wiring(
    name: &str,
    endpoints: &[LocalEndpoint],
    network: &NetworkConfig,
    enforcement: Enforcement,
) -> Wiring {
    let endpoints = endpoints.iter().map(|endpoint| WiredPod {
        pod: endpoint.pod.clone(),
        interface: endpoint.host_interface.clone(),
        addresses: endpoint.addresses.clone(),
    });
    Wiring {
        node: name.to_owned(),
        endpoints: endpoints.collect(),
        interface_prefix: "vethrf".to_owned(),
        pod_blocks: network.pod_cidrs.clone(),
        service_blocks: network.service_cidrs.clone(),
        tunnel_port: network.tunnel_port,
        enforced: enforcement == Enforcement::On,
    }
}

fn network() -> NetworkConfig {
    NetworkConfig {
        pod_cidrs: vec![
            "10.0.0.0/16".parse().unwrap(),
            "fd00:10::/32".parse().unwrap(),
        ],
        service_cidrs: vec![
            "10.96.0.0/16".parse().unwrap(),
            "fd00:96::/32".parse().unwrap(),
        ],
        tunnel_port: Some(8472),
        record: ringfence_compile::Record::Denied,
        capacity: Capacity {
            addresses: 64,
            entries: 64,
        },
    }
}

fn node_of(pod: &Pod) -> &str {
    pod.node.as_deref().unwrap_or(NOWHERE)
}

/// The node's end of a pod's interface, a function of its name.
fn interface(pod: &ObjectName) -> String {
    let bytes = pod.to_string().into_bytes();
    let sum = bytes.into_iter().fold(0_u32, |sum, byte| {
        sum.wrapping_mul(16_777_619) ^ u32::from(byte)
    });
    format!("vethrf{sum:08x}")
}

fn endpoints(cluster: &Cluster, node: &str) -> Vec<LocalEndpoint> {
    let pods = cluster.pods.values();
    let wired = pods.filter(|pod| pod.is_on_pod_network() && node_of(pod) == node);
    wired
        .map(|pod| LocalEndpoint {
            pod: pod.name.clone(),
            host_interface: interface(&pod.name),
            addresses: pod.addresses.clone(),
        })
        .collect()
}
