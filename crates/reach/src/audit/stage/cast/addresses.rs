//! Addresses for pods that do not exist.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::Cluster;
use ringfence_net::Family;

use crate::workload::{Place, Span, named_blocks, overlay, partition};

/// Addresses that nobody has, each given out once.
pub(super) struct Addresses {
    /// Those that a new pod may get, in sorts that no policy tells apart.
    of_pods: Vec<Free>,
    /// Private ones, in such sorts.
    private: Vec<Free>,
    /// Those of each family that no policy names.
    unnamed: Vec<Free>,
    taken: BTreeSet<IpAddr>,
}

type Free = Box<dyn Iterator<Item = IpAddr>>;

impl Addresses {
    pub(super) fn of(cluster: &Cluster, blocks: &[IpNet], families: &BTreeSet<Family>) -> Self {
        let named = named_blocks(cluster);
        let mut addresses = Self {
            of_pods: Vec::new(),
            private: Vec::new(),
            unnamed: Vec::new(),
            taken: taken(cluster),
        };
        for family in families {
            let places = partition(*family, &named);
            let of_pods = sorts(&places, &spans(*family, blocks));
            addresses.of_pods.extend(of_pods);
            addresses.private.extend(sorts(&places, &private(*family)));
            addresses.unnamed.push(free(without_names(&places)));
        }
        addresses
    }

    /// An address for a pod of each sort that has one left; where it is not known what pods have, of each private sort.
    pub(super) fn one_for_each_pod(&mut self) -> Vec<Vec<IpAddr>> {
        let of_pods = one_of_each(&mut self.of_pods, &mut self.taken);
        if of_pods.is_empty() {
            self.one_for_each_node()
        } else {
            of_pods
        }
    }

    /// An address of each private sort, or none at all if policies name and the cluster uses them all.
    pub(super) fn one_for_each_node(&mut self) -> Vec<Vec<IpAddr>> {
        let private = one_of_each(&mut self.private, &mut self.taken);
        if private.is_empty() {
            vec![Vec::new()]
        } else {
            private
        }
    }

    /// An address of each family that no policy names.
    pub(super) fn unnamed(&mut self) -> Vec<IpAddr> {
        let taken = &mut self.taken;
        let of_families = self.unnamed.iter_mut();
        of_families.filter_map(|all| next(all, taken)).collect()
    }
}

fn one_of_each(sorts: &mut [Free], taken: &mut BTreeSet<IpAddr>) -> Vec<Vec<IpAddr>> {
    let sorts = sorts.iter_mut();
    let one = |sort| Some(vec![next(sort, taken)?]);
    sorts.filter_map(one).collect()
}

/// The addresses of `wanted` by the place that they are in.
fn sorts(places: &[(Span, Place)], wanted: &[(Span, ())]) -> Vec<Free> {
    let mut sorts: BTreeMap<Place, Vec<Span>> = BTreeMap::new();
    for (span, (place, ())) in overlay(places, wanted) {
        sorts.entry(place).or_default().push(span);
    }
    sorts.into_values().map(free).collect()
}

fn private(family: Family) -> Vec<(Span, ())> {
    let places = partition(family, &BTreeSet::new());
    let private = places
        .into_iter()
        .filter(|(_, place)| matches!(place, Place::Private(_)));
    private.map(|(span, _)| (span, ())).collect()
}

fn next(addresses: &mut Free, taken: &mut BTreeSet<IpAddr>) -> Option<IpAddr> {
    addresses.find(|address| taken.insert(*address))
}

fn free(spans: Vec<Span>) -> Free {
    Box::new(spans.into_iter().flat_map(Span::addresses))
}

/// Private addresses first, as pods mostly have such.
fn without_names(places: &[(Span, Place)]) -> Vec<Span> {
    let of = |is_wanted: fn(&Place) -> bool| {
        let wanted = places.iter().filter(move |(_, place)| is_wanted(place));
        wanted.map(|(span, _)| *span)
    };
    let private = of(|place| matches!(place, Place::Private(_)));
    private
        .chain(of(|place| matches!(place, Place::Internet(_))))
        .collect()
}

/// The addresses of `blocks` of one family, without overlap and in order.
fn spans(family: Family, blocks: &[IpNet]) -> Vec<(Span, ())> {
    let of_family = blocks
        .iter()
        .filter(|block| Family::of(block.addr()) == family);
    let blocks: Vec<IpNet> = of_family.copied().collect();
    let joined = IpNet::aggregate(&blocks);
    let mut spans: Vec<Span> = joined.into_iter().map(Span::of_block).collect();
    spans.sort_unstable();
    spans.into_iter().map(|span| (span, ())).collect()
}

fn taken(cluster: &Cluster) -> BTreeSet<IpAddr> {
    let pods = cluster.pods.values();
    let pods = pods.flat_map(|pod| pod.addresses.iter().chain(&pod.host_addresses));
    let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    pods.chain(nodes).map(IpAddr::to_canonical).collect()
}
