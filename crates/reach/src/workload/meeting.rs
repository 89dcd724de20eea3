//! Which ends a connection can have at all, whatever policies say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, Endpoint, ObjectName};
use ringfence_net::Family;

/// The families that an end has addresses of, or may have (rules Q-7, AM-22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Speaks {
    v4: bool,
    v6: bool,
}

impl Speaks {
    /// An end without known addresses may have any (rule AM-22).
    pub(crate) fn of<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> Self {
        let families: BTreeSet<Family> = addresses
            .into_iter()
            .map(|address| Family::of(address.to_canonical()))
            .collect();
        let speaks = |family| families.is_empty() || families.contains(&family);
        Self {
            v4: speaks(Family::V4),
            v6: speaks(Family::V6),
        }
    }

    /// The family that both have, if it is one alone.
    pub(crate) const fn common(self, other: Self) -> Option<Family> {
        match (self.v4 && other.v4, self.v6 && other.v6) {
            (true, false) => Some(Family::V4),
            (false, true) => Some(Family::V6),
            (true, true) | (false, false) => None,
        }
    }

    /// Whether an end has both, or may have.
    pub(crate) const fn both(self) -> bool {
        self.v4 && self.v6
    }

    /// Whether there is a family that both have.
    pub(crate) const fn meets(self, other: Self) -> bool {
        (self.v4 && other.v4) || (self.v6 && other.v6)
    }
}

/// Whether policy has a say in connections from `source` to `destination`: they are two, one is a pod, and they are not
/// a node and a pod on it, which it always reaches (rule NP-50). `node` is the one that the source is, by whatever address:
/// those that its other pods report are its own, too (rule Q-5).
pub(crate) fn may_meet(
    cluster: &Cluster,
    node: Option<&str>,
    source: &Endpoint,
    destination: &Endpoint,
) -> bool {
    if let (Some(node), Endpoint::Pod(pod)) = (node, destination)
        && is_local(cluster, node, pod)
    {
        return false;
    }
    match (source, destination) {
        (Endpoint::Pod(one), Endpoint::Pod(other)) => one != other,
        (Endpoint::Node(node), Endpoint::Pod(pod)) => !is_local(cluster, node, pod),
        (Endpoint::Address(address), Endpoint::Pod(pod)) => !is_of_home(cluster, address, pod),
        (Endpoint::Pod(_), Endpoint::Node(_) | Endpoint::Address(_)) => true,
        (Endpoint::Node(_) | Endpoint::Address(_), Endpoint::Node(_) | Endpoint::Address(_))
        | (Endpoint::Service(_), _)
        | (_, Endpoint::Service(_)) => false,
    }
}

/// whether `pod` runs on `node`.
fn is_local(cluster: &Cluster, node: &str, pod: &ObjectName) -> bool {
    let Some(pod) = cluster.pods.get(pod) else {
        return false;
    };
    let on_node = || pod.node.as_deref() == Some(node);
    let node_object = cluster.nodes.get(node);
    let shares_address = || {
        node_object.is_some_and(|node| {
            let has = |address: &IpAddr| node.addresses.contains(address);
            pod.host_addresses.iter().any(has)
        })
    };
    on_node() || shares_address()
}

/// whether `address` is one of the node that `pod` runs on.
fn is_of_home(cluster: &Cluster, address: &IpAddr, pod: &ObjectName) -> bool {
    let Some(pod) = cluster.pods.get(pod) else {
        return false;
    };
    let node = pod.node.as_ref().and_then(|name| cluster.nodes.get(name));
    let of_object = node.into_iter().flat_map(|node| &node.addresses);
    let mut known = of_object.chain(&pod.host_addresses);
    known.any(|own| own.to_canonical() == address.to_canonical())
}

/// which nodes pods run on.
pub(super) struct Homes<'a> {
    cluster: &'a Cluster,
    by_address: BTreeMap<&'a IpAddr, Vec<&'a str>>,
}

impl<'a> Homes<'a> {
    pub(super) fn of(cluster: &'a Cluster) -> Self {
        let mut by_address: BTreeMap<&IpAddr, Vec<&str>> = BTreeMap::new();
        for (name, node) in &cluster.nodes {
            for address in &node.addresses {
                by_address.entry(address).or_default().push(name);
            }
        }
        Self {
            cluster,
            by_address,
        }
    }

    /// The nodes that each of `pods` runs on.
    pub(super) fn of_all(&self, pods: &[Endpoint]) -> BTreeSet<String> {
        let mut homes = pods.iter().map(|pod| self.of_one(pod));
        let first = homes.next().unwrap_or_default();
        homes
            .fold(first, |common, homes| &common & &homes)
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// The nodes that `pod` runs on.
    pub(super) fn of_one(&self, pod: &Endpoint) -> BTreeSet<&'a str> {
        let Some(pod) = self.cluster.pod_of(pod) else {
            return BTreeSet::new();
        };
        let addresses = pod.host_addresses.iter();
        let by_address = addresses.filter_map(|address| self.by_address.get(address));
        let by_name = pod.node.as_deref().into_iter();
        by_address.flatten().copied().chain(by_name).collect()
    }
}
