//! Rules OB-11 and OB-12: the pods behind a Service, and the port they are reached on.

use ringfence_model::{Pod, Query, Service, ServicePort, TargetPort};
use ringfence_net::{Family, IpProtocol};

use super::Facts;
use super::end::End;
use crate::index::in_namespace;

/// One pod that a Service sends connections to.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    pub(super) end: End,
    /// The port it is reached on.
    pub(super) port: u16,
}

/// the port of `service` that `query` dials.
pub(super) fn dialled_port<'a>(service: &'a Service, query: &Query) -> Option<&'a ServicePort> {
    let mut ports = service.ports.iter();
    ports.find(|port| {
        IpProtocol::from(port.protocol) == query.protocol && Some(port.port) == query.port
    })
}

/// OB-12: the backends of one port in order of name, with an address of `family` if one is fixed.
pub(super) fn backends(
    facts: Facts<'_>,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
) -> Vec<Backend> {
    if service.selector.is_empty() || service.external_name.is_some() {
        return Vec::new();
    }
    let pods = in_namespace(&facts.cluster.pods, &service.name.namespace);
    let chosen = pods.filter(|pod| is_backend(service, pod));
    let backends = chosen.filter_map(|pod| {
        let end = End::of_pod(facts, pod);
        let end = match family {
            Some(family) => end.restricted_to(family),
            None => end,
        };
        let port = target_port(port, pod)?;
        end.has_address().then_some(Backend { end, port })
    });
    backends.collect()
}

/// OB-12: live, not terminating, ready, and with all labels of the selector.
fn is_backend(service: &Service, pod: &Pod) -> bool {
    let mut wanted = service.selector.iter();
    pod.is_live()
        && !pod.terminating
        && (pod.ready || service.publish_not_ready_addresses)
        && wanted.all(|(key, value)| pod.labels.get(key) == Some(value))
}

/// OB-11: the number, or the pod's first port with that name and the Service port's protocol.
fn target_port(port: &ServicePort, pod: &Pod) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let of_protocol = pod.ports.iter().filter(|own| own.protocol == port.protocol);
            let mut named = of_protocol.filter(|own| own.name.as_ref() == Some(name));
            named.next().map(|own| own.port)
        }
    }
}
