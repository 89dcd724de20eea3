//! What edits change besides, and which of them comes first.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use ringfence_model::{Cluster, Endpoint, LabelSelector, Party, Pod, Query, Workers, map_with};
use ringfence_net::{ConnectionSet, Protocol};
use ringfence_policy::{Change as Applied, Engine};

use super::beside::beside;
use super::obstacle::{is_reached, reached};
use super::{Edit, Fix, Flow, Goal, Wish, identity};
use crate::diff::{Baseline, Change, Difference, PairChange};
use crate::workload::{Member, Place, Unit, by_workload};

/// How many sets of edits are compared at most.
const MOST: usize = 24;

/// How many sets of edits are made one after the other in one copy of the cluster.
const LOT: usize = 6;

/// The best of each kind, those that change the least first.
pub(super) fn ranked(
    engine: &Engine,
    wish: Wish<'_>,
    mut found: Vec<Vec<Edit>>,
    workers: &dyn Workers,
) -> Vec<Fix> {
    let wished = Wished::of(engine, wish);
    let baseline = Baseline::of(engine);
    found.truncate(MOST);
    let lots: Vec<&[Vec<Edit>]> = found.chunks(LOT).collect();
    let differences = map_with(workers, &lots, |lot| {
        let mut tried = Tried {
            baseline: &baseline,
            before: engine,
            engine: engine.clone(),
        };
        let of_one = |edits: &Vec<Edit>| tried.changed(edits, (wish.goal, &wished));
        lot.iter().map(of_one).collect::<Vec<_>>()
    });
    let differences = differences.into_iter().flatten();
    let mut best: BTreeMap<Vec<u8>, (Weight, Fix)> = BTreeMap::new();
    for (edits, difference) in found.into_iter().zip(differences) {
        let kinds: Vec<u8> = edits.iter().map(Edit::kind).collect();
        let Some((difference, unasked)) = difference else {
            continue;
        };
        let besides = wished.besides(wish.goal, &difference, &unasked);
        let weight = weight(&besides);
        let is_better = best.get(&kinds).is_none_or(|(known, _)| weight < *known);
        if is_better {
            let fix = Fix {
                edits,
                difference,
                besides,
            };
            best.insert(kinds, (weight, fix));
        }
    }
    let mut fixes: Vec<(Weight, Vec<u8>, Fix)> = best
        .into_iter()
        .map(|(kinds, (weight, fix))| (weight, kinds, fix))
        .collect();
    fixes.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    fixes.into_iter().map(|(_, _, fix)| fix).collect()
}

/// Places, other units, and ports that change besides.
type Weight = (usize, usize, u64);

fn weight(besides: &[PairChange]) -> Weight {
    let places = besides
        .iter()
        .filter(|pair| pair.source.is_place() || pair.destination.is_place());
    let places = places.count();
    let changes = besides.iter().flat_map(|pair| pair.changes.iter());
    let ports = changes.map(|change| size(&change.connections)).sum();
    (places, besides.len() - places, ports)
}

fn size(set: &ConnectionSet) -> u64 {
    let ports = Protocol::ALL
        .into_iter()
        .map(|protocol| u64::from(set.ports(protocol).len()));
    ports.sum::<u64>() + u64::from(set.allows_other())
}

/// A copy of the cluster in which edits are made and undone.
struct Tried<'a> {
    baseline: &'a Baseline<'a>,
    before: &'a Engine,
    engine: Engine,
}

impl Tried<'_> {
    /// What the edits change, looked for where they can change something.
    fn changed(
        &mut self,
        edits: &[Edit],
        (goal, wished): (Goal, &Wished),
    ) -> Option<(Difference, Vec<Between>)> {
        let mut touched = Touched::default();
        let mut undo = Vec::new();
        for edit in edits {
            let cluster = self.engine.cluster();
            let (Some(change), Some(undone)) = (edit.change(cluster), edit.undone(cluster)) else {
                break;
            };
            touched.add(cluster, &change);
            self.engine.apply(change);
            undo.push(undone);
        }
        let found = (undo.len() == edits.len()).then(|| {
            let unasked = wished.unasked(goal, self.before, &self.engine);
            let difference = self.baseline.difference(&self.engine, |unit| {
                touched.everything || touched.units.contains(unit)
            });
            (difference, unasked)
        });
        for undone in undo.into_iter().rev() {
            self.engine.apply(undone);
        }
        found
    }
}

/// Units whose connections an edit may touch.
#[derive(Default)]
struct Touched {
    units: BTreeSet<Unit>,
    everything: bool,
}

impl Touched {
    fn add(&mut self, cluster: &Cluster, change: &Applied) {
        match change {
            Applied::SetNetworkPolicy(policy) => {
                let namespace = &policy.name.namespace;
                self.subjects(cluster, |pod| {
                    pod.name.namespace == *namespace && policy.pod_selector.matches(&pod.labels)
                });
            }
            Applied::SetClusterPolicy(policy) => self.subjects(cluster, |pod| {
                let fits = |selector: Option<&LabelSelector>, labels| {
                    selector.is_none_or(|selector| selector.matches(labels))
                };
                fits(policy.subject.pods.as_ref(), &pod.labels)
                    && fits(
                        policy.subject.namespaces.as_ref(),
                        &cluster.namespace_labels(&pod.name.namespace),
                    )
            }),
            Applied::SetNamespace(_)
            | Applied::SetPod(_)
            | Applied::RemovePod(_)
            | Applied::RemoveNamespace(_)
            | Applied::SetNode(_)
            | Applied::RemoveNode(_)
            | Applied::SetService(_)
            | Applied::RemoveService(_)
            | Applied::RemoveNetworkPolicy(_)
            | Applied::RemoveClusterPolicy(_) => self.everything = true,
        }
    }

    fn subjects(&mut self, cluster: &Cluster, is_subject: impl Fn(&Pod) -> bool) {
        let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
        for pod in pods.filter(|pod| is_subject(pod)) {
            let unit = by_workload(&Member::Pod(pod));
            self.units.insert(unit);
        }
    }
}

/// The connections that were wished for.
struct Wished {
    flows: Vec<Between>,
    /// Connections of others of the same units that were not.
    others: Vec<(Query, Between)>,
}

/// Connections between two ends.
#[derive(Clone, Debug)]
struct Between {
    source: End,
    destination: End,
    connections: ConnectionSet,
}

#[derive(Clone, Debug)]
enum End {
    Unit(Unit),
    /// An address, and whether it is an example of those outside.
    Address(std::net::IpAddr, bool),
}

impl Between {
    fn is(&self, pair: &PairChange) -> bool {
        self.source.is(&pair.source) && self.destination.is(&pair.destination)
    }
}

impl Wished {
    fn of(engine: &Engine, wish: Wish<'_>) -> Self {
        let mut flows = Vec::new();
        let mut others = Vec::new();
        let asked: BTreeSet<(&Endpoint, &Endpoint)> = wish.flows.iter().map(ends).collect();
        for flow in wish.flows {
            let Ok(answer) = engine.answer(&flow.query) else {
                continue;
            };
            for connection in &answer.connections {
                let end = |party| End::of(engine.cluster(), wish, party);
                let ends = (end(&connection.source), end(&connection.destination));
                let (Some(source), Some(destination)) = ends else {
                    continue;
                };
                let between = Between {
                    source,
                    destination,
                    connections: reached(flow, &answer, connection),
                };
                if !flow.is_for_alike && answer.service.is_none() {
                    let beside = beside(engine, &flow.query, connection).into_iter();
                    let unasked = beside
                        .filter(|query| !asked.contains(&(&query.source, &query.destination)));
                    others.extend(unasked.map(|query| (query, between.clone())));
                }
                flows.push(between);
            }
        }
        Self { flows, others }
    }

    /// What becomes of the others as it was wished for the asked.
    fn unasked(&self, goal: Goal, before: &Engine, after: &Engine) -> Vec<Between> {
        let is_so = |engine: &Engine, query: &Query| {
            let answer = engine.answer(query);
            answer.is_ok_and(|answer| is_reached(goal, &answer))
        };
        let others = self.others.iter();
        let changed = others.filter(|(query, _)| !is_so(before, query) && is_so(after, query));
        changed.map(|(_, unasked)| unasked.clone()).collect()
    }

    /// What is in `difference` and was not wished for.
    fn besides(&self, goal: Goal, difference: &Difference, unasked: &[Between]) -> Vec<PairChange> {
        let pairs = difference.pairs.iter().map(|pair| {
            let unasked = between(unasked, pair);
            let wished = between(&self.flows, pair).difference(&unasked);
            let changes = pair
                .changes
                .iter()
                .filter_map(|change| left(goal, change, &wished))
                .map(|change| Change {
                    partial: change.partial || !unasked.is_disjoint(&change.connections),
                    ..change
                });
            PairChange {
                source: pair.source.clone(),
                destination: pair.destination.clone(),
                changes: changes.collect(),
            }
        });
        pairs.filter(|pair| !pair.changes.is_empty()).collect()
    }
}

/// What `all` say of `pair`.
fn between(all: &[Between], pair: &PairChange) -> ConnectionSet {
    let said = all.iter().filter(|one| one.is(pair));
    said.fold(ConnectionSet::none(), |all, one| {
        all.union(&one.connections)
    })
}

fn ends(flow: &Flow) -> (&Endpoint, &Endpoint) {
    (&flow.query.source, &flow.query.destination)
}

fn left(goal: Goal, change: &Change, wished: &ConnectionSet) -> Option<Change> {
    let is_wished = match goal {
        Goal::Allow => change.kind.is_more(),
        Goal::Deny => !change.kind.is_more(),
    };
    let connections = if is_wished {
        change.connections.difference(wished)
    } else {
        change.connections.clone()
    };
    (!connections.is_empty()).then(|| Change {
        connections,
        ..change.clone()
    })
}

impl End {
    fn of(cluster: &Cluster, wish: Wish<'_>, party: &Party) -> Option<Self> {
        if let Some(pod) = identity::pod(cluster, party) {
            return Some(Self::Unit(by_workload(&Member::Pod(pod))));
        }
        match party {
            Party::Node { .. } => Some(Self::Unit(Unit::Nodes)),
            Party::Other(address) | Party::Loopback(address) => {
                let is_example = wish
                    .outside
                    .iter()
                    .any(|block| identity::holds(block, *address));
                Some(Self::Address(*address, is_example))
            }
            Party::Pod { .. } => None,
        }
    }

    fn is(&self, unit: &Unit) -> bool {
        match (self, unit) {
            (Self::Unit(own), _) => own == unit,
            (Self::Address(_, true), Unit::Place(Place::Internet(_))) => true,
            (Self::Address(address, is_example), Unit::Place(Place::Blocks(blocks))) => {
                // Of an address that is no example, the others of its block are not asked about.
                let holds = blocks.iter().any(|block| block.contains(address));
                holds && (*is_example || blocks.as_slice() == [IpNet::from(*address)])
            }
            (Self::Address(address, _), Unit::Place(Place::Metadata(_))) => {
                METADATA.contains(&address.to_string().as_str())
            }
            (Self::Address(..), _) => false,
        }
    }
}

const METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];
