//! What a mistake changes in who can talk to whom.

use ringfence_model::Direction;
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassSet, Engine, Reach, Row, SharedFamily};

/// Connections that were allowed for certain or denied for certain, and are not so any more.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) sources: ClassSet,
    pub(super) destinations: ClassSet,
    pub(super) connections: ConnectionSet,
}

/// What some classes may open, or what may be opened to them, in each family that makes a difference.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    first: OfFamily,
    second: Option<OfFamily>,
}

/// Classes that have the same row, and the row.
type OfFamily = Vec<(ClassSet, Row)>;

impl Rows {
    /// The rows of `subjects`: to whom for egress, from whom for ingress.
    pub(super) fn of(engine: &Engine, direction: Direction, subjects: &ClassSet) -> Self {
        let has_second = engine.shared_families().contains(&SharedFamily::Second);
        let rows = |shared| of_family(engine, shared, direction, subjects);
        Self {
            first: rows(SharedFamily::First),
            second: has_second.then(|| rows(SharedFamily::Second)),
        }
    }

    fn second(&self) -> &OfFamily {
        self.second.as_ref().unwrap_or(&self.first)
    }
}

fn of_family(
    engine: &Engine,
    shared: SharedFamily,
    direction: Direction,
    subjects: &ClassSet,
) -> OfFamily {
    let mut found = Vec::new();
    let keep = |classes: &ClassSet, row: &Row| found.push((classes.clone(), row.clone()));
    match direction {
        Direction::Egress => engine.for_each_row_in(shared, subjects, keep),
        Direction::Ingress => engine.for_each_column_in(shared, subjects, keep),
    }
    found
}

/// How the rows of the same classes differ in two engines that have the same classes, `all`, of which `both` have
/// addresses of both families.
pub(super) fn effects(
    direction: Direction,
    before: &Rows,
    after: &Rows,
    (all, both): (&ClassSet, &ClassSet),
) -> Vec<Effect> {
    let mut found = of_two(direction, &before.first, &after.first, all);
    if before.second.is_some() || after.second.is_some() {
        found.extend(of_two(direction, before.second(), after.second(), both));
    }
    found
}

/// How rows differ for the classes in `all`.
fn of_two(
    direction: Direction,
    before: &OfFamily,
    after: &OfFamily,
    all: &ClassSet,
) -> Vec<Effect> {
    let mut found = Vec::new();
    for (subjects, row) in before {
        for (others, changed) in after {
            let subjects = subjects.intersection(others).intersection(all);
            if !subjects.is_empty() && row != changed {
                compare(direction, &subjects, row, changed, all, &mut found);
            }
        }
    }
    found
}

fn compare(
    direction: Direction,
    subjects: &ClassSet,
    row: &Row,
    changed: &Row,
    all: &ClassSet,
    found: &mut Vec<Effect>,
) {
    let (cells, changed) = (complete(row, all), complete(changed, all));
    for (reach, peers) in &cells {
        for (other, others) in &changed {
            let connections = lost(reach, other);
            let peers = peers.intersection(others).intersection(all);
            if connections.is_empty() || peers.is_empty() {
                continue;
            }
            let subjects = subjects.clone();
            let (sources, destinations) = match direction {
                Direction::Egress => (subjects, peers),
                Direction::Ingress => (peers, subjects),
            };
            found.push(Effect {
                sources,
                destinations,
                connections,
            });
        }
    }
}

/// The cells of `row`, and one for the classes with which nothing may be opened.
fn complete(row: &Row, all: &ClassSet) -> Vec<(Reach, ClassSet)> {
    let reached = ClassSet::union_of(row.cells.iter().map(|(_, classes)| classes));
    let rest = all.difference(&reached);
    row.cells
        .iter()
        .cloned()
        .chain([(Reach::none(), rest)])
        .collect()
}

/// What is decided for certain by `before`, and not in the same way by `after`.
fn lost(before: &Reach, after: &Reach) -> ConnectionSet {
    let allowed = before.allowed.difference(&after.allowed);
    allowed.union(&denied(before).difference(&denied(after)))
}

fn denied(reach: &Reach) -> ConnectionSet {
    reach.allowed.union(&reach.unknown).complement()
}
