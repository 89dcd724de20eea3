//! What strangers may open, or have opened to them.

use ringfence_model::{Endpoint, ObjectName};
use ringfence_net::ConnectionSet;
use ringfence_policy::Row;

use super::GapKind;
use super::gather::Open;
use super::stage::{Stage, Stranger};

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
    of_pods.chain(internet).collect()
}

fn of_pods(
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
