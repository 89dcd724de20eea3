//! How a lab is, for those who ask.

use std::sync::atomic::Ordering;

use ringfence_apiserver::object::{items, text};
use ringfence_model::{ObjectName, Pod};
use serde_json::Value;

use super::{Lab, names};
use crate::cluster::system;
use crate::control::protocol::{LabStatus, NodeStatus, PodStatus, ServiceStatus};

impl Lab {
    /// Everything there is and how it is.
    pub fn status(&self) -> LabStatus {
        let progress = self.feed.progress();
        let (cluster, revision) = self.feed.cluster();
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
            pods: cluster
                .pods
                .values()
                .map(|pod| self.pod_status(pod))
                .collect(),
            services: cluster
                .services
                .values()
                .map(|service| ServiceStatus {
                    name: service.name.clone(),
                    cluster_addresses: service.cluster_addresses().to_vec(),
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

    fn pod_status(&self, pod: &Pod) -> PodStatus {
        let message = self
            .lock()
            .pods
            .get(&pod.name)
            .map(|record| record.message.clone());
        PodStatus {
            name: pod.name.clone(),
            phase: format!("{:?}", pod.phase),
            message: message.unwrap_or_else(|| self.why_not_scheduled(&pod.name)),
            node: pod.node.clone(),
            host_network: pod.host_network,
            addresses: pod.addresses.clone(),
        }
    }

    fn why_not_scheduled(&self, pod: &ObjectName) -> Option<String> {
        let pod = self.stored_pod(pod)?;
        let conditions = items(&pod, &["status", "conditions"]);
        let refused = |one: &&Value| text(one, &["status"]) == "False";
        let scheduled = |one: &&Value| text(one, &["type"]) == "PodScheduled";
        let found = conditions.iter().filter(scheduled).find(refused)?;
        Some(text(found, &["message"]).to_owned())
    }

    pub(super) fn no_such_pod(&self, name: &ObjectName) -> String {
        if let Some(reason) = self.why_not_scheduled(name) {
            return format!("pod {name} is not running: {reason}");
        }
        let (cluster, _) = self.feed.cluster();
        let all = names::join(cluster.pods.keys());
        format!("no pod `{name}`; the pods are {all}")
    }
}
