//! Whom the policies of each workload alone let pass.

use ringfence_model::Direction;
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassSet, Reach, Row};

use crate::audit::egress::dns;
use crate::audit::stage::Stage;
use crate::audit::workload::{Workload, Workloads};

/// What the policies of one end let pass in one direction. What those of the other end say is no merit of theirs.
#[derive(Debug, Default)]
pub(super) struct Sides {
    /// Pods, of the cluster and strangers in its namespaces, that pass.
    certain: Vec<ClassSet>,
    /// With those that perhaps do.
    possible: Vec<ClassSet>,
    /// By the workload's place the sides of its pods, one for each sort of them and each family.
    of: Vec<Vec<usize>>,
}

/// Sides, and by the workload's place which of them are its own.
#[derive(Clone, Copy)]
pub(super) struct Passing<'a> {
    pub(super) sets: &'a [ClassSet],
    pub(super) of: &'a [Vec<usize>],
}

impl Sides {
    pub(super) fn of(stage: &Stage, workloads: &Workloads, direction: Direction) -> Self {
        let mut sides = Self {
            of: vec![Vec::new(); workloads.iter().count()],
            ..Self::default()
        };
        let peers = stage.real.union(stage.neighbours());
        for shared in stage.engine.shared_families() {
            let visit = |subjects: &ClassSet, row: &Row| {
                sides.add(workloads, direction, subjects, row);
            };
            let ends = (&stage.real, &peers);
            stage
                .engine
                .for_each_side_in(*shared, direction, ends, visit);
        }
        for of in &mut sides.of {
            of.sort_unstable();
            of.dedup();
        }
        sides
    }

    /// What `row` says of the workloads of `subjects`.
    fn add(&mut self, workloads: &Workloads, direction: Direction, subjects: &ClassSet, row: &Row) {
        let mut known: Vec<(ConnectionSet, usize)> = Vec::new();
        for place in subjects.iter().flat_map(|class| workloads.places(class)) {
            let Some(workload) = workloads.get(*place) else {
                continue;
            };
            let wanted = wanted(direction, workload);
            let same = known.iter().find(|(other, _)| *other == wanted);
            let number = same.map(|(_, number)| *number).unwrap_or_else(|| {
                let number = self.push(row, &wanted);
                known.push((wanted, number));
                number
            });
            if let Some(of) = self.of.get_mut(*place) {
                of.push(number);
            }
        }
    }

    fn push(&mut self, row: &Row, wanted: &ConnectionSet) -> usize {
        let with = |is_open: &dyn Fn(&Reach) -> bool| {
            let cells = row.cells.iter().filter(|(reach, _)| is_open(reach));
            ClassSet::union_of(cells.map(|(_, classes)| classes))
        };
        let is_any = |set: &ConnectionSet| !set.intersection(wanted).is_empty();
        self.certain.push(with(&|reach| is_any(&reach.allowed)));
        self.possible.push(with(&|reach| {
            is_any(&reach.allowed) || is_any(&reach.unknown)
        }));
        self.certain.len() - 1
    }

    pub(super) fn certain(&self) -> Passing<'_> {
        Passing {
            sets: &self.certain,
            of: &self.of,
        }
    }

    pub(super) fn possible(&self) -> Passing<'_> {
        Passing {
            sets: &self.possible,
            of: &self.of,
        }
    }

    pub(super) fn is_anything_unknown(&self) -> bool {
        self.certain != self.possible
    }
}

/// What is not meant for everybody.
pub(super) fn wanted(direction: Direction, workload: &Workload) -> ConnectionSet {
    match direction {
        Direction::Ingress => workload.exposed.complement(),
        Direction::Egress => dns().complement(),
    }
}
