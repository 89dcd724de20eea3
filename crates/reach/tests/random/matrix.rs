use std::collections::BTreeSet;

use ringfence_model::{Cluster, Endpoint};
use ringfence_policy::Engine;
use ringfence_reach::matrix::{Cell, Matrix, Status, evidence};
use ringfence_reach::workload::{Groups, Member, Outside, Unit, by_namespace, by_pod, by_workload};
use ringfence_testkit::generate::Shape;

use crate::support::{Port, bounds, cluster, in_families, query, status, statuses};

const SEEDS: u64 = 60;

/// What the reference says over every pair of members; `None` if no pair can be asked about.
fn expected(
    cluster: &Cluster,
    groups: &Groups,
    units: (&Unit, &Unit),
    port: Port,
) -> Option<Status> {
    let mut found = BTreeSet::new();
    for source in groups.members(units.0) {
        for destination in groups.members(units.1) {
            if source != destination && !on_node(cluster, source, destination) {
                found.extend(statuses(cluster, &query(source, destination, port)));
            }
        }
    }
    let only = |status| found.len() == 1 && found.contains(&status);
    match () {
        () if found.is_empty() => None,
        () if only(Status::All) => Some(Status::All),
        () if found.contains(&Status::All) => Some(Status::Some),
        () if found.contains(&Status::Unknown) => Some(Status::Unknown),
        () => Some(Status::Denied),
    }
}

fn on_node(cluster: &Cluster, source: &Endpoint, destination: &Endpoint) -> bool {
    let Endpoint::Pod(pod) = destination else {
        return false;
    };
    let Some(pod) = cluster.pods.get(pod) else {
        return false;
    };
    let node = match source {
        Endpoint::Node(node) => node,
        Endpoint::Address(address) => {
            let node = pod.node.as_ref().and_then(|name| cluster.nodes.get(name));
            let mut of_home = node.into_iter().flat_map(|node| &node.addresses);
            return of_home.any(|own| own == address) || pod.host_addresses.contains(address);
        }
        Endpoint::Pod(_) | Endpoint::Service(_) => return false,
    };
    let of_node = |address| {
        let node = cluster.nodes.get(node);
        node.is_some_and(|node| node.addresses.contains(address))
    };
    pod.node.as_ref() == Some(node) || pod.host_addresses.iter().any(of_node)
}

fn for_every_cell(
    by: impl Fn(&Member<'_>) -> Unit + Copy,
    mut check: impl FnMut(&Engine, &Groups, (&Unit, &Unit), Option<Cell>),
) {
    for seed in 0..SEEDS {
        let engine = Engine::new(cluster(seed, Shape::FULL));
        let groups = Groups::of(&engine, &Outside::of(engine.cluster()), by);
        for source in groups.units() {
            for destination in groups
                .units()
                .filter(|unit| !source.is_place() || !unit.is_place())
            {
                let units = (source, destination);
                let cell = Cell::between(&engine, &groups, units);
                check(&engine, &groups, units, cell);
            }
        }
    }
}

fn cells_say_what_the_reference_says(by: impl Fn(&Member<'_>) -> Unit + Copy) {
    let mut seen = BTreeSet::new();
    for_every_cell(by, |engine, groups, units, cell| {
        let Some(cell) = cell else {
            return;
        };
        let known = [&cell.all, &cell.some, &cell.unknown];
        for port in known.into_iter().flat_map(bounds) {
            let of = |status: &Status| cell.with(*status).allows(port.0, port.1);
            let said: Vec<Status> = Status::ALL.into_iter().filter(of).collect();
            let expected = expected(engine.cluster(), groups, units, port);
            let case = format!("{} -> {} {port:?}: {cell:?}", units.0, units.1);
            assert_eq!(said, expected.into_iter().collect::<Vec<_>>(), "{case}");
            seen.extend(said);
        }
    });
    assert_eq!(seen.len(), 4, "only {seen:?} occurred");
}

/// Rows of the engine give the cells that pairs give one by one.
fn a_matrix_has_the_cell_of_each_pair(by: impl Fn(&Member<'_>) -> Unit + Copy) {
    let mut cells = BTreeSet::new();
    for seed in 0..SEEDS {
        let engine = Engine::new(cluster(seed, Shape::FULL));
        let groups = Groups::of(&engine, &Outside::of(engine.cluster()), by);
        let units: Vec<Unit> = groups.units().cloned().collect();
        let mut reversed = units.clone();
        reversed.reverse();
        let matrix = Matrix::of(&engine, &groups, reversed, units.clone());
        let mut listed = matrix.cells();
        for source in &units {
            for destination in &units {
                let cell = Cell::between(&engine, &groups, (source, destination));
                let case = format!("seed {seed}: {source} -> {destination}");
                assert_eq!(matrix.cell(source, destination), cell.as_ref(), "{case}");
                if let Some(cell) = &cell {
                    assert_eq!(listed.next(), Some((source, destination, cell)), "{case}");
                }
                cells.insert(cell);
            }
        }
        assert_eq!(listed.next(), None);
    }
    assert!(cells.len() > 50 && cells.contains(&None), "{}", cells.len());
}

#[test]
fn matrices_of_workloads_namespaces_and_pods_have_the_cell_of_each_pair() {
    a_matrix_has_the_cell_of_each_pair(by_workload);
    a_matrix_has_the_cell_of_each_pair(by_namespace);
    a_matrix_has_the_cell_of_each_pair(by_pod);
}

#[test]
fn workloads() {
    cells_say_what_the_reference_says(by_workload);
}

#[test]
fn namespaces() {
    cells_say_what_the_reference_says(by_namespace);
}

#[test]
fn pods_meet_in_one_way_or_by_several_addresses() {
    let mut different = 0;
    for_every_cell(by_pod, |engine, groups, units, cell| {
        let port = (ringfence_net::Protocol::Tcp.into(), Some(80));
        let expected = expected(engine.cluster(), groups, units, port);
        let inside = !matches!(
            units,
            (
                Unit::Node(_) | Unit::Place(_),
                Unit::Node(_) | Unit::Place(_)
            )
        );
        assert_eq!(cell.is_some(), expected.is_some() && inside, "{units:?}");
        if let Some(cell) = cell.filter(|cell| !cell.some.is_empty()) {
            let mut ends = groups.members(units.0).zip(groups.members(units.1));
            let dual = ends.any(|(source, destination)| {
                !in_families(engine.cluster(), &query(source, destination, port)).is_empty()
            });
            let has_several = |unit| groups.members(unit).count() > 1;
            let several = has_several(units.0) || has_several(units.1);
            assert!(dual || several, "{units:?}: {cell:?}");
            different += 1;
        }
    });
    assert!(different > 10, "{different}");
}

#[test]
fn evidence_is_what_the_reference_says() {
    let mut shown = BTreeSet::new();
    for_every_cell(by_workload, |engine, groups, units, cell| {
        let Some(cell) = cell else {
            return;
        };
        let evidence = evidence(engine, groups, units, &cell);
        for found in &evidence {
            let expected = match found.status {
                Status::Some => Status::All,
                status @ (Status::All | Status::Unknown | Status::Denied) => status,
            };
            assert_eq!(
                status(engine.cluster(), &found.query),
                Some(expected),
                "{found:?}"
            );
            assert!(
                found
                    .connections
                    .allows(found.query.protocol, found.query.port)
            );
            shown.insert(found.status);
        }
        for status in Status::ALL {
            let of_status = evidence.iter().filter(|found| found.status == status);
            let connections = of_status.map(|found| found.connections.clone());
            let all = connections.reduce(|one, other| one.union(&other));
            // Of what some pairs may open those of one pair are shown.
            let told = all.unwrap_or_else(ringfence_net::ConnectionSet::none);
            assert_eq!(
                told.is_empty(),
                cell.with(status).is_empty(),
                "{units:?} {status:?}"
            );
            assert!(told.is_subset(&cell.with(status)));
        }
    });
    assert_eq!(shown.len(), 4);
}
