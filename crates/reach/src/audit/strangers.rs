//! What strangers may open, or have opened to them.

use ringfence_model::{Endpoint, Labels, ObjectName};
use ringfence_net::ConnectionSet;
use ringfence_policy::{Reach, Row};

use super::GapKind;
use super::gather::Open;
use super::stage::{Labelled, Stage, Stranger};

/// Who of the other side is meant, and which connections.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) connections: &'a ConnectionSet,
    /// The namespace of the workload that is measured.
    pub(super) namespace: &'a str,
    /// Whether strangers open the connections, or are who they are opened to.
    pub(super) strangers_open: bool,
}

/// What of `wanted` is open between `pod`, whose row (or column) this is, and strangers, neighbours and the internet.
pub(super) fn open_to_strangers(
    stage: &Stage,
    row: &Row,
    pod: &ObjectName,
    wanted: Wanted<'_>,
) -> Vec<Open> {
    let pods = [
        (GapKind::Stranger, stage.foreign.as_slice()),
        (GapKind::Neighbour, stage.own(wanted.namespace)),
    ];
    let of_pods = pods
        .into_iter()
        .filter_map(|(kind, strangers)| of_pods(stage, row, pod, wanted, (&kind, strangers)));
    let internet = stage.internet.opening(row, wanted.connections);
    let internet = internet.map(|opening| Open {
        kind: GapKind::Internet,
        is_certain: true,
        connections: opening.connections,
        ends: Some(wanted.ends(pod, Endpoint::Address(opening.example))),
    });
    let of_labelled = of_labelled(stage, row, pod, wanted);
    of_pods.chain(internet).chain(of_labelled).collect()
}

/// What any of `strangers` may open; if one of them may be nobody, for certain only what all may.
pub(super) fn together(stage: &Stage, row: &Row, strangers: &[Stranger]) -> Reach {
    let reaches = || strangers.iter().map(|one| row.reach(one.class));
    let any = reaches().fold(Reach::none(), |all, more| either(&all, &more));
    if !stage.is_anywhere {
        return any;
    }
    let allowed = reaches().map(|reach| reach.allowed);
    let allowed = allowed.reduce(|all, more| all.intersection(&more));
    let allowed = allowed.unwrap_or_else(ConnectionSet::none);
    let unknown = any.allowed.union(&any.unknown).difference(&allowed);
    Reach { allowed, unknown }
}

/// What one or the other may open.
pub(super) fn either(one: &Reach, other: &Reach) -> Reach {
    let allowed = one.allowed.union(&other.allowed);
    let unknown = one.unknown.union(&other.unknown).difference(&allowed);
    Reach { allowed, unknown }
}

/// What labels open that are anybody's to choose, beyond what is open without them.
fn of_labelled(stage: &Stage, row: &Row, pod: &ObjectName, wanted: Wanted<'_>) -> Vec<Open> {
    let own = stage.own_labelled(wanted.namespace);
    let foreign = together(stage, row, &stage.foreign);
    let kind = GapKind::Labelled;
    let of_foreign = first_labelled(row, pod, wanted, (kind, &stage.labelled, &foreign));
    let of_own = own.and_then(|own| {
        let without = together(stage, row, stage.own(wanted.namespace));
        let kind = GapKind::LabelledNeighbour;
        first_labelled(row, pod, wanted, (kind, own, &without))
    });
    of_foreign.into_iter().chain(of_own).collect()
}

fn first_labelled(
    row: &Row,
    pod: &ObjectName,
    wanted: Wanted<'_>,
    (kind, labelled, without): (fn(Labels) -> GapKind, &Labelled, &Reach),
) -> Option<Open> {
    let find = |is_certain: bool| {
        row.cells.iter().find_map(|(reach, classes)| {
            let class = classes.intersection(&labelled.classes).first()?;
            let (name, labels) = labelled.pods.get(&class)?;
            let connections = if is_certain {
                reach.allowed.difference(&without.allowed)
            } else {
                let known = without.allowed.union(&without.unknown);
                reach.unknown.difference(&known)
            };
            let connections = connections.intersection(wanted.connections);
            (!connections.is_empty()).then(|| Open {
                kind: kind(labels.clone()),
                is_certain,
                connections,
                ends: Some(wanted.ends(pod, Endpoint::Pod(name.clone()))),
            })
        })
    };
    find(true).or_else(|| find(false))
}

/// What of `wanted` is open between `pod` and one of `strangers`.
pub(super) fn of_pods(
    stage: &Stage,
    row: &Row,
    pod: &ObjectName,
    wanted: Wanted<'_>,
    (kind, strangers): (&GapKind, &[Stranger]),
) -> Option<Open> {
    let open = |stranger: &Stranger, is_certain, connections| Open {
        kind: kind.clone(),
        is_certain,
        connections,
        ends: Some(wanted.ends(pod, Endpoint::Pod(stranger.name.clone()))),
    };
    let reaches = strangers.iter().map(|stranger| {
        let reach = row.reach(stranger.class);
        let allowed = reach.allowed.intersection(wanted.connections);
        (stranger, allowed, reach.unknown)
    });
    let reaches: Vec<_> = reaches.collect();
    let mut open_to = reaches.iter().filter(|(_, allowed, _)| !allowed.is_empty());
    if let Some((stranger, allowed, _)) = open_to.next() {
        let is_certain = !stage.is_anywhere || open_to.count() + 1 == reaches.len();
        return Some(open(stranger, is_certain, allowed.clone()));
    }
    reaches.iter().find_map(|(stranger, _, unknown)| {
        let unknown = unknown.intersection(wanted.connections);
        (!unknown.is_empty()).then(|| open(stranger, false, unknown))
    })
}

impl Wanted<'_> {
    fn ends(self, pod: &ObjectName, other: Endpoint) -> (Endpoint, Endpoint) {
        let pod = Endpoint::Pod(pod.clone());
        if self.strangers_open {
            (other, pod)
        } else {
            (pod, other)
        }
    }
}
