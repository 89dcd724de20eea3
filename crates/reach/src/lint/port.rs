//! The ports of rules as sets.

use ringfence_model::{ClusterPort, ClusterRule, ContainerPort, PolicyPort, PolicyRule, PortMatch};
use ringfence_net::{ConnectionSet, PortSet, Protocol};

use super::context::PodGroup;

/// What `rule` allows by number; names are left out, since addresses have none (rule NP-35).
pub(super) fn connections(rule: &PolicyRule) -> ConnectionSet {
    connections_to(rule, &[])
}

/// What `rule` allows to a pod with `declared` ports (rules NP-30 to NP-34).
pub(super) fn connections_to(rule: &PolicyRule, declared: &[ContainerPort]) -> ConnectionSet {
    if rule.ports.is_empty() {
        return ConnectionSet::all();
    }
    let none = ConnectionSet::none();
    rule.ports.iter().fold(none, |set, item| {
        set.union(&ConnectionSet::of(item.protocol, ports(item, declared)))
    })
}

/// What a rule of a cluster-scoped policy matches to a pod with `declared` ports (rules CN-31 to CN-33).
pub(super) fn cluster_connections(rule: &ClusterRule, declared: &[ContainerPort]) -> ConnectionSet {
    if rule.ports.is_empty() {
        return ConnectionSet::all();
    }
    let mut set = ConnectionSet::none();
    for port in &rule.ports {
        match port {
            ClusterPort::Range(protocol, range) => {
                let ports = PortSet::from_range(*range);
                set = set.union(&ConnectionSet::of(*protocol, ports));
            }
            ClusterPort::Name(name) => {
                for own in declared
                    .iter()
                    .filter(|own| own.name.as_ref() == Some(name))
                {
                    let ports = PortSet::single(own.port);
                    set = set.union(&ConnectionSet::of(own.protocol, ports));
                }
            }
        }
    }
    set
}

fn ports(item: &PolicyPort, declared: &[ContainerPort]) -> PortSet {
    match &item.port {
        PortMatch::Any => PortSet::all(),
        PortMatch::Range(range) => PortSet::from_range(*range),
        PortMatch::Name(name) => {
            let none = PortSet::empty();
            let numbers = named(declared, name, item.protocol);
            numbers.fold(none, |set, port| set.union(&PortSet::single(port)))
        }
    }
}

/// The numbers that `name` of `protocol` has among `declared` (rule NP-34).
pub(super) fn named<'a>(
    declared: &'a [ContainerPort],
    name: &'a str,
    protocol: Protocol,
) -> impl Iterator<Item = u16> + 'a {
    let is_it = move |port: &&ContainerPort| {
        port.protocol == protocol && port.name.as_deref() == Some(name)
    };
    declared.iter().filter(is_it).map(|port| port.port)
}

/// Whether a pod of `groups` declares `port` of `protocol`.
pub(super) fn declares(groups: &[&PodGroup<'_>], protocol: Protocol, port: u16) -> bool {
    let mut declared = groups.iter().flat_map(|group| group.ports);
    declared.any(|one| one.protocol == protocol && one.port == port)
}
