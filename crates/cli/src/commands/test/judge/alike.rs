//! Connections that fail for one reason, or are skipped for one, told together. None of it searches: a test may have tens
//! of thousands of them.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Endpoint, Expected, Outcome, Source};
use ringfence_reach::assertion::Deciding;

use super::Way;
use crate::commands::test::report::{Failure, Skipped};

/// Things that are alike as one, in the order in which the first of each came.
#[derive(Debug)]
struct Merged<K, T>(BTreeMap<K, (usize, T)>);

impl<K, T> Default for Merged<K, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, T> Merged<K, T> {
    /// The one of `key`, else `new`.
    fn of(&mut self, key: K, new: impl FnOnce() -> T) -> &mut T {
        let next = self.0.len();
        let (_, found) = self.0.entry(key).or_insert_with(|| (next, new()));
        found
    }

    fn in_order(self) -> impl Iterator<Item = T> {
        let mut all: Vec<(usize, T)> = self.0.into_values().collect();
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, one)| one)
    }
}

/// Ways, one between each two ends.
#[derive(Debug, Default)]
struct Ways(Merged<(Endpoint, Endpoint), Way>);

impl Ways {
    fn add(&mut self, ways: Vec<Way>) {
        for way in ways {
            let ends = (way.source.clone(), way.destination.clone());
            let known = self.0.of(ends, || way.clone());
            known.connections = known.connections.union(&way.connections);
        }
    }

    fn found(self) -> Vec<Way> {
        self.0.in_order().collect()
    }
}

/// What failures of one kind share: the assertion, what became of them, and what of the policies decided it.
type FailureKind = (
    Expected,
    Option<Source>,
    Result<Outcome, String>,
    Option<BTreeSet<Deciding>>,
);

/// The failures of a test.
#[derive(Debug, Default)]
pub(super) struct Failures(Merged<FailureKind, (Failure, Ways)>);

impl Failures {
    pub(super) fn add(&mut self, mut failure: Failure) {
        let kind = (
            failure.expected,
            failure.place.clone(),
            failure.outcome.clone(),
            failure.answer.as_ref().map(Deciding::of),
        );
        let ways = std::mem::take(&mut failure.ways);
        let (_, known) = self.0.of(kind, || (failure, Ways::default()));
        known.add(ways);
    }

    /// One for each reason.
    pub(super) fn found(self) -> Vec<Failure> {
        let all = self.0.in_order();
        all.map(|(failure, ways)| Failure {
            ways: ways.found(),
            ..failure
        })
        .collect()
    }
}

/// What was skipped of a test.
#[derive(Debug, Default)]
pub(super) struct Skips(Merged<(String, Option<Source>), (Skipped, Ways)>);

impl Skips {
    pub(super) fn add(&mut self, mut skipped: Skipped) {
        let kind = (skipped.reason.clone(), skipped.place.clone());
        let ways = std::mem::take(&mut skipped.ways);
        let (_, known) = self.0.of(kind, || (skipped, Ways::default()));
        known.add(ways);
    }

    /// One for each reason.
    pub(super) fn found(self) -> Vec<Skipped> {
        let all = self.0.in_order();
        all.map(|(skipped, ways)| Skipped {
            ways: ways.found(),
            ..skipped
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use ringfence_model::ObjectName;
    use ringfence_net::{ConnectionSet, PortRange, PortSet, Protocol};

    use super::*;

    fn way(source: &str, port: u16) -> Way {
        let end = |name: &str| Endpoint::Pod(ObjectName::new("shop", name));
        Way {
            source: end(source),
            destination: end("web"),
            connections: tcp(port, port),
        }
    }

    fn tcp(first: u16, last: u16) -> ConnectionSet {
        let range = PortRange::new(first, last).unwrap();
        ConnectionSet::of(Protocol::Tcp, PortSet::from_range(range))
    }

    fn skipped(reason: &str, way: Way) -> Skipped {
        Skipped {
            reason: reason.to_owned(),
            place: None,
            ways: vec![way],
        }
    }

    fn failure(outcome: Outcome, way: Way) -> Failure {
        Failure {
            expected: Expected::Allow,
            place: None,
            ways: vec![way],
            outcome: Ok(outcome),
            answer: None,
        }
    }

    #[test]
    fn what_is_alike_is_told_once_in_the_order_of_its_first() {
        let mut all = Skips::default();
        for (reason, source, port) in [
            ("no route", "z", 1),
            ("asleep", "b", 1),
            ("no route", "a", 1),
            ("no route", "z", 2),
        ] {
            all.add(skipped(reason, way(source, port)));
        }
        let found = all.found();
        let reasons: Vec<&str> = found.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(reasons, ["no route", "asleep"]);
        let both = Way {
            connections: tcp(1, 2),
            ..way("z", 1)
        };
        assert_eq!(found[0].ways, [both, way("a", 1)]);
    }

    #[test]
    fn failures_of_other_outcomes_are_other_failures() {
        let mut all = Failures::default();
        for (outcome, port) in [
            (Outcome::Partial, 1),
            (Outcome::Deny, 2),
            (Outcome::Partial, 3),
        ] {
            all.add(failure(outcome, way("a", port)));
        }
        let found = all.found();
        let told = found
            .iter()
            .map(|one| (one.outcome.clone(), one.ways.len()));
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(Ok(Outcome::Partial), 1), (Ok(Outcome::Deny), 1)]);
    }
}
