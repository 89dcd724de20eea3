//! What measuring brings in, and what becomes of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::Endpoint;
use ringfence_net::ConnectionSet;
use ringfence_policy::{Engine, SharedFamily};

use super::acceptance::Acceptances;
use super::workload::Workloads;
use super::worst::Judged;
use super::{Finding, Gap, GapKind, Measured, Principle, Severity, Shown};
use crate::matrix::{Ends, judged};
use crate::workload::Unit;

/// For whom each principle was measured, and what is open.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    units: BTreeMap<Principle, BTreeMap<Unit, Vec<Found>>>,
    /// Who is on the network of nodes, where no policy holds anybody.
    on_hosts: BTreeMap<Principle, BTreeSet<Unit>>,
    /// The family that is being looked at.
    shared: SharedFamily,
}

/// What is open in a family.
#[derive(Clone, Debug)]
struct Found {
    open: Open,
    shared: SharedFamily,
}

/// Something that is open, with two ends that show it.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) kind: GapKind,
    pub(super) is_certain: bool,
    pub(super) connections: ConnectionSet,
    /// Source and destination; `None` for what is no connection.
    pub(super) ends: Option<(Endpoint, Endpoint)>,
}

impl Gathered {
    /// What is said to be open from now on is so in this family.
    pub(super) fn look_at(&mut self, shared: SharedFamily) {
        self.shared = shared;
    }

    /// Says that `principle` is measured for `unit`. It holds unless something is [`Gathered::open`].
    pub(super) fn measured(&mut self, principle: Principle, unit: &Unit) {
        let units = self.units.entry(principle).or_default();
        if !units.contains_key(unit) {
            units.insert(unit.clone(), Vec::new());
        }
    }

    /// Says that something is open. Of each kind what is certain is kept, and of that the first.
    pub(super) fn open(&mut self, principle: Principle, unit: &Unit, open: Open) {
        self.measured(principle, unit);
        let found = self.units.entry(principle).or_default().get_mut(unit);
        let Some(found) = found else {
            return;
        };
        let shared = self.shared;
        let is_like = |other: &&mut Found| other.open.kind.is_like(&open.kind);
        match found.iter_mut().find(is_like) {
            Some(other) if open.is_certain && !other.open.is_certain => {
                *other = Found { open, shared };
            }
            Some(_) => {}
            None => found.push(Found { open, shared }),
        }
    }

    /// Whether something that is said to be open for `unit` is like this.
    pub(super) fn has(
        &self,
        principle: Principle,
        unit: &Unit,
        is_like: impl Fn(&Open) -> bool,
    ) -> bool {
        let found = self.units.get(&principle).and_then(|units| units.get(unit));
        found.is_some_and(|found| found.iter().any(|found| is_like(&found.open)))
    }

    /// Says that no policy can make `principle` hold for `unit`. It counts as open, and is no finding of its own.
    pub(super) fn on_hosts(&mut self, principle: Principle, unit: &Unit) {
        let units = self.on_hosts.entry(principle).or_default();
        units.insert(unit.clone());
    }

    pub(super) fn into_measured(
        self,
        engine: &Engine,
        workloads: &Workloads,
        acceptances: &Acceptances,
    ) -> Vec<Measured> {
        let (mut units, mut on_hosts) = (self.units, self.on_hosts);
        let of_principle = |principle: Principle| {
            let units = units.remove(&principle).unwrap_or_default();
            let mut on_hosts = on_hosts.remove(&principle).unwrap_or_default();
            on_hosts.retain(|unit| units.get(unit).is_none_or(Vec::is_empty));
            let closed = units.iter().filter(|(_, open)| open.is_empty());
            let holds = closed.filter(|(unit, _)| !on_hosts.contains(*unit)).count();
            let worst = Judged {
                principle,
                open: &opened(&units),
                on_hosts: &on_hosts,
            };
            let worst = worst.worst();
            let open = units.into_iter().filter(|(_, open)| !open.is_empty());
            let findings = open.map(|(unit, open)| {
                let source = workloads.source(engine.cluster(), &unit);
                let gaps = gaps(engine, open);
                Finding {
                    principle,
                    severity: severity(principle, &gaps),
                    accepted: acceptances.get(source.as_ref(), principle),
                    source,
                    gaps,
                    unit,
                }
            });
            let mut findings: Vec<Finding> = findings.collect();
            findings.sort_by_cached_key(order);
            Measured {
                principle,
                holds,
                on_hosts: on_hosts.len(),
                worst,
                findings,
            }
        };
        Principle::ALL.into_iter().map(of_principle).collect()
    }
}

fn opened(units: &BTreeMap<Unit, Vec<Found>>) -> BTreeMap<&Unit, Vec<&Open>> {
    let units = units.iter();
    let open = units.map(|(unit, found)| (unit, found.iter().map(|found| &found.open).collect()));
    open.collect()
}

/// The worst first.
fn order(finding: &Finding) -> impl Ord + use<> {
    let open = finding.gaps.len();
    let worst = (finding.severity, finding.is_certain(), open);
    (
        finding.accepted.is_some(),
        Reverse(worst),
        finding.unit.clone(),
    )
}

/// What is certain counts; only where nothing is, what is not.
fn severity(principle: Principle, gaps: &[Gap]) -> Severity {
    let certain = gaps.iter().filter(|gap| gap.is_certain);
    let worst = certain.map(|gap| gap.kind.severity(principle)).max();
    worst.unwrap_or(Severity::Medium)
}

fn gaps(engine: &Engine, found: Vec<Found>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = found.into_iter().map(|found| gap(engine, found)).collect();
    gaps.sort_by(|a, b| (!a.is_certain, &a.kind).cmp(&(!b.is_certain, &b.kind)));
    gaps
}

fn gap(engine: &Engine, Found { open, shared }: Found) -> Gap {
    let shown = open.ends.and_then(|(source, destination)| {
        let ends = Ends {
            engine,
            source: &source,
            destination: &destination,
            shared,
        };
        let [judged] = judged([ends], &open.connections);
        judged.map(|(query, answer)| Shown { query, answer })
    });
    Gap {
        kind: open.kind,
        is_certain: open.is_certain,
        connections: open.connections,
        shown,
    }
}
