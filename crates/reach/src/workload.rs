//! Endpoints by the units that people think in: workloads, namespaces, nodes, and places outside.
//!
//! The engine's classes are what policies tell apart; a unit is what has a name. A unit consists of parts, each of
//! one class, and a class may have members in several units. Start with [`Groups::of`].

mod meeting;
mod member;
mod node;
mod outside;
mod part;
mod place;
mod span;
mod unit;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, Endpoint};
use ringfence_policy::{ClassId, Engine};

use meeting::Homes;
pub(crate) use meeting::{Speaks, may_meet};
pub use member::{Member, by_namespace, by_pod, by_workload};
pub(crate) use node::addresses_of_nodes;
pub use outside::Outside;
pub(crate) use part::Part;
pub use place::Place;
pub(crate) use place::{families, named_blocks, overlay, partition};
pub(crate) use span::Span;
pub use unit::Unit;

/// Every endpoint of a cluster, and of its outside, by unit.
#[derive(Clone, Debug)]
pub struct Groups {
    units: BTreeMap<Unit, Vec<Part>>,
}

impl Groups {
    /// The members of `engine`'s cluster and of `outside`, each in the unit that `by` says.
    pub fn of(engine: &Engine, outside: &Outside, by: impl Fn(&Member<'_>) -> Unit) -> Self {
        let mut units: BTreeMap<Unit, Vec<Part>> = BTreeMap::new();
        for (unit, part) in part::parts(engine, outside, by) {
            units.entry(unit).or_default().push(part);
        }
        Self { units }
    }

    /// The same with all blocks of one class, which no policy tells apart, as one unit.
    #[must_use]
    pub fn with_like_blocks_joined(self) -> Self {
        let mut joined: BTreeMap<ClassId, (Vec<ipnet::IpNet>, Part)> = BTreeMap::new();
        let mut units = BTreeMap::new();
        for (unit, parts) in self.units {
            match (unit, parts.as_slice()) {
                (Unit::Place(Place::Blocks(blocks)), [part]) => {
                    let (all, whole) = joined
                        .entry(part.class)
                        .or_insert_with(|| (Vec::new(), part.clone_without_spans()));
                    all.extend(blocks);
                    whole.spans.extend(&part.spans);
                }
                (unit, _) => drop(units.insert(unit, parts)),
            }
        }
        for (mut blocks, mut part) in joined.into_values() {
            blocks.sort();
            part.spans.sort();
            units.insert(Unit::Place(Place::Blocks(blocks)), vec![part]);
        }
        Self { units }
    }

    /// Every unit, in order.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.keys()
    }

    /// What can be named of `unit`: its pods or nodes, or an address of it.
    pub fn members<'a>(&'a self, unit: &Unit) -> impl Iterator<Item = &'a Endpoint> + use<'a> {
        self.parts(unit).iter().flat_map(|part| &part.members)
    }

    /// Whether `unit` is a place, and `address` lies in it.
    #[must_use]
    pub fn has_address(&self, unit: &Unit, address: IpAddr) -> bool {
        let mut spans = self.parts(unit).iter().flat_map(|part| &part.spans);
        spans.any(|span| span.has(address))
    }

    /// Whether a node of one of `sources` runs a pod of one of `destinations`. It always reaches it, whatever policies say
    /// (rule NP-50): nothing is said of the two.
    #[must_use]
    pub fn have_own_pods<'u>(
        &self,
        cluster: &Cluster,
        sources: impl IntoIterator<Item = &'u Unit>,
        destinations: impl IntoIterator<Item = &'u Unit>,
    ) -> bool {
        let homes = self.homes(cluster, destinations);
        sources
            .into_iter()
            .any(|source| self.is_home(source, &homes))
    }

    /// The nodes that pods of `units` run on.
    pub(crate) fn homes<'a, 'u>(
        &'a self,
        cluster: &'a Cluster,
        units: impl IntoIterator<Item = &'u Unit>,
    ) -> BTreeSet<&'a str> {
        let homes = Homes::of(cluster);
        let pods = units.into_iter().flat_map(|unit| self.members(unit));
        pods.flat_map(|pod| homes.of_one(pod)).collect()
    }

    /// Whether a node of `unit` is one of `homes`.
    pub(crate) fn is_home(&self, unit: &Unit, homes: &BTreeSet<&str>) -> bool {
        self.members(unit).any(|member| match member {
            Endpoint::Node(name) => homes.contains(name.as_str()),
            Endpoint::Pod(_) | Endpoint::Address(_) | Endpoint::Service(_) => false,
        })
    }

    /// The parts of `unit`, none if there is no such unit.
    pub(crate) fn parts(&self, unit: &Unit) -> &[Part] {
        self.units.get(unit).map_or(&[], Vec::as_slice)
    }
}
