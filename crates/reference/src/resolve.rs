//! Rules: which party an endpoint is, and which of its addresses the connection uses.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ringfence_model::{Cluster, ObjectName, Phase, Pod};
use ringfence_net::Family;

use crate::{Endpoint, QueryError};

/// One end of a connection as policy sees it (rule Q-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A live pod of the pod network.
    Pod {
        /// Its name.
        name: ObjectName,
        /// Its address in this connection; `None` if it has none yet (rule AM-22).
        address: Option<IpAddr>,
    },
    /// A node, or a host pod, which has its node's address (rule NP-53).
    Node {
        /// The node's name; `None` for a host address of a pod that names no node.
        name: Option<String>,
        /// The host pod that was named.
        host_pod: Option<ObjectName>,
        /// Its address in this connection; `None` if none is known.
        address: Option<IpAddr>,
    },
    /// Any other address.
    Other(IpAddr),
    /// A loopback address: the connection stays inside its source (rule NP-61).
    Loopback(IpAddr),
}

impl Party {
    /// The address that the party uses in this connection, if it is known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Pod { address, .. } | Self::Node { address, .. } => *address,
            Self::Other(address) | Self::Loopback(address) => Some(*address),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod { name, .. } => write!(f, "{name}"),
            Self::Node {
                host_pod: Some(pod),
                ..
            } => write!(f, "{pod} (host network)"),
            Self::Node {
                name: Some(name), ..
            } => write!(f, "node/{name}"),
            Self::Node {
                address: Some(address),
                ..
            } => write!(f, "node address {address}"),
            Self::Node { .. } => f.write_str("a node"),
            Self::Other(address) | Self::Loopback(address) => write!(f, "{address}"),
        }
    }
}

/// An endpoint before the family is chosen: who it is, and every address it could use.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The party, its address still open unless the query names it.
    party: Party,
    /// Its addresses in order of preference; empty if none is known (rule AM-22).
    pub(crate) addresses: Vec<IpAddr>,
}

impl Candidate {
    fn literal(party: Party, address: IpAddr) -> Self {
        Self {
            party,
            addresses: vec![address],
        }
    }

    /// The party with the address of `family` that it would use.
    pub(crate) fn in_family(&self, family: Option<Family>) -> Party {
        let chosen = self
            .addresses
            .iter()
            .copied()
            .find(|address| Some(Family::of(*address)) == family);
        match self.party.clone() {
            Party::Pod { name, .. } => Party::Pod {
                name,
                address: chosen,
            },
            Party::Node { name, host_pod, .. } => Party::Node {
                name,
                host_pod,
                address: chosen,
            },
            party @ (Party::Other(_) | Party::Loopback(_)) => party,
        }
    }
}

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

/// a node that has an object, or that a live pod names.
fn named_node(cluster: &Cluster, name: &str) -> Option<Candidate> {
    let mentioned = live_pods(cluster).any(|pod| pod.node.as_deref() == Some(name));
    (mentioned || cluster.nodes.contains_key(name)).then(|| Candidate {
        party: Party::Node {
            name: Some(name.to_owned()),
            host_pod: None,
            address: None,
        },
        addresses: node_addresses(cluster, name),
    })
}

/// the addresses of the Node object, then the host addresses that live pods on it report.
fn node_addresses(cluster: &Cluster, name: &str) -> Vec<IpAddr> {
    let reported = live_pods(cluster)
        .filter(|pod| pod.node.as_deref() == Some(name))
        .flat_map(|pod| &pod.host_addresses);
    let of_object = cluster
        .nodes
        .get(name)
        .into_iter()
        .flat_map(|node| &node.addresses);
    of_object
        .chain(reported)
        .map(IpAddr::to_canonical)
        .collect()
}

/// the name of the node with `address`; the name is absent if only a pod without node reports it.
fn node_at(cluster: &Cluster, address: IpAddr) -> Option<Option<String>> {
    let named = node_names(cluster)
        .into_iter()
        .find(|name| node_addresses(cluster, name).contains(&address));
    let reported =
        || live_pods(cluster).any(|pod| canonical(&pod.host_addresses).contains(&address));
    named.map(Some).or_else(|| reported().then_some(None))
}

fn node_names(cluster: &Cluster) -> BTreeSet<String> {
    let mentioned = live_pods(cluster).filter_map(|pod| pod.node.clone());
    cluster.nodes.keys().cloned().chain(mentioned).collect()
}

/// Q-5, NP-50: whether `peer` is the node that `pod` runs on: by name, by the node's addresses, or by
/// the host addresses that the pod itself reports.
pub(crate) fn is_local_node(cluster: &Cluster, pod: &Pod, peer: &Party) -> bool {
    let Party::Node { name, address, .. } = peer else {
        return false;
    };
    let same_name = name.is_some() && *name == pod.node;
    let same_address = address.is_some_and(|address| {
        let of_node = pod.node.as_ref().map(|node| node_addresses(cluster, node));
        of_node.unwrap_or_default().contains(&address)
            || canonical(&pod.host_addresses).contains(&address)
    });
    same_name || same_address
}

/// OB-16: a pod that names no node and no host address has no local node.
pub(crate) fn has_local_node(pod: &Pod) -> bool {
    pod.node.is_some() || !pod.host_addresses.is_empty()
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

fn live_pods(cluster: &Cluster) -> impl Iterator<Item = &Pod> {
    cluster.pods.values().filter(|pod| is_live(pod))
}

/// an IPv4 address written as IPv6 is that IPv4 address.
fn canonical(addresses: &[IpAddr]) -> Vec<IpAddr> {
    addresses.iter().map(IpAddr::to_canonical).collect()
}
