//! Rules: which party an endpoint is, and which of its addresses the connection uses.

use std::net::IpAddr;

use ringfence_model::{Cluster, Endpoint, ObjectName, Party, Phase, Pod, QueryError};
use ringfence_net::Family;

use crate::node::{named_node, node_addresses, node_at};
use crate::party::Candidate;

/// finished pods do not exist for policy; pods that are pending or being deleted do.
pub(crate) fn is_live(pod: &Pod) -> bool {
    match pod.phase {
        Phase::Succeeded | Phase::Failed => false,
        Phase::Pending | Phase::Running | Phase::Unknown => true,
    }
}

/// NP-16, NP-53: policy selects live pods of the pod network and nothing else.
pub(crate) fn is_subject(pod: &Pod) -> bool {
    is_live(pod) && !pod.host_network
}

/// the party that `endpoint` names. Services are resolved elsewhere (rule Q-8).
pub(crate) fn candidate(cluster: &Cluster, endpoint: &Endpoint) -> Result<Candidate, QueryError> {
    let unknown = || QueryError::NoSuchEndpoint(endpoint.clone());
    match endpoint {
        Endpoint::Address(address) => Ok(at_address(cluster, address.to_canonical())),
        Endpoint::Pod(name) => named_pod(cluster, name).ok_or_else(unknown),
        Endpoint::Node(name) => named_node(cluster, name).ok_or_else(unknown),
        Endpoint::Service(_) => Err(unknown()),
    }
}

/// loopback, then pod, then node, then any other address.
pub(crate) fn at_address(cluster: &Cluster, address: IpAddr) -> Candidate {
    let party = if address.is_loopback() {
        Party::Loopback(address)
    } else if let Some(name) = pods_at(cluster, address).first() {
        Party::Pod {
            name: (*name).clone(),
            address: None,
        }
    } else if let Some(name) = node_at(cluster, address) {
        Party::Node {
            name,
            host_pod: None,
            address: None,
        }
    } else {
        Party::Other(address)
    };
    Candidate::literal(party, address)
}

/// Q-4, NP-53: a pod by name.
fn named_pod(cluster: &Cluster, name: &ObjectName) -> Option<Candidate> {
    cluster
        .pods
        .get(name)
        .filter(|pod| is_live(pod))
        .map(|pod| of_pod(cluster, pod))
}

/// NP-53: a host pod is its node under another name.
pub(crate) fn of_pod(cluster: &Cluster, pod: &Pod) -> Candidate {
    if pod.host_network {
        let name = pod.node.clone();
        let host_pod = Some(pod.name.clone());
        let party = Party::Node {
            name,
            host_pod,
            address: None,
        };
        Candidate {
            party,
            addresses: host_pod_addresses(cluster, pod),
        }
    } else {
        let party = Party::Pod {
            name: pod.name.clone(),
            address: None,
        };
        Candidate {
            party,
            addresses: canonical(&pod.addresses),
        }
    }
}

/// Q-5, NP-53: what its status says, else what is known of its node.
fn host_pod_addresses(cluster: &Cluster, pod: &Pod) -> Vec<IpAddr> {
    let own = canonical(&[pod.addresses.as_slice(), pod.host_addresses.as_slice()].concat());
    match &pod.node {
        Some(node) if own.is_empty() => node_addresses(cluster, node),
        Some(_) | None => own,
    }
}

/// the family of the first destination address for which the source has one too.
/// An end without known addresses goes along with the other (rule AM-22).
pub(crate) fn common_family(
    source: &Candidate,
    destination: &Candidate,
) -> Result<Option<Family>, NoCommonFamily> {
    let families = |candidate: &Candidate| -> Vec<Family> {
        candidate
            .addresses
            .iter()
            .map(|address| Family::of(*address))
            .collect()
    };
    let (from, to) = (families(source), families(destination));
    if from.is_empty() || to.is_empty() {
        return Ok(to.first().or(from.first()).copied());
    }
    let shared = to.into_iter().find(|family| from.contains(family));
    shared.map(Some).ok_or(NoCommonFamily)
}

/// the two ends cannot speak to each other.
#[derive(Debug)]
pub(crate) struct NoCommonFamily;

/// one address, one live pod of the pod network.
pub(crate) fn check_addresses(cluster: &Cluster) -> Result<(), QueryError> {
    for pod in cluster.pods.values().filter(|pod| is_subject(pod)) {
        for address in canonical(&pod.addresses) {
            if let [first, second, ..] = pods_at(cluster, address).as_slice() {
                return Err(QueryError::SharedAddress {
                    address,
                    first: (*first).clone(),
                    second: (*second).clone(),
                });
            }
        }
    }
    Ok(())
}

/// the live pods of the pod network with `address`.
fn pods_at(cluster: &Cluster, address: IpAddr) -> Vec<&ObjectName> {
    let owners = cluster.pods.values().filter(|pod| is_subject(pod));
    owners
        .filter(|pod| canonical(&pod.addresses).contains(&address))
        .map(|pod| &pod.name)
        .collect()
}

pub(crate) fn live_pods(cluster: &Cluster) -> impl Iterator<Item = &Pod> {
    cluster.pods.values().filter(|pod| is_live(pod))
}

/// an IPv4 address written as IPv6 is that IPv4 address.
pub(crate) fn canonical(addresses: &[IpAddr]) -> Vec<IpAddr> {
    addresses.iter().map(IpAddr::to_canonical).collect()
}
