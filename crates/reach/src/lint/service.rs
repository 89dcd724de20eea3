//! Where connections to Services arrive (rules NP-33, OB-11).

use std::collections::BTreeSet;

use ringfence_model::{ObjectName, Service, ServicePort, TargetPort};
use ringfence_net::Protocol;

use super::context::{Context, PodGroup};
use super::port::named;

/// The Services of the namespaces of `groups`, in order of name: no others send connections to them.
pub(super) fn near<'a>(context: &Context<'a>, groups: &[&PodGroup<'_>]) -> Vec<&'a Service> {
    let namespaces: BTreeSet<&str> = groups.iter().map(|group| group.namespace).collect();
    let mut found = Vec::new();
    for namespace in namespaces {
        let from_first = context
            .cluster
            .services
            .range(ObjectName::new(namespace, "")..);
        let own = from_first.take_while(|(name, _)| name.namespace == namespace);
        found.extend(own.map(|(_, service)| service));
    }
    found
}

/// Whether `service` sends connections to `group`.
pub(super) fn is_behind(service: &Service, group: &PodGroup<'_>) -> bool {
    let has = |(key, value): (&String, &String)| group.labels.get(key) == Some(value);
    service.name.namespace == group.namespace
        && !service.selector.is_empty()
        && service.selector.iter().all(has)
}

/// The port of `group` behind `port` of a Service (rule OB-11).
pub(super) fn target(port: &ServicePort, group: &PodGroup<'_>) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => named(group.ports, name, port.protocol).next(),
    }
}

/// Whether a Service sends connections to `port` of one of `groups`, so that these listen on it.
pub(super) fn is_target(
    context: &Context<'_>,
    groups: &[&PodGroup<'_>],
    protocol: Protocol,
    port: u16,
) -> bool {
    near(context, groups).into_iter().any(|service| {
        let behind = groups.iter().filter(|group| is_behind(service, group));
        let mut pairs = behind.flat_map(|group| service.ports.iter().map(move |one| (one, group)));
        pairs.any(|(one, group)| one.protocol == protocol && target(one, group) == Some(port))
    })
}
