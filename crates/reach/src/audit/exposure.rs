//! What is deliberately open to everybody: the target ports of Services that face the outside, and the cluster's DNS.

use std::collections::BTreeMap;

use ringfence_model::{ContainerPort, Labels, ObjectName, Pod, Service, ServicePort, TargetPort};
use ringfence_net::{ConnectionSet, PortSet};

use super::Subject;
use crate::dns;
use crate::workload::Unit;

/// Where the Service answers that every pod of a cluster asks for names.
const DNS_PORT: u16 = 53;

/// As many workloads may be offered to the outside in any cluster; in a larger one no more than half of them.
const A_FEW: usize = 5;

type Offered = BTreeMap<ObjectName, ConnectionSet>;

/// What of each pod such Services offer. Where most workloads are offered to the outside, that is no exception any more, and
/// only names are meant for everybody.
pub(super) fn exposed(subject: &Subject<'_>, units: &BTreeMap<Unit, Vec<&Pod>>) -> Offered {
    let mut exposed = offered(subject, faces_outside, |_| true);
    let is_offered = |pods: &&Vec<&Pod>| pods.iter().any(|pod| exposed.contains_key(&pod.name));
    let workloads = units.values().filter(is_offered).count();
    if workloads > A_FEW && workloads * 2 > units.len() {
        exposed.clear();
    }
    let names = offered(
        subject,
        |_, service| dns::is_service(service),
        |port| port.port == DNS_PORT,
    );
    for (pod, offered) in names {
        let all = exposed.entry(pod).or_insert_with(ConnectionSet::none);
        *all = all.union(&offered);
    }
    exposed
}

/// What Services offer of each pod at their ports, of those that `is_meant`.
fn offered(
    subject: &Subject<'_>,
    is_meant: impl Fn(&Subject<'_>, &Service) -> bool,
    is_port_meant: impl Fn(&ServicePort) -> bool,
) -> Offered {
    let mut all = Offered::new();
    let services = subject.cluster.services.values();
    for service in services.filter(|service| is_meant(subject, service)) {
        for pod in backends(subject, service) {
            for port in service.ports.iter().filter(|port| is_port_meant(port)) {
                let offered = target(pod, port);
                let known = all.entry(pod.name.clone());
                let known = known.or_insert_with(ConnectionSet::none);
                *known = known.union(&offered);
            }
        }
    }
    all
}

/// NodePort and LoadBalancer, or addresses outside.
fn faces_outside(subject: &Subject<'_>, service: &Service) -> bool {
    let written = || {
        subject
            .documents
            .field(service.source.as_ref()?, "spec.type")
    };
    let is_written = || {
        let field = written();
        let kind = field.as_ref().and_then(|field| field.text());
        matches!(kind, Some("NodePort" | "LoadBalancer"))
    };
    !service.external_addresses.is_empty() || is_written()
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
