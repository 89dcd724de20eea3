//! Services that nothing in the manifests leads to: their users are elsewhere, or nobody needs them.

use std::collections::BTreeSet;

use ringfence_model::{BackendPort, ObjectName, Service};

use super::service::Wanted;
use super::{Gatherer, NeededPort};
use crate::suggest::End;

/// The Services of namespaces that policies are suggested for at none of whose ports anybody is needed, in order.
pub(super) fn idle(gatherer: &Gatherer<'_>) -> Vec<ObjectName> {
    let used = gatherer.needs.keys().map(|(_, to, port)| (to, port));
    let used: BTreeSet<(&End, &NeededPort)> = used.collect();
    let managed: BTreeSet<&str> = gatherer.inhabitants.managed().collect();
    let services = gatherer.inhabitants.cluster.services.values();
    services
        .filter(|service| managed.contains(service.name.namespace.as_str()))
        .filter(|service| gatherer.is_idle(service, &used))
        .map(|service| service.name.clone())
        .collect()
}

impl Gatherer<'_> {
    /// Whether `service` has pods, and nobody is shown to need them.
    fn is_idle(&self, service: &Service, used: &BTreeSet<(&End, &NeededPort)>) -> bool {
        let mut reached = service.ports.iter().filter_map(|port| {
            let wanted = Wanted {
                port: Some(BackendPort::Number(port.port)),
                protocol: Some(port.protocol),
                usual: None,
            };
            Some(self.destinations(service, &wanted).ok()?.0)
        });
        let mut has_pods = false;
        let is_used = reached.any(|destinations| {
            has_pods |= !destinations.is_empty();
            destinations
                .iter()
                .any(|(end, port)| used.contains(&(end, port)))
        });
        has_pods && !is_used
    }
}
