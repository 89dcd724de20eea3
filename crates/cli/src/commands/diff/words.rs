//! Words for changes, the same in every form of output.

mod doubts;
mod groups;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Answer, Because, DirectionDecision};
use ringfence_reach::diff::{Change, Difference, Kind, Shown};
use ringfence_reach::workload::Unit;

use super::gate::{Allowance, Judged, Mark};
use super::one::{One, changes, of_kind};
use crate::commands::matrix::reason::{Line, one_line, told as told_reason};
use crate::commands::matrix::view::{Names, flow};
pub(super) use doubts::{DOUBTS, doubts};
pub(crate) use groups::Extent;
pub(super) use groups::grouped;

/// A part of a report.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) title: &'static str,
    /// The units that are new or gone, if the section is about such.
    pub(super) units: Vec<&'a Unit>,
    pub(super) changes: Vec<One<'a>>,
}

impl Section<'_> {
    /// Its title, with the units that it is about.
    pub(super) fn heading(&self, names: &Names) -> String {
        let units: Vec<String> = self.units.iter().map(|unit| names.of_unit(unit)).collect();
        if units.is_empty() {
            self.title.to_owned()
        } else {
            format!("{}: {}", self.title, units.join(", "))
        }
    }

    /// Whether any of its changes is one that a gate judges.
    pub(super) fn has_more_access(&self) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|one| one.change.kind.is_more())
    }
}

/// Of workloads that policies do not bind any more (rules NP-53, CN-2).
pub(super) const UNBOUND: &str = "On the network of its node now, where no policy holds it";

/// Of workloads that were there and are not any more.
const BOUND: &str = "Not on the network of its node any more";

/// The report in the order in which it is read, without empty sections.
pub(super) fn sections(difference: &Difference) -> Vec<Section<'_>> {
    let lasting =
        |one: &One<'_>| !touches(one, &difference.added) && !touches(one, &difference.removed);
    let of_kinds = Kind::ALL.into_iter().map(|kind| Section {
        title: title(kind),
        units: Vec::new(),
        changes: of_kind(difference, kind).filter(lasting).collect(),
    });
    let unbound: BTreeSet<&Unit> = difference.unbound.keys().collect();
    let (moved, removed) = difference
        .removed
        .iter()
        .partition(|unit| unbound.contains(unit));
    let added = difference.added.iter().collect();
    let moved = Section {
        units: difference.unbound.keys().collect(),
        ..one_sided(difference, UNBOUND, &moved)
    };
    let new = one_sided(difference, "New", &added);
    let gone = one_sided(difference, "Gone", &removed);
    let bound = Section {
        title: BOUND,
        units: difference.bound.iter().collect(),
        changes: Vec::new(),
    };
    let sections = std::iter::once(moved).chain(of_kinds);
    let sections = sections.chain([new, gone, bound]);
    sections
        .filter(|section| !section.units.is_empty() || !section.changes.is_empty())
        .collect()
}

fn one_sided<'a>(
    difference: &'a Difference,
    title: &'static str,
    units: &BTreeSet<&'a Unit>,
) -> Section<'a> {
    let touches = |one: &One<'_>| {
        let (source, destination) = one.pair.units();
        units.contains(source) || units.contains(destination)
    };
    let changes = changes(difference).filter(|one| !units.is_empty() && touches(one));
    Section {
        title,
        units: units.iter().copied().collect(),
        changes: changes.collect(),
    }
}

fn touches(one: &One<'_>, units: &BTreeSet<Unit>) -> bool {
    let (source, destination) = one.pair.units();
    !units.is_empty() && (units.contains(source) || units.contains(destination))
}

pub(super) const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Opened => "Newly allowed",
        Kind::MayOpen => "Perhaps newly allowed",
        Kind::Closed => "Newly denied",
        Kind::MayClose => "Perhaps newly denied",
    }
}

/// Changes in words, which are the same but for their ends.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) sources: Vec<String>,
    pub(super) destinations: Vec<String>,
    /// A connection to try, if there was a cluster to ask.
    pub(super) example: Option<String>,
    pub(super) what: What,
}

/// What is the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct What {
    pub(super) kind: Kind,
    pub(super) ports: String,
    /// What decided before; empty if nobody was there to be asked.
    pub(super) before: Vec<String>,
    /// What decides now; likewise.
    pub(super) after: Vec<String>,
    /// What the gate says.
    pub(super) mark: Option<String>,
    /// Whether the gate refuses it.
    pub(super) is_refused: bool,
}

/// One change in words, without its ends.
fn what(one: One<'_>, judged: Option<&Judged>) -> What {
    let (before, after) = reasons(one.change);
    let mark = judged.and_then(|judged| judged.mark(one));
    What {
        kind: one.change.kind,
        ports: ports(one.change),
        before,
        after,
        mark: mark.map(|mark| mark.words_on(one.change)),
        is_refused: matches!(mark, Some(Mark::Refused(_))),
    }
}

pub(super) fn told(names: &Names, one: One<'_>, judged: Option<&Judged>) -> Told {
    Told {
        sources: vec![names.of_unit(&one.pair.source)],
        destinations: vec![names.of_unit(&one.pair.destination)],
        example: example(one.change),
        what: what(one, judged),
    }
}

/// `some tcp/80, from 2026-12-01T00:00:00Z on`.
pub(super) fn ports(change: &Change) -> String {
    let partial = if change.partial { "some " } else { "" };
    let from = change.from.map(|from| format!(", from {from} on"));
    format!(
        "{partial}{}{}",
        change.connections,
        from.unwrap_or_default()
    )
}

/// Where another pod had to stand in for one that is on one side only, both connections.
fn example(change: &Change) -> Option<String> {
    let flow = |shown: &Shown| flow(&shown.query);
    match (&change.before, &change.after) {
        (Some(before), Some(after)) if before.query != after.query => {
            Some(format!("{}, before {}", flow(after), flow(before)))
        }
        (_, Some(shown)) | (Some(shown), None) => Some(flow(shown)),
        (None, None) => None,
    }
}

/// What decided on each side, in words.
fn reasons(change: &Change) -> (Vec<String>, Vec<String>) {
    let (before, after) = deciding(change);
    let lines = |decisions: Option<Vec<DirectionDecision>>| match decisions.as_deref() {
        None => Vec::new(),
        Some([]) => vec!["no policy isolates either end".to_owned()],
        Some(decisions) => decisions.iter().map(one_line).collect(),
    };
    (lines(before), lines(after))
}

/// The policies and rules that decide now, if somebody was there to be asked.
pub(super) fn deciding_lines(change: &Change) -> Vec<Line> {
    let (_, after) = deciding(change);
    let decisions = after.into_iter().flatten();
    decisions
        .flat_map(|decision| told_reason(&decision).lines)
        .collect()
}

/// What decided on each side: of both the directions that turned, of one side alone those that policy has a say in.
/// `None` where nobody was there to be asked.
fn deciding(
    change: &Change,
) -> (
    Option<Vec<DirectionDecision>>,
    Option<Vec<DirectionDecision>>,
) {
    let decisions = |shown: &Option<Shown>| shown.as_ref().map(|shown| decisions(&shown.answer));
    let (before, after) = (decisions(&change.before), decisions(&change.after));
    let both = || before.iter().flatten().zip(after.iter().flatten());
    let turned: Vec<_> = both()
        .filter(|(one, other)| one.verdict != other.verdict)
        .map(|(one, other)| (one.clone(), other.clone()))
        .collect();
    if turned.is_empty() {
        return (before.map(with_a_say), after.map(with_a_say));
    }
    let (before, after) = turned.into_iter().unzip();
    (Some(before), Some(after))
}

fn decisions(answer: &Answer) -> Vec<DirectionDecision> {
    let connections = answer.connections.iter();
    connections
        .flat_map(|connection| [connection.egress.clone(), connection.ingress.clone()])
        .collect()
}

fn with_a_say(mut decisions: Vec<DirectionDecision>) -> Vec<DirectionDecision> {
    decisions.retain(|decision| match decision.because {
        Because::NotIsolated | Because::NoSubject => false,
        Because::Loopback
        | Because::Host(_)
        | Because::OwnAddress
        | Because::ClusterRule(_)
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::NoRuleMatched { .. }
        | Because::AddressUnknown { .. } => true,
    });
    decisions
}

/// `shop/web is on the network of its node now: no policy holds it (not permitted)`.
pub(super) fn unbound(names: &Names, unit: &Unit, judged: &Judged) -> String {
    let mark = judged.unbound(unit);
    let mark = mark.map(|mark| format!(" ({})", mark.words()));
    format!(
        "{} is on the network of its node now: no policy holds it{}",
        names.of_unit(unit),
        mark.unwrap_or_default()
    )
}

/// That nothing needs `allowance`, and where it is written.
pub(super) fn unused(allowance: &Allowance) -> String {
    let place = allowance.source.as_ref();
    let place = place.map_or_else(String::new, |source| format!(", {source}"));
    format!("unused and may be taken out: {allowance}{place}")
}

/// The names of all units of a report.
pub(super) fn names(difference: &Difference) -> Names {
    let ends = difference.pairs.iter();
    let ends = ends.flat_map(|pair| [&*pair.source, &*pair.destination]);
    let ends: BTreeMap<*const Unit, &Unit> = ends.map(|unit| (&raw const *unit, unit)).collect();
    let units = difference.added.iter().chain(&difference.removed);
    let units = units.chain(difference.unbound.keys());
    let units = units.chain(&difference.bound);
    let doubtful = difference.doubts.iter().flat_map(|doubt| &doubt.units);
    let units = units.chain(doubtful);
    Names::of(ends.into_values().chain(units))
}

/// `2 pairs newly allowed, 1 pair newly denied; new: shop/cache`.
pub(super) fn summary(difference: &Difference, names: &Names) -> String {
    if difference.is_empty() {
        return "no difference".to_owned();
    }
    let sections = sections(difference);
    let kinds: Vec<String> = sections
        .iter()
        .filter(|section| section.units.is_empty())
        .map(count)
        .collect();
    let units = sections.iter().filter(|section| !section.units.is_empty());
    let units = units.map(|section| {
        let heading = section.heading(names);
        let (first, rest) = heading.split_at_checked(1).unwrap_or((&heading, ""));
        format!("{}{rest}", first.to_lowercase())
    });
    let doubts = match difference.doubts.len() {
        0 => None,
        1 => Some("1 change cannot be judged".to_owned()),
        count => Some(format!("{count} changes cannot be judged")),
    };
    let parts = (!kinds.is_empty())
        .then(|| kinds.join(", "))
        .into_iter()
        .chain(doubts)
        .chain(units);
    parts.collect::<Vec<_>>().join("; ")
}

fn count(section: &Section<'_>) -> String {
    let changes = section.changes.iter();
    let mut pairs: Vec<_> = changes.map(|one| one.place).collect();
    // They are in order.
    pairs.dedup();
    let noun = if pairs.len() == 1 { "pair" } else { "pairs" };
    format!("{} {noun} {}", pairs.len(), section.title.to_lowercase())
}
