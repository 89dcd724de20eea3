use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Cluster, Endpoint, IpBlock, Outcome, Owner, PolicyPeer, Query};
use ringfence_net::{ConnectionSet, Family, IpProtocol, Protocol};
use ringfence_reach::matrix::Status;
use ringfence_testkit::generate::{self, Shape};
use ringfence_testkit::random::Random;

/// The cluster of `seed` with a few workloads, some of them with pods of different labels.
pub(crate) fn cluster(seed: u64, shape: Shape) -> Cluster {
    let mut cluster = generate::cluster(seed, shape);
    let mut random = Random::new(seed);
    for pod in cluster.pods.values_mut() {
        let owners = [None, Some("web"), Some("web"), Some("db")];
        let name = random.pick(&owners).copied().flatten();
        pod.workload = name.map(|name| Owner {
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
        });
    }
    cluster
}

/// The same cluster after somebody worked on it.
pub(crate) fn changed(cluster: &Cluster, seed: u64) -> Cluster {
    let mut after = cluster.clone();
    let mut random = Random::new(seed ^ 0xd1ff);
    let other = self::cluster(seed + 1_000_000, Shape::FULL);
    for (name, policy) in other.network_policies {
        if after.namespaces.contains_key(&name.namespace) && random.chance(50) {
            after.network_policies.insert(name, policy);
        }
    }
    after.network_policies.retain(|_, _| random.chance(70));
    after.cluster_policies.retain(|_, _| random.chance(70));
    for (name, pod) in other.pods {
        let free = pod
            .addresses
            .iter()
            .all(|address| is_free(&after, *address));
        if free && after.namespaces.contains_key(&name.namespace) && random.chance(30) {
            after.pods.insert(name, pod);
        }
    }
    after.pods.retain(|_, _| random.chance(85));
    for pod in after.pods.values_mut().filter(|_| random.chance(15)) {
        pod.labels.clear();
    }
    for pod in after.pods.values_mut().filter(|_| random.chance(10)) {
        pod.addresses.clear();
    }
    widen(&mut after, &mut random);
    after
}

fn is_free(cluster: &Cluster, address: IpAddr) -> bool {
    let pods = cluster.pods.values();
    let nodes = cluster.nodes.values();
    !pods
        .flat_map(|pod| &pod.addresses)
        .any(|other| *other == address)
        && !nodes
            .flat_map(|node| &node.addresses)
            .any(|other| *other == address)
}

/// Blocks become twice as large, so that places differ from cluster to cluster.
fn widen(cluster: &mut Cluster, random: &mut Random) {
    let policies = cluster.network_policies.values_mut();
    for rule in policies.flat_map(|policy| policy.ingress.iter_mut().chain(&mut policy.egress)) {
        for peer in rule.peers.iter_mut().filter(|_| random.chance(20)) {
            if let PolicyPeer::IpBlock(IpBlock { cidr, except }) = peer {
                except.clear();
                *cidr = cidr.supernet().unwrap_or(*cidr);
            }
        }
    }
}

/// What the reference says; `None` if the question makes no sense.
pub(crate) fn status(cluster: &Cluster, query: &Query) -> Option<Status> {
    match ringfence_reference::answer(cluster, query).ok()?.outcome {
        Outcome::Allow => Some(Status::All),
        Outcome::Deny => Some(Status::Denied),
        Outcome::Unknown { .. } => Some(Status::Unknown),
        Outcome::Partial | Outcome::NoEndpoints => None,
    }
}

/// What the reference says in each family that both ends have.
pub(crate) fn statuses(cluster: &Cluster, query: &Query) -> BTreeSet<Status> {
    let in_families = in_families(cluster, query);
    let named = status(cluster, query).into_iter();
    let others = in_families
        .iter()
        .filter_map(|query| status(cluster, query));
    named.chain(others).collect()
}

/// The same question in each family, if both ends have both: a pod is named by its address. A pod or node of which no address
/// is known goes along with the other end (rule AM-22).
pub(crate) fn in_families(cluster: &Cluster, query: &Query) -> Vec<Query> {
    let (sources, destinations) = (
        addresses(cluster, &query.source),
        addresses(cluster, &query.destination),
    );
    let of = |addresses: &[IpAddr], family: Family| {
        let mut addresses = addresses.iter().copied();
        addresses.find(|address| Family::of(*address) == family)
    };
    let in_family = |family: Family| {
        let (from, to) = (of(&sources, family), of(&destinations, family));
        let share = (from.is_some() || goes_along(cluster, &query.source, &sources))
            && (to.is_some() || goes_along(cluster, &query.destination, &destinations));
        let mut query = query.clone();
        match (from, to) {
            _ if !share => return None,
            (_, Some(to)) if matches!(query.destination, Endpoint::Pod(_)) => {
                query.destination = Endpoint::Address(to);
            }
            (Some(from), _) => query.source = Endpoint::Address(from),
            (None, Some(to)) => query.destination = Endpoint::Address(to),
            (None, None) => return None,
        }
        Some(query)
    };
    let both: Option<Vec<Query>> = Family::ALL.into_iter().map(in_family).collect();
    both.unwrap_or_default()
}

/// The family that the ends have in common, if it is one and known.
pub(crate) fn only_family(cluster: &Cluster, query: &Query) -> Option<Family> {
    let ends = [&query.source, &query.destination].map(|end| addresses(cluster, end));
    let has = |addresses: &Vec<IpAddr>, family| {
        addresses.is_empty() || addresses.iter().any(|one| Family::of(*one) == family)
    };
    let common = |family: &Family| ends.iter().all(|addresses| has(addresses, *family));
    let common: Vec<Family> = Family::ALL.into_iter().filter(common).collect();
    match common.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

fn goes_along(cluster: &Cluster, end: &Endpoint, addresses: &[IpAddr]) -> bool {
    let is_meant = match end {
        Endpoint::Pod(name) => {
            let pod = cluster.pods.get(name);
            pod.is_some_and(ringfence_model::Pod::is_on_pod_network)
        }
        Endpoint::Node(_) => true,
        Endpoint::Address(_) | Endpoint::Service(_) => false,
    };
    is_meant && addresses.is_empty()
}

fn addresses(cluster: &Cluster, end: &Endpoint) -> Vec<IpAddr> {
    match end {
        Endpoint::Pod(name) => {
            let pod = cluster.pods.get(name);
            let pod = pod.filter(|pod| pod.is_on_pod_network());
            pod.map_or_else(Vec::new, |pod| pod.addresses.clone())
        }
        Endpoint::Node(name) => {
            let object = cluster.nodes.get(name).into_iter();
            let pods = cluster.pods.values();
            let pods = pods.filter(|pod| pod.is_live() && pod.node.as_ref() == Some(name));
            let reported = pods.flat_map(|pod| &pod.host_addresses);
            let written = object.flat_map(|node| &node.addresses);
            written.chain(reported).copied().collect()
        }
        Endpoint::Address(_) | Endpoint::Service(_) => Vec::new(),
    }
}

pub(crate) fn query(source: &Endpoint, destination: &Endpoint, port: Port) -> Query {
    Query {
        source: source.clone(),
        destination: destination.clone(),
        protocol: port.0,
        port: port.1,
    }
}

pub(crate) type Port = (IpProtocol, Option<u16>);

/// Ports at and beside the bounds of `set`, and a protocol without ports.
pub(crate) fn bounds(set: &ConnectionSet) -> Vec<Port> {
    let ranges = Protocol::ALL.into_iter().flat_map(|protocol| {
        let ranges = set.ports(protocol).ranges();
        ranges.iter().map(move |range| (protocol, *range))
    });
    let mut ports: Vec<Port> = ranges
        .flat_map(|(protocol, range)| {
            let (first, last) = (range.first(), range.last());
            [first.saturating_sub(1), first, last, last.saturating_add(1)]
                .into_iter()
                .filter(|port| *port > 0)
                .map(move |port| (protocol.into(), Some(port)))
        })
        .collect();
    ports.push((IpProtocol::ICMP, None));
    ports.extend(Protocol::ALL.map(|protocol| (protocol.into(), Some(7))));
    ports.sort();
    ports.dedup();
    ports
}
