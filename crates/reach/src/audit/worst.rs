//! The share of a principle that counts for the score.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_net::{ConnectionSet, Protocol};

use super::gather::Open;
use super::{GapKind, NamespaceShare, Principle};
use crate::workload::Unit;

/// So many workloads of a cluster may be hubs, and no more than one in ten.
const HUBS: usize = 3;
const WORKLOADS_PER_HUB: usize = 10;

/// So many ports a hub may have.
const PORTS_OF_HUB: u32 = 8;

/// What was found of a principle, by workload, and who is on the network of nodes.
pub(super) struct Judged<'a> {
    pub(super) principle: Principle,
    pub(super) open: &'a BTreeMap<&'a Unit, Vec<&'a Open>>,
    pub(super) on_hosts: &'a BTreeSet<Unit>,
}

impl Judged<'_> {
    /// The namespace with the smallest share; of several, the one with the most that is open. Hubs, which a cluster has a few
    /// of, count in the cluster as a whole: the namespace of a monitoring that everybody reaches is not a network that is open.
    pub(super) fn worst(&self) -> Option<NamespaceShare> {
        let hubs = self.hubs();
        let mut shares: BTreeMap<Option<&str>, NamespaceShare> = BTreeMap::new();
        let mut whole = NamespaceShare::default();
        for (unit, holds) in self.units() {
            whole.add(holds);
            if !hubs.contains(unit) {
                let namespace = unit.namespace();
                let share = shares.entry(namespace).or_default();
                share.namespace = Some(namespace.unwrap_or_default().to_owned());
                share.add(holds);
            }
        }
        let whole = (!hubs.is_empty()).then_some(whole);
        shares.into_values().chain(whole).min_by(|one, other| {
            let shares = (one.holds * other.measured).cmp(&(other.holds * one.measured));
            shares.then(other.measured.cmp(&one.measured))
        })
    }

    /// Everybody, and whether the principle holds.
    fn units(&self) -> impl Iterator<Item = (&Unit, bool)> {
        let judged = self.open.iter();
        let judged = judged.filter(|(unit, _)| !self.on_hosts.contains(*unit));
        let judged = judged.map(|(unit, open)| (*unit, open.is_empty()));
        judged.chain(self.on_hosts.iter().map(|unit| (unit, false)))
    }

    /// Who is open to everybody, or to whom everybody is, at a few ports: none if there are more of them than a few.
    fn hubs(&self) -> BTreeSet<&Unit> {
        let is_hub = |(unit, open): &(&&Unit, &Vec<&Open>)| {
            !open.is_empty()
                && !self.on_hosts.contains(**unit)
                && open.iter().all(|open| is_of_hub(open))
        };
        let hubs = self.open.iter().filter(is_hub);
        let hubs: BTreeSet<&Unit> = hubs.map(|(unit, _)| *unit).collect();
        let most = HUBS.min(self.units().count() / WORKLOADS_PER_HUB);
        let is_theirs = match self.principle {
            Principle::DefaultDenyIngress
            | Principle::DefaultDenyEgress
            | Principle::NamespacesSeparated => true,
            Principle::MetadataClosed
            | Principle::HostNetwork
            | Principle::HostNetworkAdmission
            | Principle::SensitiveStores
            | Principle::NodesClosed => false,
        };
        if is_theirs && hubs.len() <= most {
            hubs
        } else {
            BTreeSet::new()
        }
    }
}

fn is_of_hub(open: &Open) -> bool {
    let are_pods = match open.kind {
        GapKind::Stranger
        | GapKind::Labelled(_)
        | GapKind::EveryNamespace { .. }
        | GapKind::Crowd { .. }
        | GapKind::Neighbour
        | GapKind::LabelledNeighbour(_)
        | GapKind::Neighbours { .. }
        | GapKind::Namespace(_) => true,
        GapKind::Flat { .. }
        | GapKind::Internet
        | GapKind::Names(_)
        | GapKind::Metadata(_)
        | GapKind::Node(_)
        | GapKind::Clients { .. }
        | GapKind::HostNetwork { .. }
        | GapKind::Admission => false,
    };
    are_pods && ports(&open.connections) <= PORTS_OF_HUB
}

/// How many ports these are; of protocols without ports too many.
fn ports(connections: &ConnectionSet) -> u32 {
    if connections.allows_other() {
        return u32::MAX;
    }
    let ports = Protocol::ALL.map(|protocol| connections.ports(protocol).len());
    ports.into_iter().sum()
}
