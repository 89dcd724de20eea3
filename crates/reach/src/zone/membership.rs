//! Who belongs to which zone.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_model::{Cluster, LabelSelector, Pod, PodScope, TrustZone, TrustZones, UNZONED};
use ringfence_net::Family;
use ringfence_policy::Engine;

use crate::workload::{
    Groups, Member, Outside, Place, Unit, addresses_of_nodes, by_pod, by_workload,
};

/// The endpoints of `engine`'s cluster and, if `with_outside`, of its outside by zone: each belongs to the first that
/// claims it.
#[must_use]
pub fn groups(engine: &Engine, zones: &TrustZones, with_outside: bool) -> Groups {
    let claims = Claims::of(engine.cluster(), zones);
    let outside = if with_outside {
        outside(engine.cluster(), zones)
    } else {
        Outside::nothing()
    };
    Groups::of(engine, &outside, |member| {
        Unit::Zone(claims.zone_of(member).to_owned())
    })
}

/// Workloads, with the zones that they belong to.
#[derive(Clone, Debug)]
pub struct Workloads {
    /// The endpoints by workload.
    pub groups: Groups,
    /// Who has a member in each zone.
    pub by_zone: BTreeMap<String, BTreeSet<Unit>>,
}

/// The endpoints of `engine`'s cluster and of its outside by workload; nodes each by itself unless one zone has all.
#[must_use]
pub fn workloads(engine: &Engine, zones: &TrustZones) -> Workloads {
    let claims = Claims::of(engine.cluster(), zones);
    let nodes_differ = claims.nodes_differ();
    let by_zone: RefCell<BTreeMap<String, BTreeSet<Unit>>> = RefCell::default();
    let groups = Groups::of(engine, &outside(engine.cluster(), zones), |member| {
        let unit = match member {
            Member::Node(_) if nodes_differ => by_pod(member),
            Member::Pod(_) | Member::Node(_) | Member::Place(_) => by_workload(member),
        };
        let zone = claims.zone_of(member).to_owned();
        by_zone
            .borrow_mut()
            .entry(zone)
            .or_default()
            .insert(unit.clone());
        unit
    });
    let by_zone = by_zone.into_inner();
    Workloads { groups, by_zone }
}

/// Which zone claims whom.
struct Claims<'a> {
    cluster: &'a Cluster,
    zones: &'a [TrustZone],
    /// The addresses of every node (rule Q-5).
    nodes: BTreeMap<&'a str, BTreeSet<IpAddr>>,
}

impl<'a> Claims<'a> {
    fn of(cluster: &'a Cluster, zones: &'a TrustZones) -> Self {
        Self {
            cluster,
            zones: &zones.zones,
            nodes: addresses_of_nodes(cluster),
        }
    }

    /// The name of the first zone that claims `member`.
    fn zone_of(&self, member: &Member<'_>) -> &'a str {
        let mut claiming = self.zones.iter().filter(|zone| self.has(zone, member));
        claiming.next().map_or(UNZONED, |zone| &zone.name)
    }

    /// Whether two nodes belong to different zones.
    fn nodes_differ(&self) -> bool {
        let names = self.nodes.keys();
        let zones: BTreeSet<&str> = names
            .map(|name| self.zone_of(&Member::Node(name)))
            .collect();
        zones.len() > 1
    }

    fn has(&self, zone: &TrustZone, member: &Member<'_>) -> bool {
        match member {
            Member::Pod(pod) => zone
                .pods
                .iter()
                .any(|scope| has_pod(self.cluster, scope, pod)),
            Member::Node(name) => {
                has_node(self.cluster, zone.nodes.as_ref(), name)
                    || self.has_address_of(&zone.cidrs, name)
            }
            Member::Place(place) => has_place(&zone.cidrs, place),
        }
    }

    fn has_address_of(&self, cidrs: &[IpNet], node: &str) -> bool {
        let mut addresses = self.nodes.get(node).into_iter().flatten();
        addresses.any(|address| cidrs.iter().any(|cidr| cidr.contains(address)))
    }
}

/// The outside, divided where policies and zones divide it.
fn outside(cluster: &Cluster, zones: &TrustZones) -> Outside {
    let cidrs = zones.zones.iter().flat_map(|zone| &zone.cidrs);
    let blocks: Vec<Place> = cidrs
        .filter(|cidr| cidr.prefix_len() > 0)
        .map(|cidr| Place::block(*cidr))
        .collect();
    Outside::of(cluster).union(&Outside::from_places(&blocks))
}

fn has_pod(cluster: &Cluster, scope: &PodScope, pod: &Pod) -> bool {
    let namespaces = scope.namespaces.as_ref();
    namespaces
        .is_none_or(|selector| selector.matches(&cluster.namespace_labels(&pod.name.namespace)))
        && scope
            .pods
            .as_ref()
            .is_none_or(|selector| selector.matches(&pod.labels))
}

/// A node without object has no labels.
fn has_node(cluster: &Cluster, selector: Option<&LabelSelector>, name: &str) -> bool {
    let none = BTreeMap::new();
    let labels = cluster.nodes.get(name).map_or(&none, |node| &node.labels);
    selector.is_some_and(|selector| selector.matches(labels))
}

/// Whether all of `place` lies in one of `cidrs`.
fn has_place(cidrs: &[IpNet], place: &Place) -> bool {
    let everything =
        |cidr: &IpNet| cidr.prefix_len() == 0 && Family::of(cidr.addr()) == place.family();
    cidrs.iter().any(everything)
        || match place {
            Place::Blocks(blocks) => blocks
                .iter()
                .all(|block| cidrs.iter().any(|cidr| cidr.contains(block))),
            Place::Metadata(family) => {
                let address = metadata(*family);
                cidrs.iter().any(|cidr| cidr.contains(&address))
            }
            Place::Internet(_) | Place::Private(_) | Place::Special(_) => false,
        }
}

/// Where clouds serve the credentials of their machines.
const fn metadata(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    }
}
