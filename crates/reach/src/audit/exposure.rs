//! What is deliberately open to everybody: the target ports of Services that face the outside, and the cluster's DNS.

use std::collections::BTreeMap;

use ringfence_model::{ContainerPort, Labels, ObjectName, Pod, Service, ServicePort, TargetPort};
use ringfence_net::{ConnectionSet, PortSet};

use super::Subject;

/// The Service that every pod of a cluster asks for names.
const DNS: (&str, &str) = ("kube-system", "kube-dns");

/// What of each pod such Services offer.
pub(super) fn exposed(subject: &Subject<'_>) -> BTreeMap<ObjectName, ConnectionSet> {
    let mut exposed: BTreeMap<ObjectName, ConnectionSet> = BTreeMap::new();
    let services = subject.cluster.services.values();
    for service in services.filter(|service| is_open(subject, service)) {
        for pod in backends(subject, service) {
            for port in &service.ports {
                let offered = target(pod, port);
                let all = exposed.entry(pod.name.clone());
                let all = all.or_insert_with(ConnectionSet::none);
                *all = all.union(&offered);
            }
        }
    }
    exposed
}

/// NodePort and LoadBalancer, or addresses outside; and the cluster's DNS.
fn is_open(subject: &Subject<'_>, service: &Service) -> bool {
    let written = || {
        subject
            .documents
            .field(service.source.as_ref()?, "spec.type")
    };
    let faces_outside = || {
        let field = written();
        let kind = field.as_ref().and_then(|field| field.text());
        matches!(kind, Some("NodePort" | "LoadBalancer"))
    };
    let name = (service.name.namespace.as_str(), service.name.name.as_str());
    name == DNS || !service.external_addresses.is_empty() || faces_outside()
}

/// OB-12: the live pods that the selector matches; whether they are ready is a matter of the moment.
fn backends<'a>(subject: &Subject<'a>, service: &'a Service) -> impl Iterator<Item = &'a Pod> {
    let namespace = &service.name.namespace;
    let first = ObjectName::new(namespace, "");
    let pods = subject.cluster.pods.range(first..);
    pods.map(|(_, pod)| pod)
        .take_while(move |pod| pod.name.namespace == *namespace)
        .filter(|pod| pod.is_live() && selects(&service.selector, &pod.labels))
}

fn selects(selector: &Labels, labels: &Labels) -> bool {
    let has = |(key, value): (&String, &String)| labels.get(key) == Some(value);
    !selector.is_empty() && selector.iter().all(has)
}

/// OB-11: the port that `port` leads to.
fn target(pod: &Pod, port: &ServicePort) -> ConnectionSet {
    let number = match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let is_it = |own: &&ContainerPort| {
                own.name.as_ref() == Some(name) && own.protocol == port.protocol
            };
            pod.ports.iter().find(is_it).map(|own| own.port)
        }
    };
    let ports = number.map_or_else(PortSet::empty, PortSet::single);
    ConnectionSet::of(port.protocol, ports)
}
