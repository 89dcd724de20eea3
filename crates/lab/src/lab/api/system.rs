//! What every lab has from its start: nodes, namespaces, the Services of the API and of the cluster's DNS.

use std::net::IpAddr;

use ringfence_agent::protocol::AgentObject;
use ringfence_apiserver::server::random;
use ringfence_controllers::ServiceRanges;
use ringfence_model::{Labels, Namespace, Node};
use serde_json::{Value, json};

use super::super::Lab;
use super::ask::moment;
use crate::cluster::scheduler::{Candidate, pod_addresses};
use crate::cluster::system;
use crate::control::protocol::ControlPlane;

/// How many pods a node of Kubernetes runs at least.
const PODS: u128 = 110;

impl Lab {
    /// Puts it into the store and tells the agents.
    pub(in super::super) fn record_system(&self) {
        let nodes = system::nodes(&self.config.cluster, &self.plans);
        let services = self.system_services();
        let documents = || {
            let nodes = nodes.iter().zip(&self.candidates);
            let nodes = nodes.map(|(node, candidate)| document(node, candidate));
            let namespaces = system::NAMESPACES.map(namespace);
            nodes
                .chain(namespaces)
                .chain(self.installed_objects())
                .chain(services.iter().cloned())
                .chain(self.endpoints_of_provider())
                .collect()
        };
        self.api.mirror(&[], documents, &moment(&random));
        let namespaces = system::NAMESPACES.map(|name| Namespace::new(name, Labels::new()));
        let told = nodes.iter().cloned().map(AgentObject::Node);
        let told = told.chain(namespaces.map(AgentObject::Namespace));
        let installed = self.installed_objects();
        let told = told.chain(installed.filter_map(|document| self.told(&document).ok()));
        let services = services
            .iter()
            .filter_map(|document| self.told(document).ok());
        self.feed.change(told.chain(services).collect(), Vec::new());
    }

    /// What the chart installs, where agents follow the API.
    fn installed_objects(&self) -> impl Iterator<Item = Value> + '_ {
        let installed = self.installed.iter();
        installed.flat_map(|installed| installed.installation.objects.iter().cloned())
    }

    /// Where the API answers, if a provider runs it.
    fn endpoints_of_provider(&self) -> Option<Value> {
        let subnets = &self.config.cluster.service_subnets;
        match self.config.control_plane {
            ControlPlane::Nodes => None,
            ControlPlane::Provider => system::api_endpoints(subnets),
        }
    }

    fn system_services(&self) -> Vec<Value> {
        let subnets = &self.config.cluster.service_subnets;
        let ranges = ServiceRanges::new(subnets.clone());
        let api = system::api_service(subnets, self.config.control_plane);
        let mut services = vec![api, system::dns_service(subnets)];
        for service in &mut services {
            // Nobody has these addresses before.
            if let Err(error) = ranges.complete(service, None, std::iter::empty()) {
                tracing::error!("a Service of the lab itself: {error}");
            }
        }
        services
    }
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// A node of the lab. It is ready for as long as the lab lives: an agent that ends is started again.
fn document(node: &Node, candidate: &Candidate) -> Value {
    let address = |address: &IpAddr| json!({"type": "InternalIP", "address": address});
    let addresses = node.addresses.iter().map(address);
    let addresses: Vec<Value> = addresses
        .chain([json!({"type": "Hostname", "address": node.name})])
        .collect();
    let taint = json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
    let taints = candidate.reserved.then_some(taint);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let resources = resources(candidate);
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": node.name, "labels": node.labels},
        "spec": {"podCIDR": node.pod_cidrs.first(), "podCIDRs": node.pod_cidrs, "taints": taints},
        "status": {
            "addresses": addresses, "capacity": resources, "allocatable": resources,
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

/// What is there for pods. Those with their node's network need no address.
fn resources(candidate: &Candidate) -> Value {
    let addresses = candidate.pod_cidrs.iter().copied().map(pod_addresses);
    let pods = addresses.min().unwrap_or(PODS).clamp(PODS, 1 << 16);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    json!({"cpu": processors.to_string(), "pods": pods.to_string()})
}
