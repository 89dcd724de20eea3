//! Members of both clusters side by side: who stands for whom.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, Endpoint, Labels};
use ringfence_policy::Engine;

use super::nodes;
use crate::workload::{Part, Span, overlay};

/// Members that are of one part in each cluster.
pub(super) struct Twins<'a> {
    /// The part of the first cluster, and that of the second.
    pub(super) parts: [&'a Part; 2],
    /// At least one.
    pub(super) members: Vec<Twin>,
    /// Further parts of each cluster: what is compared is what any of all of them may open.
    pub(super) also: [Vec<&'a Part>; 2],
    /// What alone is asked, if not everything is: whether there is more access, or less.
    pub(super) more: Option<bool>,
}

/// The same pod or address in both clusters, or an address of a node beside one that it is compared with. A pod that has no namesake stands beside the pods of its workload
/// that have its labels, or if there are none beside all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Twin {
    pub(super) before: Endpoint,
    pub(super) after: Endpoint,
}

impl Twin {
    pub(super) fn is_namesake(&self) -> bool {
        self.before == self.after
    }
}

impl Twins<'_> {
    /// Whether they have a family in common with `other`, in either cluster.
    pub(super) fn speaks_with(&self, other: &Self) -> bool {
        let mut pairs = self.parts.iter().zip(&other.parts);
        pairs.any(|(one, other)| one.speaks.meets(other.speaks))
    }

    /// Whether they have one in both clusters.
    pub(super) fn always_speaks_with(&self, other: &Self) -> bool {
        let mut pairs = self.parts.iter().zip(&other.parts);
        pairs.all(|(one, other)| one.speaks.meets(other.speaks))
    }

    /// The parts of one cluster, the first or the second.
    pub(super) fn all_parts(&self, side: usize) -> impl Iterator<Item = &Part> {
        let first = self.parts.iter().skip(side).take(1);
        let others = self.also.iter().skip(side).take(1).flatten();
        first.chain(others).copied()
    }
}

/// The places of two parts in the lists of their unit.
type Places = (usize, usize);

/// The members of one unit, of which the first cluster has the parts `old` and the second the parts `new`.
pub(super) fn twins<'a>(engines: [&Engine; 2], old: &'a [Part], new: &'a [Part]) -> Vec<Twins<'a>> {
    let [before, after] = engines.map(Engine::cluster);
    let (old_members, new_members) = (Members::of(before, old), Members::of(after, new));
    let mut found: BTreeMap<Places, BTreeSet<Twin>> = BTreeMap::new();
    let mut add = |places: Places, before: Endpoint, after: Endpoint| {
        found
            .entry(places)
            .or_default()
            .insert(Twin { before, after });
    };
    for (places, address) in common_addresses(engines, old, new) {
        add(places, address.clone(), address);
    }
    for (places, name) in old_members.namesakes(&new_members) {
        add(places, name.clone(), name.clone());
    }
    for ((place, stranger), (other, stand_in)) in new_members.strangers(&old_members) {
        add((other, place), stand_in.clone(), stranger.clone());
    }
    for ((place, stranger), (other, stand_in)) in old_members.strangers(&new_members) {
        add((place, other), stranger.clone(), stand_in.clone());
    }
    let twins = found.into_iter().filter_map(|((one, other), members)| {
        let parts = [old.get(one)?, new.get(other)?];
        let members = members.into_iter().collect();
        Some(Twins {
            parts,
            members,
            also: [Vec::new(), Vec::new()],
            more: None,
        })
    });
    twins.chain(nodes::twins(engines, old, new)).collect()
}

/// One address for each two parts that have addresses in common which nobody has in either cluster.
fn common_addresses(
    engines: [&Engine; 2],
    old: &[Part],
    new: &[Part],
) -> BTreeMap<Places, Endpoint> {
    let mut common: BTreeMap<Places, Vec<Span>> = BTreeMap::new();
    for (span, places) in overlay(&spans(old), &spans(new)) {
        common.entry(places).or_default().push(span);
    }
    let shown = |((one, other), spans): (Places, Vec<Span>)| {
        let parts = [old.get(one)?, new.get(other)?];
        let examples = parts
            .iter()
            .rev()
            .flat_map(|part| part.members.iter().filter_map(address_of));
        let inside = |address: &IpAddr| spans.iter().any(|span| span.has(*address));
        let others = spans.iter().flat_map(|span| span.addresses());
        let free = |address: &IpAddr| {
            let mut sides = engines.iter().zip(parts);
            sides.all(|(engine, part)| engine.class_of_address(*address) == part.class)
        };
        let shown = examples.filter(inside).chain(others).find(free)?;
        Some(((one, other), Endpoint::Address(shown)))
    };
    common.into_iter().filter_map(shown).collect()
}

const fn address_of(end: &Endpoint) -> Option<IpAddr> {
    match end {
        Endpoint::Address(address) => Some(*address),
        Endpoint::Pod(_) | Endpoint::Node(_) | Endpoint::Service(_) => None,
    }
}

fn spans(parts: &[Part]) -> Vec<(Span, usize)> {
    let of_part = |(place, part): (usize, &Part)| -> Vec<(Span, usize)> {
        part.spans.iter().map(|span| (*span, place)).collect()
    };
    let mut spans: Vec<(Span, usize)> = parts.iter().enumerate().flat_map(of_part).collect();
    spans.sort();
    spans
}

/// The pods of a unit in one cluster, with the place of their part.
struct Members<'a> {
    cluster: &'a Cluster,
    places: BTreeMap<&'a Endpoint, usize>,
    /// Only strangers ask for them.
    labels: OnceCell<BTreeMap<&'a Endpoint, Labels>>,
}

type Placed<'a> = (usize, &'a Endpoint);

impl<'a> Members<'a> {
    fn of(cluster: &'a Cluster, parts: &'a [Part]) -> Self {
        let of_part = |(place, part): (usize, &'a Part)| -> Vec<(&'a Endpoint, usize)> {
            let named = part.spans.is_empty() && part.node.is_none();
            let members = part.members.iter().filter(|_| named);
            members.map(|member| (member, place)).collect()
        };
        Self {
            cluster,
            places: parts.iter().enumerate().flat_map(of_part).collect(),
            labels: OnceCell::new(),
        }
    }

    /// Those that are in `other` too.
    fn namesakes(&self, other: &Self) -> Vec<(Places, &'a Endpoint)> {
        let mine = self.places.iter();
        mine.filter_map(|(member, place)| Some(((*place, *other.places.get(member)?), *member)))
            .collect()
    }

    /// Those that are not in `other`, each with one of every part there that may stand in for it. Strangers of one part
    /// get different ones as far as there are some, so that two of them meet two.
    fn strangers<'b>(&self, other: &Members<'b>) -> Vec<(Placed<'a>, Placed<'b>)> {
        let mut turns: BTreeMap<Places, usize> = BTreeMap::new();
        let mut found = Vec::new();
        let mine = self.places.iter();
        for (member, place) in mine.filter(|(member, _)| !other.places.contains_key(*member)) {
            for (other_place, candidates) in other.stand_ins(self.labels(member)) {
                let turn = turns.entry((*place, other_place)).or_insert(0);
                if let Some(candidate) = candidates.iter().cycle().nth(*turn % candidates.len()) {
                    found.push(((*place, *member), (other_place, *candidate)));
                }
                *turn += 1;
            }
        }
        found
    }

    /// Members with these labels by the place of their part; all of them if none has these labels.
    fn stand_ins(&self, labels: Option<&Labels>) -> BTreeMap<usize, Vec<&'a Endpoint>> {
        let alike = self.by_place(|member| self.labels(member) == labels);
        if alike.is_empty() {
            self.by_place(|_| true)
        } else {
            alike
        }
    }

    fn labels(&self, member: &Endpoint) -> Option<&Labels> {
        let all = self.labels.get_or_init(|| {
            let members = self.places.keys();
            members
                .map(|member| (*member, labels_of(self.cluster, member)))
                .collect()
        });
        all.get(member)
    }

    fn by_place(&self, wanted: impl Fn(&Endpoint) -> bool) -> BTreeMap<usize, Vec<&'a Endpoint>> {
        let mut by_place: BTreeMap<usize, Vec<&Endpoint>> = BTreeMap::new();
        for (member, place) in &self.places {
            if wanted(member) {
                by_place.entry(*place).or_default().push(member);
            }
        }
        by_place
    }
}

/// Labels that controllers give, different for each pod or each version of its template.
const PASSING: [&str; 9] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "kubernetes.io/hostname",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// The labels by which a pod or node resembles another.
pub(super) fn lasting_labels(labels: &Labels) -> Labels {
    let lasting = |(key, _): &(&String, &String)| !PASSING.contains(&key.as_str());
    let labels = labels.iter().filter(lasting);
    labels
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn labels_of(cluster: &Cluster, member: &Endpoint) -> Labels {
    let pod = cluster.pod_of(member);
    pod.map(|pod| lasting_labels(&pod.labels))
        .unwrap_or_default()
}
