//! How many of the cluster's own pods are let in, or out to: rules that name everybody, each by something of its own, close no
//! more than one that names nobody. RA01, RA02 and RA08.

mod count;
mod shown;
mod sides;

use ringfence_model::Direction;
use ringfence_policy::SharedFamily;

use super::gather::{Gathered, Open};
use super::stage::Stage;
use super::workload::{Workload, Workloads};
use super::{GapKind, Principle};
use count::{Counts, Share};
use sides::Sides;

/// As many may pass as have a reason, however few workloads there are: the clients of a service, say.
const A_FEW: usize = 5;

/// So many other namespaces may pass as a whole: that of an ingress controller, and that of the monitoring.
const FEW_NAMESPACES: usize = 2;

/// A direction, from the end of the workload that is measured, and the principle about it.
#[derive(Clone, Copy)]
struct Way {
    direction: Direction,
    principle: Principle,
}

const WAYS: [Way; 2] = [
    Way {
        direction: Direction::Ingress,
        principle: Principle::DefaultDenyIngress,
    },
    Way {
        direction: Direction::Egress,
        principle: Principle::DefaultDenyEgress,
    },
];

pub(super) fn measure(stage: &Stage, workloads: &Workloads, gathered: &mut Gathered) {
    for way in WAYS {
        let sides = Sides::of(stage, workloads, way.direction);
        let certain = Counts::of(stage, workloads, sides.certain());
        let found = |counts, is_certain| Found {
            stage,
            workloads,
            counts,
            is_certain,
            way,
        };
        found(&certain, true).tell(gathered);
        if sides.is_anything_unknown() {
            let possible = Counts::of(stage, workloads, sides.possible());
            found(&possible, false).tell(gathered);
        }
    }
}

/// What is found in one direction, for certain or perhaps.
struct Found<'a> {
    stage: &'a Stage,
    workloads: &'a Workloads,
    counts: &'a Counts,
    is_certain: bool,
    way: Way,
}

impl Found<'_> {
    fn tell(&self, gathered: &mut Gathered) {
        for (place, workload) in self.workloads.iter().enumerate() {
            if workload.parts.is_empty() {
                continue;
            }
            let principle = self.way.principle;
            let (everywhere, near) = (self.everywhere(place), self.neighbours(place, workload));
            self.tell_one(gathered, (principle, place, workload), everywhere);
            self.tell_one(gathered, (principle, place, workload), near);
            if self.way.direction == Direction::Ingress && self.stage.has_several_namespaces() {
                let apart = (Principle::NamespacesSeparated, place, workload);
                self.tell_one(gathered, apart, self.elsewhere(place));
            }
        }
    }

    /// Where as much is found already, it need not be told once more.
    fn tell_one(
        &self,
        gathered: &mut Gathered,
        (principle, place, workload): (Principle, usize, &Workload),
        kind: Option<GapKind>,
    ) {
        let Some(kind) = kind else {
            return;
        };
        let is_covered = |other: &Open| {
            (other.is_certain || !self.is_certain) && says_as_much(&other.kind, &kind)
        };
        if !gathered.has(principle, &workload.unit, is_covered) {
            let Some(shown) = self.shown(place, workload, &kind) else {
                return;
            };
            gathered.look_at(shown.shared);
            let open = Open {
                kind,
                is_certain: self.is_certain,
                connections: shown.connections,
                ends: shown.ends,
            };
            gathered.open(principle, &workload.unit, open);
            gathered.look_at(SharedFamily::First);
        }
    }

    /// Whether any pod of nearly every namespace passes, nearly all workloads do, or most where most of the network is open.
    fn everywhere(&self, place: usize) -> Option<GapKind> {
        let share = self.counts.cluster(place);
        let Share { found, of } = share;
        if self.counts.is_flat() && share.is_most() {
            Some(GapKind::Flat { found, of })
        } else if let Some(every) = self.every_namespace(place) {
            Some(every)
        } else {
            (found > A_FEW && share.is_nearly_all()).then_some(GapKind::Crowd { found, of })
        }
    }

    fn every_namespace(&self, place: usize) -> Option<GapKind> {
        let share = self.counts.namespaces(place);
        let Share { found, of } = share;
        let is_every = of > FEW_NAMESPACES && share.is_nearly_all();
        is_every.then_some(GapKind::EveryNamespace { found, of })
    }

    /// The same among the workloads of its own namespace.
    fn neighbours(&self, place: usize, workload: &Workload) -> Option<GapKind> {
        let share = self.counts.neighbours(place);
        let Share { found, of } = share;
        let is_flat = self.counts.is_flat_in(workload.namespace()) && share.is_most();
        let is_crowd = found > A_FEW && share.is_nearly_all();
        (is_flat || is_crowd).then_some(GapKind::Neighbours { found, of })
    }

    /// Whether the border of its namespace keeps nobody out.
    fn elsewhere(&self, place: usize) -> Option<GapKind> {
        let (all, own) = (self.counts.cluster(place), self.counts.neighbours(place));
        let share = Share {
            found: all.found.saturating_sub(own.found),
            of: all.of.saturating_sub(own.of),
        };
        let Share { found, of } = all;
        if self.counts.is_flat() && share.is_most() {
            Some(GapKind::Flat { found, of })
        } else {
            self.every_namespace(place)
        }
    }
}

/// Whether a finding that tells of `other` need not tell of `kind`.
const fn says_as_much(other: &GapKind, kind: &GapKind) -> bool {
    match other {
        GapKind::Stranger
        | GapKind::Labelled(_)
        | GapKind::Namespace(_)
        | GapKind::EveryNamespace { .. }
        | GapKind::Flat { .. }
        | GapKind::Crowd { .. } => true,
        GapKind::Neighbour | GapKind::LabelledNeighbour(_) | GapKind::Neighbours { .. } => {
            matches!(kind, GapKind::Neighbours { .. })
        }
        GapKind::Internet
        | GapKind::Names(_)
        | GapKind::Metadata(_)
        | GapKind::Node(_)
        | GapKind::Clients { .. }
        | GapKind::HostNetwork { .. }
        | GapKind::Admission => false,
    }
}
