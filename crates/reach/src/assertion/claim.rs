use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Cluster, ClusterIp, Endpoint, Expected, Outcome, Pod};
use ringfence_net::{ConnectionSet, Family};

/// What an assertion says of the connections from one end to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What must become of each of them.
    pub expected: Expected,
    /// Who opens them.
    pub source: Endpoint,
    /// To whom.
    pub destination: Endpoint,
    /// Which of them are meant.
    pub connections: ConnectionSet,
}

impl Claim {
    /// Whether it is as claimed. What is neither allowed nor denied is not as anybody claimed.
    #[must_use]
    pub const fn holds(expected: Expected, outcome: &Outcome) -> bool {
        match (expected, outcome) {
            (Expected::Allow, Outcome::Allow) | (Expected::Deny, Outcome::Deny) => true,
            (
                Expected::Allow | Expected::Deny,
                Outcome::Allow
                | Outcome::Deny
                | Outcome::Partial
                | Outcome::NoEndpoints
                | Outcome::Unknown { .. },
            ) => false,
        }
    }
}

/// Every way from one of `sources` to one of `destinations`, each once, in the order given.
///
/// Ends with addresses of both families are connected over both (rule Q-7), and nodes by each address that they have
/// (rule Q-5). A pod always reaches itself (rule NP-60); that is left out, unless there is nothing else to ask.
#[must_use]
pub fn pairs(
    cluster: &Cluster,
    sources: &[Endpoint],
    destinations: &[Endpoint],
) -> Vec<(Endpoint, Endpoint)> {
    let (from, to) = (met(cluster, sources), met(cluster, destinations));
    let mut all = Vec::new();
    for source in &from {
        for destination in &to {
            let is_own = source.end == destination.end;
            let pairs = over_all_addresses(source, destination);
            all.extend(pairs.into_iter().map(|pair| (pair, is_own)));
        }
    }
    let mut seen = BTreeSet::new();
    let is_new: Vec<bool> = all.iter().map(|(pair, _)| seen.insert(pair)).collect();
    let each_once = all.into_iter().zip(is_new).filter(|(_, is_new)| *is_new);
    let (to_itself, found): (Vec<_>, Vec<_>) = each_once
        .map(|(pair, _)| pair)
        .partition(|(_, is_own)| *is_own);
    let kept = if found.is_empty() { to_itself } else { found };
    kept.into_iter().map(|(pair, _)| pair).collect()
}

/// An end, and what is known of where it is met.
struct Met<'a> {
    end: &'a Endpoint,
    /// In their order.
    addresses: Vec<IpAddr>,
    is_node: bool,
    /// Of a headless Service the families that its name has addresses of, as far as they are known.
    records: BTreeSet<Family>,
}

fn met<'a>(cluster: &Cluster, ends: &'a [Endpoint]) -> Vec<Met<'a>> {
    let met = |end| Met {
        end,
        addresses: addresses(cluster, end),
        is_node: is_node(cluster, end),
        records: records(cluster, end),
    };
    ends.iter().map(met).collect()
}

/// The pair by name, and once more by each further address that one of the two may be met at: of a node and a host pod all,
/// of another pod the one of its second family. A pod of which no address is known goes along with the other (rule AM-22).
/// Nobody dials a family that the name of a headless Service has no address of (rule OB-13).
fn over_all_addresses(from: &Met<'_>, to: &Met<'_>) -> Vec<(Endpoint, Endpoint)> {
    let (source, destination) = (from.end, to.end);
    let mut found = vec![(source.clone(), destination.clone())];
    let to_others = further(to, &from.addresses).into_iter();
    found.extend(to_others.map(|address| (source.clone(), Endpoint::Address(address))));
    let goes_along = to.addresses.is_empty() && !matches!(to.end, Endpoint::Service(_));
    if from.is_node || goes_along {
        let is_listed =
            |address: &IpAddr| to.records.is_empty() || to.records.contains(&Family::of(*address));
        let by_others = further(from, &to.addresses).into_iter().filter(is_listed);
        found.extend(by_others.map(|address| (Endpoint::Address(address), destination.clone())));
    }
    found
}

/// The addresses of an end beside the one that it has by name, as far as they are of a family that `other` speaks; whose
/// addresses are not known may speak any (rule AM-22).
fn further(of: &Met<'_>, other: &[IpAddr]) -> Vec<IpAddr> {
    let speaks = |address: &IpAddr| {
        let family = Family::of(*address);
        other.is_empty() || other.iter().any(|known| Family::of(*known) == family)
    };
    let mut common = of.addresses.iter().copied().filter(speaks);
    let Some(first) = common.next() else {
        return Vec::new();
    };
    match of.end {
        Endpoint::Node(_) | Endpoint::Pod(_) if of.is_node => common.collect(),
        Endpoint::Node(_) | Endpoint::Pod(_) | Endpoint::Service(_) => {
            let second = common.find(|address| Family::of(*address) != Family::of(first));
            second.into_iter().collect()
        }
        Endpoint::Address(_) => Vec::new(),
    }
}

/// The addresses that are known of `endpoint`, in their order.
#[must_use]
pub fn addresses(cluster: &Cluster, endpoint: &Endpoint) -> Vec<IpAddr> {
    let found = match endpoint {
        Endpoint::Pod(name) => cluster
            .pods
            .get(name)
            .map(|pod| addresses_of_pod(cluster, pod)),
        Endpoint::Address(address) => Some(vec![*address]),
        Endpoint::Node(name) => Some(addresses_of_node(cluster, name)),
        Endpoint::Service(name) => {
            let service = cluster.services.get(name);
            service.map(|service| service.cluster_addresses().to_vec())
        }
    };
    found
        .unwrap_or_default()
        .iter()
        .map(IpAddr::to_canonical)
        .collect()
}

/// OB-13: the families of the pods, or the listed endpoints, that a headless Service stands for.
fn records(cluster: &Cluster, end: &Endpoint) -> BTreeSet<Family> {
    let Endpoint::Service(name) = end else {
        return BTreeSet::new();
    };
    let service = cluster.services.get(name);
    let Some(service) = service.filter(|service| service.cluster_ip == ClusterIp::Headless) else {
        return BTreeSet::new();
    };
    let is_behind = |pod: &&Pod| {
        pod.name.namespace == name.namespace
            && pod.is_live()
            && (pod.ready || service.publish_not_ready_addresses)
            && service.selects(pod)
    };
    let pods = cluster.pods.values().filter(is_behind);
    let pods = pods.flat_map(|pod| addresses_of_pod(cluster, pod));
    let listed = service.endpoints.iter().map(|endpoint| endpoint.address);
    let addresses = pods.chain(listed).map(|address| address.to_canonical());
    addresses.map(Family::of).collect()
}

/// those of the object, then those that live pods on the node report; none twice.
#[must_use]
pub fn addresses_of_node(cluster: &Cluster, name: &str) -> Vec<IpAddr> {
    let object = cluster.nodes.get(name).into_iter();
    let pods = cluster.pods.values();
    let pods = pods.filter(|pod| pod.is_live() && pod.node.as_deref() == Some(name));
    let reported = pods.flat_map(|pod| &pod.host_addresses);
    none_twice(
        object
            .flat_map(|node| &node.addresses)
            .chain(reported)
            .copied(),
    )
}

/// a host pod has those that it reports, and those of its node only if it reports none.
fn addresses_of_pod(cluster: &Cluster, pod: &Pod) -> Vec<IpAddr> {
    if !pod.host_network {
        return pod.addresses.clone();
    }
    let reported = [pod.addresses.as_slice(), pod.host_addresses.as_slice()].concat();
    match &pod.node {
        Some(node) if reported.is_empty() => addresses_of_node(cluster, node),
        Some(_) | None => none_twice(reported),
    }
}

fn none_twice(addresses: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for address in addresses {
        let address = address.to_canonical();
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// NP-53: whether it is a node, also by the name of a pod on the host's network.
pub(super) fn is_node(cluster: &Cluster, end: &Endpoint) -> bool {
    match end {
        Endpoint::Node(_) => true,
        Endpoint::Pod(name) => {
            let pod = cluster.pods.get(name);
            pod.is_some_and(|pod| pod.host_network)
        }
        Endpoint::Address(_) | Endpoint::Service(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ringfence_testkit::builder::{cluster, name, pod};

    use super::*;

    fn ends(names: &[&str]) -> Vec<Endpoint> {
        names.iter().map(|text| Endpoint::Pod(name(text))).collect()
    }

    fn shown(pairs: &[(Endpoint, Endpoint)]) -> Vec<String> {
        pairs
            .iter()
            .map(|(from, to)| format!("{from} {to}"))
            .collect()
    }

    #[test]
    fn pods_of_two_families_are_connected_over_both() {
        let cluster = cluster()
            .with(pod("a/one").address("10.0.0.1").address("fd00::1"))
            .with(pod("a/two").address("10.0.0.2").address("fd00::2"))
            .with(pod("a/old").address("10.0.0.3"))
            .build();
        let found = pairs(
            &cluster,
            &ends(&["a/one", "a/old"]),
            &ends(&["a/two", "a/old"]),
        );
        assert_eq!(
            shown(&found),
            ["a/one a/two", "a/one fd00::2", "a/one a/old", "a/old a/two"]
        );
    }

    #[test]
    fn a_pod_without_address_goes_along_with_each_family_of_the_other() {
        let cluster = cluster()
            .with(pod("a/one").address("10.0.0.1").address("fd00::1"))
            .with(pod("a/new"))
            .build();
        let found = pairs(&cluster, &ends(&["a/one"]), &ends(&["a/new"]));
        assert_eq!(shown(&found), ["a/one a/new", "fd00::1 a/new"]);
        let found = pairs(&cluster, &ends(&["a/new"]), &ends(&["a/one"]));
        assert_eq!(shown(&found), ["a/new a/one", "a/new fd00::1"]);
    }

    /// NP-53: a host pod is its node under another name, and is met at each address that it reports.
    #[test]
    fn host_pods_are_asked_about_by_each_of_their_addresses() {
        let host = pod("a/host").host_network().on_node("n1");
        let host = host.address("192.168.0.1").host_address("192.168.0.1");
        let cluster = cluster()
            .with(host.host_address("192.168.5.1"))
            .with(pod("a/web").address("10.0.0.1"))
            .build();
        let (host, web) = (ends(&["a/host"]), ends(&["a/web"]));
        let found = shown(&pairs(&cluster, &host, &web));
        assert_eq!(found, ["a/host a/web", "192.168.5.1 a/web"]);
        let found = shown(&pairs(&cluster, &web, &host));
        assert_eq!(found, ["a/web a/host", "a/web 192.168.5.1"]);
    }

    #[test]
    fn a_pod_is_asked_about_itself_only_when_nothing_else_is_meant() {
        let cluster = cluster()
            .with(pod("a/one").address("10.0.0.1"))
            .with(pod("a/two").address("10.0.0.2"))
            .build();
        let both = ends(&["a/one", "a/two"]);
        assert_eq!(
            shown(&pairs(&cluster, &both, &both)),
            ["a/one a/two", "a/two a/one"]
        );
        let one = ends(&["a/one"]);
        assert_eq!(shown(&pairs(&cluster, &one, &one)), ["a/one a/one"]);
    }

    #[test]
    fn only_allow_is_allow_and_only_deny_is_deny() {
        let others = [
            Outcome::Partial,
            Outcome::NoEndpoints,
            Outcome::Unknown {
                missing: BTreeSet::new(),
            },
        ];
        assert!(Claim::holds(Expected::Allow, &Outcome::Allow));
        assert!(Claim::holds(Expected::Deny, &Outcome::Deny));
        assert!(!Claim::holds(Expected::Allow, &Outcome::Deny));
        assert!(!Claim::holds(Expected::Deny, &Outcome::Allow));
        for outcome in others {
            assert!(!Claim::holds(Expected::Allow, &outcome), "{outcome}");
            assert!(!Claim::holds(Expected::Deny, &outcome), "{outcome}");
        }
    }
}
