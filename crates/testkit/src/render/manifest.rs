//! Model objects as Kubernetes manifests.

#![expect(
    clippy::indexing_slicing,
    reason = "assigning to a key of a JSON object adds it"
)]

use ringfence_model::{
    AUDIT_ANNOTATION, Cluster, ClusterIp, ContainerPort, Direction, Distribution, EndpointPort,
    Hints, LabelSelector, Namespace, NetworkPolicy, Node, ObjectName, Owner, Phase, Pod,
    PolicyPeer, PolicyPort, PolicyRule, PortMatch, Requirement, Service, ServicePort, TargetPort,
};
use serde_json::{Value, json};

use super::cluster_policy::cluster_policy;

/// Every object of the cluster, cluster-wide ones first.
pub(super) fn objects(cluster: &Cluster) -> Vec<Value> {
    let namespaces = cluster.namespaces.values().map(namespace);
    let nodes = cluster.nodes.values().map(node);
    let pods = cluster.pods.values().map(pod);
    let services = cluster.services.values().map(service);
    let slices = cluster.services.values().flat_map(endpoint_slices);
    let policies = cluster.network_policies.values().map(policy);
    let cluster_policies = cluster.cluster_policies.values().map(cluster_policy);
    namespaces
        .chain(nodes)
        .chain(pods)
        .chain(services)
        .chain(slices)
        .chain(policies)
        .chain(cluster_policies)
        .collect()
}

fn namespace(namespace: &Namespace) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": namespace.name, "labels": namespace.labels },
    })
}

fn node(node: &Node) -> Value {
    let addresses = node.addresses.iter();
    let addresses: Vec<Value> = addresses
        .map(|address| json!({ "type": "InternalIP", "address": address }))
        .collect();
    let cidrs: Vec<String> = node.pod_cidrs.iter().map(ToString::to_string).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": node.name, "labels": node.labels },
        "spec": { "podCIDRs": cidrs },
        "status": { "addresses": addresses },
    })
}

fn pod(pod: &Pod) -> Value {
    let mut metadata = metadata(&pod.name);
    metadata["labels"] = json!(pod.labels);
    if let Some(Owner { kind, name }) = &pod.workload {
        metadata["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": true,
        }]);
    }
    if pod.terminating {
        metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    let mut spec = json!({ "hostNetwork": pod.host_network, "containers": containers(&pod.ports) });
    if let Some(node) = &pod.node {
        spec["nodeName"] = json!(node);
    }
    let ips = |addresses: &[std::net::IpAddr]| -> Vec<Value> {
        addresses
            .iter()
            .map(|address| json!({ "ip": address }))
            .collect()
    };
    let ready = if pod.ready { "True" } else { "False" };
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": {
            "phase": phase(pod.phase),
            "podIPs": ips(&pod.addresses),
            "hostIPs": ips(&pod.host_addresses),
            "conditions": [{ "type": "Ready", "status": ready }],
        },
    })
}

fn metadata(name: &ObjectName) -> Value {
    json!({ "namespace": name.namespace, "name": name.name })
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Running => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
        Phase::Unknown => "Unknown",
    }
}

/// A container for each port, because a name is unique in its container (rule OB-7); one without ports otherwise.
fn containers(ports: &[ContainerPort]) -> Vec<Value> {
    if ports.is_empty() {
        return vec![json!({ "name": "main", "image": "none" })];
    }
    let container = |(place, port): (usize, &ContainerPort)| {
        let mut declared = json!({ "containerPort": port.port, "protocol": port.protocol.name() });
        if let Some(name) = &port.name {
            declared["name"] = json!(name);
        }
        json!({ "name": format!("c{place}"), "image": "none", "ports": [declared] })
    };
    ports.iter().enumerate().map(container).collect()
}

fn service(service: &Service) -> Value {
    let ports: Vec<Value> = service.ports.iter().map(service_port).collect();
    let balanced = &service.traffic.balanced;
    let external = service.external_addresses.iter();
    let external: Vec<_> = external.filter(|own| !balanced.contains(own)).collect();
    let mut spec = json!({
        "selector": service.selector,
        "ports": ports,
        "externalIPs": external,
        "externalTrafficPolicy": format!("{:?}", service.traffic.external),
        "internalTrafficPolicy": format!("{:?}", service.traffic.internal),
        "publishNotReadyAddresses": service.publish_not_ready_addresses,
    });
    match &service.cluster_ip {
        ClusterIp::Unassigned => {}
        ClusterIp::Headless => spec["clusterIP"] = json!("None"),
        ClusterIp::Assigned(addresses) => {
            spec["clusterIP"] = json!(addresses.first());
            spec["clusterIPs"] = json!(addresses);
        }
    }
    if service.ports.iter().any(|port| port.node_port.is_some()) {
        spec["type"] = json!("NodePort");
    }
    if !balanced.is_empty() || service.traffic.admitted.is_some() {
        spec["type"] = json!("LoadBalancer");
    }
    if let Some(ranges) = &service.traffic.admitted {
        spec["loadBalancerSourceRanges"] = json!(ranges);
    }
    if let Some(port) = service.traffic.health_port {
        spec["healthCheckNodePort"] = json!(port);
    }
    match service.traffic.distribution {
        Distribution::Anywhere => {}
        Distribution::SameZone => spec["trafficDistribution"] = json!("PreferSameZone"),
        Distribution::SameNode => spec["trafficDistribution"] = json!("PreferSameNode"),
    }
    if let Some(seconds) = service.traffic.affinity {
        spec["sessionAffinity"] = json!("ClientIP");
        spec["sessionAffinityConfig"] = json!({ "clientIP": { "timeoutSeconds": seconds } });
    }
    if let Some(name) = &service.external_name {
        spec["type"] = json!("ExternalName");
        spec["externalName"] = json!(name);
    }
    let ingress: Vec<Value> = balanced.iter().map(|ip| json!({ "ip": ip })).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(&service.name),
        "spec": spec,
        "status": { "loadBalancer": { "ingress": ingress } },
    })
}

fn service_port(port: &ServicePort) -> Value {
    let target = match &port.target {
        TargetPort::Number(number) => json!(number),
        TargetPort::Name(name) => json!(name),
    };
    let mut value =
        json!({ "protocol": port.protocol.name(), "port": port.port, "targetPort": target });
    if let Some(name) = &port.name {
        value["name"] = json!(name);
    }
    if let Some(number) = port.node_port {
        value["nodePort"] = json!(number);
    }
    value
}

/// An EndpointSlice for each endpoint, since the ports of a slice are those of all of its endpoints.
fn endpoint_slices(service: &Service) -> Vec<Value> {
    let endpoints = service.endpoints.iter().enumerate();
    endpoints
        .map(|(place, endpoint)| {
            let mut metadata = metadata(&service.name);
            metadata["name"] = json!(format!("{}-{place}", service.name.name));
            metadata["labels"] = json!({ "kubernetes.io/service-name": service.name.name });
            let family = if endpoint.address.is_ipv4() {
                "IPv4"
            } else {
                "IPv6"
            };
            let ports: Vec<Value> = endpoint.ports.iter().map(endpoint_port).collect();
            json!({
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": metadata,
                "addressType": family,
                "endpoints": [{
                    "addresses": [endpoint.address],
                    "nodeName": endpoint.node,
                    "hints": hints(&endpoint.hints),
                    "conditions": {
                        "ready": endpoint.ready,
                        "serving": endpoint.serving,
                        "terminating": endpoint.terminating,
                    },
                }],
                "ports": ports,
            })
        })
        .collect()
}

fn hints(hints: &Hints) -> Value {
    let named = |names: &[String]| -> Value {
        let names = names.iter().map(|name| json!({ "name": name }));
        names.collect()
    };
    json!({ "forZones": named(&hints.zones), "forNodes": named(&hints.nodes) })
}

fn endpoint_port(port: &EndpointPort) -> Value {
    let mut value = json!({ "protocol": port.protocol.name(), "port": port.port });
    if let Some(name) = &port.name {
        value["name"] = json!(name);
    }
    value
}

fn policy(policy: &NetworkPolicy) -> Value {
    let types: Vec<&str> = [
        policy.isolates_ingress.then_some("Ingress"),
        policy.isolates_egress.then_some("Egress"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut metadata = metadata(&policy.name);
    if let Some(mode) = &policy.audit {
        metadata["annotations"] = json!({ AUDIT_ANNOTATION: mode.to_string() });
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": selector(&policy.pod_selector),
            "policyTypes": types,
            "ingress": rules(&policy.ingress, Direction::Ingress),
            "egress": rules(&policy.egress, Direction::Egress),
        },
    })
}

fn rules(rules: &[PolicyRule], direction: Direction) -> Vec<Value> {
    let peers = match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let rule = |rule: &PolicyRule| {
        let mut value = json!({});
        if !rule.peers.is_empty() {
            value[peers] = rule.peers.iter().map(peer).collect();
        }
        if !rule.ports.is_empty() {
            value["ports"] = rule.ports.iter().map(port).collect();
        }
        value
    };
    rules.iter().map(rule).collect()
}

fn peer(peer: &PolicyPeer) -> Value {
    match peer {
        PolicyPeer::IpBlock(block) => {
            let holes: Vec<String> = block.except.iter().map(ToString::to_string).collect();
            json!({ "ipBlock": { "cidr": block.cidr.to_string(), "except": holes } })
        }
        PolicyPeer::Pods(peer) => {
            let mut value = json!({});
            if let Some(namespaces) = &peer.namespaces {
                value["namespaceSelector"] = selector(namespaces);
            }
            if let Some(pods) = &peer.pods {
                value["podSelector"] = selector(pods);
            }
            value
        }
    }
}

fn port(port: &PolicyPort) -> Value {
    let mut value = json!({ "protocol": port.protocol.name() });
    match &port.port {
        PortMatch::Any => {}
        PortMatch::Name(name) => value["port"] = json!(name),
        PortMatch::Range(range) => {
            value["port"] = json!(range.first());
            if range.first() != range.last() {
                value["endPort"] = json!(range.last());
            }
        }
    }
    value
}

pub(super) fn selector(selector: &LabelSelector) -> Value {
    let mut value = json!({});
    if !selector.match_labels.is_empty() {
        value["matchLabels"] = json!(selector.match_labels);
    }
    if !selector.match_expressions.is_empty() {
        value["matchExpressions"] = selector.match_expressions.iter().map(requirement).collect();
    }
    value
}

fn requirement(requirement: &Requirement) -> Value {
    let mut value =
        json!({ "key": requirement.key, "operator": format!("{:?}", requirement.operator) });
    if !requirement.values.is_empty() {
        value["values"] = json!(requirement.values);
    }
    value
}
