//! Rules: which party an endpoint is, and which of its addresses a connection uses.

use std::net::IpAddr;

use ringfence_model::{Cluster, Endpoint, ObjectName, Party, Pod, QueryError};
use ringfence_net::Family;

use super::Facts;
use super::service::Scope;

/// One end of a connection before its family is chosen.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Who it is; the address of a pod or a node is still open.
    party: Party,
    /// What it could use, in order of preference; empty if nothing is known (rule AM-22).
    addresses: Vec<IpAddr>,
}

/// the two ends cannot speak to each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoCommonFamily;

impl End {
    /// a pod, a node or an address. A Service is resolved before (rule Q-8).
    pub(super) fn find(facts: Facts<'_>, endpoint: &Endpoint) -> Result<Self, QueryError> {
        let found = match endpoint {
            Endpoint::Address(address) => Some(Self::at(facts, address.to_canonical())),
            Endpoint::Pod(name) => Self::named_pod(facts, name),
            Endpoint::Node(name) => Self::named_node(facts, name),
            Endpoint::Service(_) => None,
        };
        found.ok_or_else(|| QueryError::NoSuchEndpoint(endpoint.clone()))
    }

    /// loopback, then pod, then node, then any other address.
    pub(super) fn at(facts: Facts<'_>, address: IpAddr) -> Self {
        let party = if address.is_loopback() {
            Party::Loopback(address)
        } else if let Some(pod) = facts.index.pods.at(address) {
            pod_party(pod)
        } else if let Some(node) = facts.index.nodes.at(address) {
            node_party(node, None)
        } else {
            Party::Other(address)
        };
        Self {
            party,
            addresses: vec![address],
        }
    }

    /// a finished pod does not exist.
    fn named_pod(facts: Facts<'_>, name: &ObjectName) -> Option<Self> {
        let pod = facts.cluster.pods.get(name).filter(|pod| pod.is_live())?;
        Some(Self::of_pod(facts, pod))
    }

    /// NP-53: a host pod is its node under another name, with its own addresses if it has any.
    pub(super) fn of_pod(facts: Facts<'_>, pod: &Pod) -> Self {
        let own = pod.addresses.iter();
        if !pod.host_network {
            return Self {
                party: pod_party(&pod.name),
                addresses: own.map(IpAddr::to_canonical).collect(),
            };
        }
        let reported = own.chain(&pod.host_addresses);
        let mut addresses: Vec<IpAddr> = reported.map(IpAddr::to_canonical).collect();
        if let (true, Some(node)) = (addresses.is_empty(), &pod.node) {
            addresses = facts.index.nodes.addresses(facts.cluster, node);
        }
        Self {
            party: node_party(pod.node.as_deref(), Some(&pod.name)),
            addresses,
        }
    }

    /// a node that has an object, or that a live pod names.
    fn named_node(facts: Facts<'_>, name: &str) -> Option<Self> {
        let nodes = &facts.index.nodes;
        nodes.exists(facts.cluster, name).then(|| Self {
            party: node_party(Some(name), None),
            addresses: nodes.addresses(facts.cluster, name),
        })
    }

    pub(super) fn is_loopback(&self) -> bool {
        matches!(self.party, Party::Loopback(_))
    }

    /// Whether it is neither a pod nor a node.
    pub(super) fn is_other(&self) -> bool {
        matches!(self.party, Party::Other(_))
    }

    pub(super) fn is_node(&self) -> bool {
        matches!(self.party, Party::Node { .. })
    }

    /// OB-19: whether it is reached from `node` by way of the network. A host pod is where its node is.
    pub(super) fn is_elsewhere(&self, cluster: &Cluster, node: &str) -> bool {
        let home = match &self.party {
            Party::Pod { name, .. } => {
                let pod = cluster.pods.get(name);
                pod.and_then(|pod| pod.node.as_deref())
            }
            Party::Node { name, .. } => name.as_deref(),
            Party::Other(_) => None,
            Party::Loopback(_) => return false,
        };
        home != Some(node)
    }

    /// OB-18: the node that it is on; nobody knows at which node somebody from outside comes in.
    pub(super) fn whereabouts<'a>(&'a self, cluster: &'a Cluster) -> Scope<'a> {
        match &self.party {
            Party::Pod { name, .. } => {
                let pod = cluster.pods.get(name);
                Scope::Node(pod.and_then(|pod| pod.node.as_deref()))
            }
            Party::Node { name, .. } => Scope::Node(name.as_deref()),
            Party::Other(_) | Party::Loopback(_) => Scope::Cluster,
        }
    }

    pub(super) fn has_address(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// The same end without its addresses of another family, if one is fixed.
    pub(super) fn restricted_to(mut self, family: Option<Family>) -> Self {
        let fits = |address: IpAddr| family.is_none_or(|family| Family::of(address) == family);
        self.addresses.retain(|address| fits(*address));
        self
    }

    /// Whether it has an address of `family`, or may have one (rule AM-22).
    pub(super) fn can_speak(&self, family: Family) -> bool {
        self.addresses.is_empty() || self.address(family).is_some()
    }

    /// the family of the first address of `destination` for which this source has one too. An end of which
    /// no address is known goes along with the other (rule AM-22).
    pub(super) fn common_family(
        &self,
        destination: &Self,
    ) -> Result<Option<Family>, NoCommonFamily> {
        let offered = if destination.addresses.is_empty() {
            &self.addresses
        } else {
            &destination.addresses
        };
        if offered.is_empty() {
            return Ok(None);
        }
        let mut families = offered.iter().map(|address| Family::of(*address));
        let shared = families.find(|family| self.can_speak(*family));
        shared.map(Some).ok_or(NoCommonFamily)
    }

    /// The party with the address that it would use.
    pub(super) fn in_family(&self, family: Option<Family>) -> Party {
        let chosen = family.and_then(|family| self.address(family));
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

    /// The first address of `family`.
    pub(super) fn address(&self, family: Family) -> Option<IpAddr> {
        let mut addresses = self.addresses.iter().copied();
        addresses.find(|address| Family::of(*address) == family)
    }
}

fn pod_party(name: &ObjectName) -> Party {
    Party::Pod {
        name: name.clone(),
        address: None,
    }
}

fn node_party(name: Option<&str>, host_pod: Option<&ObjectName>) -> Party {
    Party::Node {
        name: name.map(str::to_owned),
        host_pod: host_pod.cloned(),
        address: None,
    }
}
