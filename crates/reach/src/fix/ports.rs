//! Ports as rules name them.

use ringfence_model::{ClusterPort, PolicyPort, PortMatch};
use ringfence_net::{ConnectionSet, PortRange, PortSet, Protocol};

/// The items that match `set` and nothing else; none, which match everything, where a protocol without ports is in it.
pub(super) fn of_policy(set: &ConnectionSet) -> Vec<PolicyPort> {
    if set.allows_other() {
        return Vec::new();
    }
    let mut items = Vec::new();
    for (protocol, ports) in set.iter() {
        if ports.is_all() {
            items.push(PolicyPort {
                protocol,
                port: PortMatch::Any,
            });
            continue;
        }
        let ranges = ports.ranges().iter().map(|range| PortMatch::Range(*range));
        items.extend(ranges.map(|port| PolicyPort { protocol, port }));
    }
    items
}

/// The same for cluster-scoped policies.
pub(super) fn of_cluster_policy(set: &ConnectionSet) -> Vec<ClusterPort> {
    if set.allows_other() {
        return Vec::new();
    }
    let ranges = set.iter().flat_map(|(protocol, ports)| {
        let whole = [PortRange::VALID];
        let ranges = if ports.is_all() {
            whole.to_vec()
        } else {
            ports.ranges().to_vec()
        };
        ranges
            .into_iter()
            .map(move |range| ClusterPort::Range(protocol, range))
    });
    ranges.collect()
}

/// What is left of an item without `set`; `None` if nothing of it is there.
pub(super) fn without(item: &PolicyPort, set: &ConnectionSet) -> Option<Vec<PolicyPort>> {
    let own = match &item.port {
        PortMatch::Any => PortSet::all(),
        PortMatch::Range(range) => PortSet::from_range(*range),
        PortMatch::Name(_) => return Some(Vec::new()),
    };
    let left = own.difference(set.ports(item.protocol));
    (left != own).then(|| of_policy(&of(item.protocol, left)))
}

fn of(protocol: Protocol, ports: PortSet) -> ConnectionSet {
    ConnectionSet::of(protocol, ports)
}
