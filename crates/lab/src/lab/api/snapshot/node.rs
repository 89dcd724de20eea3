//! Nodes.

use std::net::IpAddr;

use ringfence_model::Node;
use serde_json::{Value, json};

/// A node of the lab. It is ready for as long as the lab lives: an agent that ends is started again.
pub(super) fn node(node: &Node) -> Value {
    let address = |address: &IpAddr| json!({"type": "InternalIP", "address": address});
    let addresses = node.addresses.iter().map(address);
    let addresses: Vec<Value> = addresses
        .chain([json!({"type": "Hostname", "address": node.name})])
        .collect();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": node.name, "labels": node.labels},
        "spec": {"podCIDR": node.pod_cidrs.first(), "podCIDRs": node.pod_cidrs},
        "status": {
            "addresses": addresses,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "LabNode",
                "message": "a network namespace of the lab with an agent of its own",
            }],
            "nodeInfo": {
                "kubeletVersion": "v1.32.0+ringfence", "osImage": "ringfence lab", "operatingSystem": "linux",
                "kernelVersion": kernel.trim(),
                "containerRuntimeVersion": "ringfence://stand-in",
            },
        },
    })
}
