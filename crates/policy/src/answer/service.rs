//! Rules OB-11 and OB-12: who is behind a Service, and the port they are reached on.

use ringfence_model::{Phase, Pod, Query, Service, ServicePort, TargetPort};
use ringfence_net::{Family, IpProtocol};

use super::Facts;
use super::end::End;
use crate::index::in_namespace;

/// One end that a Service sends connections to.
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

/// OB-12: the backends of one port, with an address of `family` if one is fixed: by selector, else what is listed.
pub(super) fn backends(
    facts: Facts<'_>,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
) -> Vec<Backend> {
    if service.selector.is_empty() {
        return listed(facts, service, port, family);
    }
    let pods = in_namespace(&facts.cluster.pods, &service.name.namespace);
    let selected = pods.filter(|pod| is_selected(service, pod));
    let backends = selected.filter_map(|pod| selected_backend(facts, pod, port, family));
    backends.collect()
}

/// OB-12: live, not terminating, ready, and with all labels of the selector.
fn is_selected(service: &Service, pod: &Pod) -> bool {
    let mut wanted = service.selector.iter();
    pod.is_live()
        && !pod.terminating
        && (pod.ready || service.publish_not_ready_addresses)
        && service.external_name.is_none()
        && wanted.all(|(key, value)| pod.labels.get(key) == Some(value))
}

/// OB-12: a pod with an address. AM-22: one that no cluster has seen yet may get one.
fn selected_backend(
    facts: Facts<'_>,
    pod: &Pod,
    port: &ServicePort,
    family: Option<Family>,
) -> Option<Backend> {
    let port = target_port(port, pod)?;
    let end = End::of_pod(facts, pod);
    let is_unseen = !end.has_address() && pod.phase == Phase::Unknown;
    let end = end.restricted_to(family);
    (is_unseen || end.has_address()).then_some(Backend { end, port })
}

/// OB-12, Q-3: whoever has the address of an endpoint that is ready.
fn listed(
    facts: Facts<'_>,
    service: &Service,
    port: &ServicePort,
    family: Option<Family>,
) -> Vec<Backend> {
    let ready = service.endpoints.iter().filter(|endpoint| endpoint.ready);
    let of_port = ready.filter_map(|endpoint| Some((endpoint, endpoint.port_for(port)?)));
    let backends = of_port.map(|(endpoint, port)| Backend {
        end: End::at(facts, endpoint.address.to_canonical()).restricted_to(family),
        port,
    });
    backends
        .filter(|backend| backend.end.has_address())
        .collect()
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
