//! Services with their addresses, and the pods behind them (rule OB-12).

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{Cluster, Pod, Service, ServicePort, TargetPort};
use serde_json::{Value, json};

use super::{fields, metadata};
use crate::cluster::system;

/// A Service as it was written, with the addresses that the lab gave it.
pub(super) fn service(service: &Service, written: Option<&Value>) -> Value {
    let mut object = written.cloned().unwrap_or_else(|| made(service));
    let addresses = system::cluster_addresses(service);
    if let (Some(spec), Some(first)) = (fields(&mut object, "spec"), addresses.first()) {
        spec.insert("clusterIP".to_owned(), json!(first));
        spec.insert("clusterIPs".to_owned(), json!(addresses));
    }
    object
}

/// The Endpoints of a Service, of the family of its pods' first addresses, and its EndpointSlices, of each family.
pub(super) fn endpoints(service: &Service, cluster: &Cluster) -> Vec<Value> {
    if service.selector.is_empty() {
        return Vec::new();
    }
    let pods: Vec<&Pod> = system::selected(cluster, service).collect();
    let mut objects = vec![classic(service, &pods)];
    for (family, belongs) in [
        ("IPv4", IpAddr::is_ipv4 as fn(&IpAddr) -> bool),
        ("IPv6", IpAddr::is_ipv6),
    ] {
        objects.extend(slices(service, &pods, family, belongs));
    }
    objects
}

fn made(service: &Service) -> Value {
    let port = |port: &ServicePort| {
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
}

/// A port of a Service as it is on one pod: name, number and protocol.
type Port = (Option<String>, u16, String);

/// Pods with equal ports, which a named target port may lead to different numbers.
fn by_ports<'a>(service: &Service, pods: &[&'a Pod]) -> BTreeMap<Vec<Port>, Vec<&'a Pod>> {
    let mut groups = BTreeMap::<Vec<Port>, Vec<&Pod>>::new();
    for pod in pods {
        let ports = service.ports.iter().filter_map(|port| {
            let number = target(port, pod)?;
            Some((port.name.clone(), number, port.protocol.to_string()))
        });
        groups.entry(ports.collect()).or_default().push(pod);
    }
    groups
}

fn target(port: &ServicePort, pod: &Pod) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let named = |own: &&ringfence_model::ContainerPort| {
                own.protocol == port.protocol && own.name.as_ref() == Some(name)
            };
            pod.ports.iter().find(named).map(|own| own.port)
        }
    }
}

fn ports_of(ports: &[Port]) -> Vec<Value> {
    let ports = ports.iter();
    ports
        .map(|(name, port, protocol)| json!({"name": name, "port": port, "protocol": protocol}))
        .collect()
}

fn target_of(pod: &Pod) -> Value {
    json!({"kind": "Pod", "name": pod.name.name, "namespace": pod.name.namespace})
}

fn serves(pod: &Pod, service: &Service) -> bool {
    pod.ready || service.publish_not_ready_addresses
}

fn classic(service: &Service, pods: &[&Pod]) -> Value {
    let subset = |(ports, pods): (Vec<Port>, Vec<&Pod>)| {
        let of = |wanted: bool| -> Vec<Value> {
            let pods = pods.iter().filter(|pod| serves(pod, service) == wanted);
            pods.map(|pod| {
                json!({"ip": pod.addresses.first(), "nodeName": pod.node, "targetRef": target_of(pod)})
            })
            .collect()
        };
        let mut subset = json!({"ports": ports_of(&ports)});
        for (field, addresses) in [("addresses", of(true)), ("notReadyAddresses", of(false))] {
            if !addresses.is_empty()
                && let Some(subset) = subset.as_object_mut()
            {
                subset.insert(field.to_owned(), addresses.into());
            }
        }
        subset
    };
    let subsets: Vec<Value> = by_ports(service, pods).into_iter().map(subset).collect();
    json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata(&service.name), "subsets": subsets})
}

fn slices(
    service: &Service,
    pods: &[&Pod],
    family: &str,
    belongs: fn(&IpAddr) -> bool,
) -> Vec<Value> {
    let of_family = pods.iter().filter(|pod| pod.addresses.iter().any(belongs));
    let pods: Vec<&Pod> = of_family.copied().collect();
    let slice = |(number, (ports, pods)): (usize, (Vec<Port>, Vec<&Pod>))| {
        let endpoint = |pod: &&Pod| {
            let addresses: Vec<&IpAddr> = pod.addresses.iter().filter(|ip| belongs(ip)).collect();
            json!({
                "addresses": addresses, "nodeName": pod.node, "targetRef": target_of(pod),
                "conditions": {"ready": serves(pod, service), "serving": pod.ready, "terminating": false},
            })
        };
        let name = format!("{}-{}-{number}", service.name.name, family.to_lowercase());
        let endpoints: Vec<Value> = pods.iter().map(endpoint).collect();
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": name, "namespace": service.name.namespace,
                "labels": {
                    "kubernetes.io/service-name": service.name.name,
                    "endpointslice.kubernetes.io/managed-by": "lab.ringfence",
                },
            },
            "addressType": family, "ports": ports_of(&ports), "endpoints": endpoints,
        })
    };
    (1..).zip(by_ports(service, &pods)).map(slice).collect()
}
