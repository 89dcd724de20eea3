//! Rule Q-7 for two ends of which each has addresses of both families: a connection may take either.

use std::net::IpAddr;

use ringfence_model::Endpoint;
use ringfence_net::Family;

use crate::answer::Facts;

/// One of the families that two ends have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SharedFamily {
    /// The one that a connection takes if nothing is said of addresses (rule Q-7).
    #[default]
    First,
    /// The other one, if both ends have addresses of both, or one of them has and of the other none is known: a connection
    /// takes it if an end is named by such an address.
    Second,
}

impl SharedFamily {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];
}

/// Names for two ends, of which each has a name of its own, by which a connection between them takes their second
/// family. `None` if they have no second one, or if its addresses are also somebody else's.
pub(crate) fn in_second_family(
    facts: Facts<'_>,
    source: &Endpoint,
    destination: &Endpoint,
) -> Option<(Endpoint, Endpoint)> {
    let sources = addresses(facts, source);
    let destinations = addresses(facts, destination);
    let source_goes_along = sources.is_empty() && goes_along(facts, source);
    let destination_goes_along = destinations.is_empty() && goes_along(facts, destination);
    let first = Family::of(*destinations.first().or_else(|| sources.first())?);
    let second = |addresses: &[IpAddr]| {
        let mut others = addresses.iter().copied();
        others.find(|address| Family::of(*address) != first)
    };
    let speaks_first = sources.iter().any(|address| Family::of(*address) == first);
    let (from, to) = (second(&sources), second(&destinations));
    let share_both = (from.is_some() && speaks_first || source_goes_along)
        && (to.is_some() || destination_goes_along);
    if !share_both {
        return None;
    }
    let by_destination = to.filter(|to| is_at(facts, destination, *to));
    let by_source = || from.filter(|from| is_at(facts, source, *from));
    match by_destination {
        Some(to) => Some((source.clone(), Endpoint::Address(to))),
        None => by_source().map(|from| (Endpoint::Address(from), destination.clone())),
    }
}

/// The addresses of an end that has a name, in order of preference.
fn addresses(facts: Facts<'_>, end: &Endpoint) -> Vec<IpAddr> {
    match end {
        Endpoint::Pod(name) => {
            let pod = facts.cluster.pods.get(name);
            let addresses = pod.into_iter().flat_map(|pod| &pod.addresses);
            addresses.map(IpAddr::to_canonical).collect()
        }
        Endpoint::Node(name) => facts.index.nodes.addresses(facts.cluster, name),
        Endpoint::Address(_) | Endpoint::Service(_) => Vec::new(),
    }
}

/// AM-22: whether `end`, of which no address is known, has those that the other one asks for. A host pod has those of its
/// node (rule NP-53).
fn goes_along(facts: Facts<'_>, end: &Endpoint) -> bool {
    match end {
        Endpoint::Pod(name) => {
            let pod = facts.cluster.pods.get(name);
            pod.is_some_and(|pod| !pod.host_network)
        }
        Endpoint::Node(_) => true,
        Endpoint::Address(_) | Endpoint::Service(_) => false,
    }
}

/// whether `address` names `end`.
fn is_at(facts: Facts<'_>, end: &Endpoint, address: IpAddr) -> bool {
    let pod = facts.index.pods.at(address);
    match end {
        _ if address.is_loopback() => false,
        Endpoint::Pod(name) => pod == Some(name),
        Endpoint::Node(name) => {
            pod.is_none() && facts.index.nodes.at(address).flatten() == Some(name)
        }
        Endpoint::Address(_) | Endpoint::Service(_) => false,
    }
}
