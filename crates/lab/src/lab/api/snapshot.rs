//! What there is in a lab, as objects of Kubernetes.

use std::net::IpAddr;

use ringfence_model::{Object, ObjectKey, ObjectKind, ObjectName, Phase, Service, TargetPort};
use serde_json::{Map, Value, json};

use super::super::{Lab, PodRecord};

/// The resources that are shown as the lab has them, and of which there is nothing else.
pub(super) const RESOURCES: [&str; 19] = [
    "namespaces",
    "nodes",
    "pods",
    "services",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "secrets",
    "configmaps",
    "serviceaccounts",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "jobs.batch",
    "cronjobs.batch",
    "networkpolicies.networking.k8s.io",
    "clusternetworkpolicies.policy.networking.k8s.io",
    "adminnetworkpolicies.policy.networking.k8s.io",
    "baselineadminnetworkpolicies.policy.networking.k8s.io",
];

impl Lab {
    /// Everything of [`RESOURCES`], as it is now.
    pub(super) fn snapshot(&self) -> Vec<Value> {
        let (cluster, _) = self.feed.cluster();
        let mut objects: Vec<Value> = cluster.nodes.values().map(node).collect();
        let state = self.lock();
        for (key, object) in &state.objects {
            match object {
                Object::Namespace(namespace) => {
                    let written = state.documents.get(key).cloned();
                    objects.push(written.unwrap_or_else(|| {
                        let metadata = json!({"name": namespace.name, "labels": namespace.labels});
                        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
                    }));
                }
                // Shown with what became of them.
                Object::Pod(_) | Object::Service(_) => {}
                Object::Node(_)
                | Object::Workload(_)
                | Object::NetworkPolicy(_)
                | Object::ClusterPolicy(_)
                | Object::Endpoints(_)
                | Object::Secret(_)
                | Object::ConfigMap(_)
                | Object::ServiceAccount(_)
                | Object::KindCluster(_) => objects.extend(state.documents.get(key).cloned()),
            }
        }
        for service in cluster.services.values() {
            let key = ObjectKey::namespaced(ObjectKind::Service, &service.name);
            objects.push(self::service(service, state.documents.get(&key)));
        }
        for record in state.pods.values() {
            let key = ObjectKey::namespaced(ObjectKind::Pod, &record.pod.name);
            objects.push(pod(record, state.documents.get(&key), self));
        }
        objects
    }
}

fn fields<'a>(object: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    object
        .as_object_mut()?
        .entry(field)
        .or_insert_with(|| json!({}))
        .as_object_mut()
}

fn metadata(name: &ObjectName) -> Value {
    json!({"name": name.name, "namespace": name.namespace})
}

fn node(node: &ringfence_model::Node) -> Value {
    let address = |address: &IpAddr| json!({"type": "InternalIP", "address": address});
    let addresses = node.addresses.iter().map(address);
    let addresses: Vec<Value> = addresses
        .chain([json!({"type": "Hostname", "address": node.name})])
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": node.name, "labels": node.labels},
        "spec": {"podCIDR": node.pod_cidrs.first(), "podCIDRs": node.pod_cidrs},
        "status": {
            "addresses": addresses,
            "conditions": [{"type": "Ready", "status": "True", "reason": "LabNode", "message": "the agent runs"}],
            "nodeInfo": {
                "kubeletVersion": "v1.32.0+ringfence", "osImage": "ringfence lab",
                "containerRuntimeVersion": "ringfence://stand-in",
            },
        },
    })
}

fn service(service: &Service, written: Option<&Value>) -> Value {
    let mut object = written.cloned().unwrap_or_else(|| {
        let port = |port: &ringfence_model::ServicePort| {
            let target = match &port.target {
                TargetPort::Number(number) => json!(number),
                TargetPort::Name(name) => json!(name),
            };
            json!({"name": port.name, "port": port.port, "protocol": port.protocol.to_string(), "targetPort": target})
        };
        let ports: Vec<Value> = service.ports.iter().map(port).collect();
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(&service.name),
            "spec": {"ports": ports, "selector": service.selector},
        })
    });
    let addresses = crate::cluster::system::cluster_addresses(service);
    if let (Some(spec), Some(first)) = (fields(&mut object, "spec"), addresses.first()) {
        spec.insert("clusterIP".to_owned(), json!(first));
        spec.insert("clusterIPs".to_owned(), json!(addresses));
    }
    object
}

fn pod(record: &PodRecord, written: Option<&Value>, lab: &Lab) -> Value {
    let mut object = written.cloned().unwrap_or_else(|| made(record));
    if let (Some(node), Some(spec)) = (&record.pod.node, fields(&mut object, "spec")) {
        spec.insert("nodeName".to_owned(), json!(node));
    }
    if let Some(object) = object.as_object_mut() {
        object.insert("status".to_owned(), status(record, lab));
    }
    object
}

/// A pod that no manifest names: made by a workload, or by the lab.
fn made(record: &PodRecord) -> Value {
    let mut metadata = metadata(&record.pod.name);
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("labels".to_owned(), json!(record.pod.labels));
    }
    let containers = record.desired.containers.iter().map(|container| {
        let port = |port: &ringfence_model::ContainerPort| {
            json!({"name": port.name, "containerPort": port.port, "protocol": port.protocol.to_string()})
        };
        let ports: Vec<Value> = container.ports.iter().map(port).collect();
        json!({"name": container.name, "image": container.image, "ports": ports})
    });
    let containers: Vec<Value> = containers.collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}})
}

fn status(record: &PodRecord, lab: &Lab) -> Value {
    let pod = &record.pod;
    let phase = format!("{:?}", pod.phase);
    let state = match pod.phase {
        Phase::Running => json!({"running": {}}),
        Phase::Succeeded => json!({"terminated": {"exitCode": 0, "reason": "Completed"}}),
        Phase::Failed => json!({"terminated": {"exitCode": 1, "reason": "Error"}}),
        Phase::Pending | Phase::Unknown => json!({"waiting": {"reason": "ContainerCreating"}}),
    };
    let containers = record.desired.containers.iter().map(|container| {
        json!({
            "name": container.name, "image": container.image, "imageID": "", "ready": pod.ready,
            "restartCount": 0, "state": state,
        })
    });
    let containers: Vec<Value> = containers.collect();
    let condition = |kind: &str, holds: bool| json!({"type": kind, "status": if holds { "True" } else { "False" }});
    let ips: Vec<Value> = pod.addresses.iter().map(|ip| json!({"ip": ip})).collect();
    let host = pod
        .node
        .as_deref()
        .map(|node| lab.node_addresses(node))
        .unwrap_or_default();
    json!({
        "phase": phase, "message": record.message, "podIP": pod.addresses.first(), "podIPs": ips,
        "hostIP": host.first(), "containerStatuses": containers,
        "conditions": [
            condition("PodScheduled", pod.node.is_some()),
            condition("Ready", pod.ready),
            condition("ContainersReady", pod.ready),
        ],
    })
}
