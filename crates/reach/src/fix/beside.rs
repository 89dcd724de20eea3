//! Who shares a row of the difference with those who were asked about.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Connection, Endpoint, ObjectName, Party, Query};
use ringfence_policy::Engine;

use crate::workload::{Member, addresses_of_nodes, by_workload};

/// The connection of `query` between others of the same units: pods of the two workloads, and nodes. Of those that no
/// policy tells apart there is one.
pub(super) fn beside(engine: &Engine, query: &Query, connection: &Connection) -> Vec<Query> {
    let (from, to) = (&connection.source, &connection.destination);
    let sources = alternatives(engine, (&query.source, from), to);
    let destinations = alternatives(engine, (&query.destination, to), from);
    let pairs = sources.iter().flat_map(|source| {
        let destinations = destinations.iter();
        destinations.map(move |destination| (source.clone(), destination.clone()))
    });
    let between = |(source, destination)| Query {
        source,
        destination,
        protocol: connection.protocol,
        port: connection.port,
    };
    pairs.map(between).collect()
}

/// The end that was asked about, and others of its unit.
fn alternatives(
    engine: &Engine,
    (asked, party): (&Endpoint, &Party),
    other: &Party,
) -> Vec<Endpoint> {
    let others = match party {
        Party::Pod { name, .. } => pods(engine, name),
        Party::Node { name, address, .. } => {
            let own = name.as_deref().filter(|_| !is_address(asked));
            nodes(engine, (own, *address), other)
        }
        Party::Other(_) | Party::Loopback(_) => Vec::new(),
    };
    std::iter::once(asked.clone()).chain(others).collect()
}

const fn is_address(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Address(_))
}

/// Of each class of the other pods of `name`'s workload one.
fn pods(engine: &Engine, name: &ObjectName) -> Vec<Endpoint> {
    let cluster = engine.cluster();
    let Some(own) = cluster.pods.get(name) else {
        return Vec::new();
    };
    let unit = by_workload(&Member::Pod(own));
    let mut others = BTreeMap::new();
    let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
    for pod in pods.filter(|pod| pod.name != own.name) {
        if by_workload(&Member::Pod(pod)) == unit {
            let class = engine.class_of_pod(&pod.name);
            others.entry(class).or_insert_with(|| pod.name.clone());
        }
    }
    others.into_values().map(Endpoint::Pod).collect()
}

/// Of each class of addresses of other nodes than `own` one, and one of the node that the pod `other` is on (rule NP-50).
fn nodes(
    engine: &Engine,
    (own, address): (Option<&str>, Option<IpAddr>),
    other: &Party,
) -> Vec<Endpoint> {
    let cluster = engine.cluster();
    let pod = super::identity::pod(cluster, other);
    let home = pod.and_then(|pod| pod.node.as_deref());
    let nodes = addresses_of_nodes(cluster).into_iter();
    let mut known = BTreeSet::new();
    let mut others = Vec::new();
    for (name, addresses) in nodes.filter(|(name, _)| own != Some(*name)) {
        for found in addresses {
            let alike = (engine.class_of_address(found), home == Some(name));
            if address != Some(found) && known.insert(alike) {
                others.push(Endpoint::Address(found));
            }
        }
    }
    others
}
