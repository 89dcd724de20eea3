//! Who gets in: RA01, RA06 and, with [`separation`](super::separation), RA08.

use std::collections::BTreeSet;

use ringfence_model::{Endpoint, ObjectName};
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassSet, Reach, Row, SharedFamily};

use super::gather::{Gathered, Open};
use super::separation::Separation;
use super::stage::Stage;
use super::strangers::{Wanted, open_to_strangers};
use super::workload::{Workload, Workloads};
use super::{GapKind, Options, Principle};
use crate::workload::Unit;

pub(super) fn measure(
    stage: &Stage,
    workloads: &Workloads,
    options: &Options,
    gathered: &mut Gathered,
) {
    for shared in stage.engine.shared_families() {
        gathered.look_at(*shared);
        let visit = |destinations: &ClassSet, column: &Row| {
            let separation = Separation::of(stage, column, *shared);
            for class in destinations.iter() {
                for workload in workloads.of_class(class) {
                    let Some(pod) = workload.parts.get(&class) else {
                        continue;
                    };
                    strangers(stage, column, workload, pod, gathered);
                    separated((stage, workloads), &separation, workload, pod, gathered);
                    if let Some(ports) = &workload.store {
                        let at = (workload, pod, ports);
                        store(stage, column, workloads, at, options.most_clients, gathered);
                    }
                }
            }
        };
        stage.engine.for_each_column_in(*shared, &stage.real, visit);
    }
    gathered.look_at(SharedFamily::First);
}

/// RA01
fn strangers(
    stage: &Stage,
    column: &Row,
    workload: &Workload,
    pod: &ObjectName,
    gathered: &mut Gathered,
) {
    let principle = Principle::DefaultDenyIngress;
    gathered.measured(principle, &workload.unit);
    let wanted = Wanted {
        connections: &workload.exposed.complement(),
        namespace: workload.namespace(),
        strangers_open: true,
    };
    for open in open_to_strangers(stage, column, pod, wanted) {
        gathered.open(principle, &workload.unit, open);
    }
}

/// RA08
fn separated(
    (stage, workloads): (&Stage, &Workloads),
    separation: &Separation<'_>,
    workload: &Workload,
    pod: &ObjectName,
    gathered: &mut Gathered,
) {
    if !stage.has_several_namespaces() {
        return;
    }
    let principle = Principle::NamespacesSeparated;
    gathered.measured(principle, &workload.unit);
    for open in separation.open((stage, workloads), workload, pod) {
        gathered.open(principle, &workload.unit, open);
    }
}

/// RA06
fn store(
    stage: &Stage,
    column: &Row,
    workloads: &Workloads,
    (workload, pod, ports): (&Workload, &ObjectName, &ConnectionSet),
    most: usize,
    gathered: &mut Gathered,
) {
    let principle = Principle::SensitiveStores;
    gathered.measured(principle, &workload.unit);
    let wanted = Wanted {
        connections: ports,
        namespace: workload.namespace(),
        strangers_open: true,
    };
    for open in open_to_strangers(stage, column, pod, wanted) {
        gathered.open(principle, &workload.unit, open);
    }
    if let Some(open) = clients(stage, column, workloads, (workload, pod, ports), most) {
        gathered.open(principle, &workload.unit, open);
    }
}

/// The workloads that reach a store, and how the first of them does.
struct Clients<'a> {
    units: BTreeSet<&'a Unit>,
    first: Option<(ObjectName, ConnectionSet)>,
}

impl<'a> Clients<'a> {
    /// Those who may open, by `open`, some of the ports.
    fn of(
        stage: &Stage,
        column: &Row,
        workloads: &'a Workloads,
        store: &Unit,
        open: impl Fn(&Reach) -> ConnectionSet,
    ) -> Self {
        let mut clients = Clients {
            units: BTreeSet::new(),
            first: None,
        };
        for (reach, classes) in &column.cells {
            let connections = open(reach);
            if connections.is_empty() {
                continue;
            }
            for class in classes.intersection(&stage.real).iter() {
                let others = workloads.of_class(class);
                for other in others.filter(|other| other.unit != *store) {
                    clients.units.insert(&other.unit);
                    let pod = other.parts.get(&class).filter(|_| clients.first.is_none());
                    if let Some(pod) = pod {
                        clients.first = Some((pod.clone(), connections.clone()));
                    }
                }
            }
        }
        clients
    }
}

/// Whether more workloads than `most` may open `ports`, for certain or perhaps, and one that may.
fn clients(
    stage: &Stage,
    column: &Row,
    workloads: &Workloads,
    (workload, pod, ports): (&Workload, &ObjectName, &ConnectionSet),
    most: usize,
) -> Option<Open> {
    let of = |open: &dyn Fn(&Reach) -> ConnectionSet| {
        Clients::of(stage, column, workloads, &workload.unit, |reach| {
            open(reach).intersection(ports)
        })
    };
    let certain = of(&|reach| reach.allowed.clone());
    let is_certain = certain.units.len() > most;
    let found = if is_certain {
        certain
    } else {
        of(&|reach| reach.allowed.union(&reach.unknown))
    };
    let (source, connections) = found.first.filter(|_| found.units.len() > most)?;
    Some(Open {
        kind: GapKind::Clients {
            found: found.units.len(),
            most,
        },
        is_certain,
        connections,
        ends: Some((Endpoint::Pod(source), Endpoint::Pod(pod.clone()))),
    })
}
