//! Rules CN-30 to CN-37: the parts of a rule of a cluster-scoped policy.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    ClusterPeer, ClusterPolicyKind, ClusterPort, DomainName, LabelSelector, Match, Party, PodScope,
};
use ringfence_policy::Whereabouts;

use super::peer::{namespace_misses, outside, pod, pod_misses};
use super::port::{name_miss, protocol_miss, range_miss};
use super::{Flow, Miss, Part, Step, Why, below, field, labels, peers_field};

/// How a kind of policy writes what it has in common with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// ClusterNetworkPolicy: `protocols`.
    Protocols,
    /// AdminNetworkPolicy and BaselineAdminNetworkPolicy: `ports`.
    Ports,
}

impl Dialect {
    pub(super) const fn of(kind: ClusterPolicyKind) -> Self {
        match kind {
            ClusterPolicyKind::ClusterNetworkPolicy => Self::Protocols,
            ClusterPolicyKind::AdminNetworkPolicy
            | ClusterPolicyKind::BaselineAdminNetworkPolicy => Self::Ports,
        }
    }

    fn list(self) -> Step {
        field(match self {
            Self::Protocols => "protocols",
            Self::Ports => "ports",
        })
    }
}

/// How item `index` of `from` or `to` fares.
pub(super) fn peer(flow: Flow<'_>, item: &ClusterPeer, index: usize) -> Part {
    let place = vec![peers_field(flow.direction), Step::Item(index)];
    let whole = |why| {
        vec![Miss {
            place: place.clone(),
            why,
        }]
    };
    let misses = match item {
        ClusterPeer::Pods(scope) => scope_misses(flow, scope, &place),
        ClusterPeer::Networks(networks) => return networks_part(flow, networks, place),
        ClusterPeer::Nodes(selector) => nodes_why(flow, selector).map_or(Vec::new(), whole),
        ClusterPeer::DomainNames(names) => names_why(flow, names).map_or(Vec::new(), whole),
        ClusterPeer::Unrecognized => whole(Why::Unrecognized),
    };
    Part::new(place, misses)
}

/// CN-4: without selector every namespace, and every pod. `namespaces` is a selector by itself, `pods` holds two.
fn scope_misses(flow: Flow<'_>, scope: &PodScope, place: &[Step]) -> Vec<Miss> {
    let Some(pod) = pod(flow) else {
        let why = Why::NoPod(flow.peer().clone());
        let place = place.to_vec();
        return vec![Miss { place, why }];
    };
    match (&scope.namespaces, &scope.pods) {
        (Some(namespaces), None) => {
            let name = &pod.name.namespace;
            let found = flow.cluster.namespace_labels(name);
            let place = below(place, [field("namespaces")]);
            labels::misses(namespaces, &found, &format!("namespace {name}"), &place)
        }
        (namespaces, pods) => {
            let place = below(place, [field("pods")]);
            let of_namespace = namespaces
                .iter()
                .flat_map(|selector| namespace_misses(flow, selector, pod, &place));
            let of_pod = pods
                .iter()
                .flat_map(|selector| pod_misses(selector, pod, &place));
            of_namespace.chain(of_pod).collect()
        }
    }
}

/// CN-34: the item matches if one network holds the address, and then that one is the place.
fn networks_part(flow: Flow<'_>, networks: &[IpNet], place: Vec<Step>) -> Part {
    let list = below(&place, [field("networks")]);
    let Some(address) = flow.peer().address() else {
        let inside = |known: &Whereabouts| {
            let networks = networks.iter();
            Match::any(networks.map(|network| known.within_network(*network)))
        };
        let misses = flow.unaddressed(inside);
        let misses = misses.map(|why| Miss { place: list, why });
        return Part::new(place, misses.into_iter().collect());
    };
    let outside_of = |network: &IpNet| outside(network, address);
    match networks
        .iter()
        .position(|network| outside_of(network).is_none())
    {
        Some(index) => Part::new(below(&list, [Step::Item(index)]), Vec::new()),
        None => {
            let why = networks
                .iter()
                .filter_map(outside_of)
                .min_by_key(Why::weight);
            let miss = why.map(|why| Miss { place: list, why });
            Part::new(place, miss.into_iter().collect())
        }
    }
}

/// CN-35: an address of a selected node.
fn nodes_why(flow: Flow<'_>, selector: &LabelSelector) -> Option<Why> {
    let nodes = flow.cluster.nodes.values();
    let addresses = nodes
        .filter(|node| selector.matches(&node.labels))
        .flat_map(|node| &node.addresses);
    addresses_why(flow, addresses, Why::NoNode)
}

/// CN-37, AM-19: an address that is known of one of the names.
fn names_why(flow: Flow<'_>, names: &[DomainName]) -> Option<Why> {
    let known = flow.cluster.domain_addresses.iter();
    let addresses = known
        .filter(|(known, _)| names.iter().any(|name| name.matches(known)))
        .flat_map(|(_, addresses)| addresses);
    addresses_why(flow, addresses, Why::NoName)
}

/// One of these addresses. AM-22: not known, if there is one to compare with.
fn addresses_why<'a>(
    flow: Flow<'_>,
    addresses: impl Iterator<Item = &'a IpAddr>,
    none: fn(Party) -> Why,
) -> Option<Why> {
    let addresses: Vec<IpAddr> = addresses.map(IpAddr::to_canonical).collect();
    let peer = flow.peer();
    match peer.address() {
        None if !addresses.is_empty() => flow.unaddressed(|known| {
            let networks = addresses.iter().map(|address| IpNet::from(*address));
            Match::any(networks.map(|network| known.within_network(network)))
        }),
        Some(address) if addresses.contains(&address) => None,
        None | Some(_) => Some(none(peer.clone())),
    }
}

/// How item `index` of `protocols` or `ports` fares.
pub(super) fn port(flow: Flow<'_>, dialect: Dialect, item: &ClusterPort, index: usize) -> Part {
    let place = vec![dialect.list(), Step::Item(index)];
    let why = match item {
        ClusterPort::Range(protocol, range) => {
            protocol_miss(flow, *protocol).or_else(|| range_miss(flow, *range))
        }
        ClusterPort::Name(name) => match flow.connection.protocol.as_policy() {
            None => Some(Why::Portless(flow.connection.protocol)),
            Some(_) => name_miss(flow, name, None),
        },
    };
    let misses = why.map(|why| Miss {
        place: place.clone(),
        why,
    });
    Part::new(place, misses.into_iter().collect())
}
