//! Services that nothing in the manifests leads to: their users are elsewhere, or nobody needs them.

use std::collections::BTreeSet;

use ringfence_model::{ObjectName, Service};

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
        let behind = self.behind(service);
        let mut all = behind.iter();
        !behind.is_empty() && all.all(|(end, port)| !used.contains(&(end, port)))
    }
}
