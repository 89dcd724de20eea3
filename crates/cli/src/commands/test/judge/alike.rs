//! Connections that fail for one reason, or are skipped for one, told together. None of it searches: a test may have tens
//! of thousands of them.

use std::collections::BTreeSet;

use ringfence_model::{Endpoint, Expected, Outcome, Source};
use ringfence_net::ConnectionSet;
use ringfence_reach::assertion::Deciding;

use super::Way;
use crate::commands::test::report::{Failure, Skipped};
use crate::merged::Merged;

/// Ways, one between each two ends.
#[derive(Debug, Default)]
struct Ways(Merged<(Endpoint, Endpoint), ConnectionSet>);

impl Ways {
    fn add(&mut self, ways: impl IntoIterator<Item = Way>) {
        for way in ways {
            let ends = (way.source, way.destination);
            let connections = self.0.of(ends, ConnectionSet::none);
            *connections = connections.union(&way.connections);
        }
    }

    fn found(self) -> Vec<Way> {
        let all = self.0.in_order();
        all.map(|((source, destination), connections)| Way {
            source,
            destination,
            connections,
        })
        .collect()
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
    /// `decided` is what of the policies decided it.
    pub(super) fn add(&mut self, mut failure: Failure, decided: Option<BTreeSet<Deciding>>) {
        let kind = (
            failure.expected,
            failure.place.clone(),
            failure.outcome.clone(),
            decided,
        );
        let ways = std::mem::take(&mut failure.ways);
        let (_, known) = self.0.of(kind, || (failure, Ways::default()));
        known.add(ways);
    }

    /// Adds what came later.
    pub(super) fn merge(&mut self, later: Self) {
        for (kind, (failure, ways)) in later.0.in_order() {
            let (_, known) = self.0.of(kind, || (failure, Ways::default()));
            known.add(ways.found());
        }
    }

    /// One for each reason.
    pub(super) fn found(self) -> Vec<Failure> {
        let all = self.0.in_order();
        all.map(|(_, (failure, ways))| Failure {
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

    /// Adds what came later.
    pub(super) fn merge(&mut self, later: Self) {
        for (kind, (skipped, ways)) in later.0.in_order() {
            let (_, known) = self.0.of(kind, || (skipped, Ways::default()));
            known.add(ways.found());
        }
    }

    /// One for each reason.
    pub(super) fn found(self) -> Vec<Skipped> {
        let all = self.0.in_order();
        all.map(|(_, (skipped, ways))| Skipped {
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
        for (outcome, port) in [(Outcome::Partial, 1), (Outcome::Deny, 2)] {
            all.add(failure(outcome, way("a", port)), None);
        }
        let mut later = Failures::default();
        for (outcome, port) in [(Outcome::NoEndpoints, 4), (Outcome::Partial, 3)] {
            later.add(failure(outcome, way("a", port)), None);
        }
        all.merge(later);
        let found = all.found();
        let told = found
            .iter()
            .map(|one| (one.outcome.clone(), one.ways.len()));
        let told: Vec<_> = told.collect();
        let outcomes = [Outcome::Partial, Outcome::Deny, Outcome::NoEndpoints];
        assert_eq!(told, outcomes.map(|outcome| (Ok(outcome), 1)));
        let both = tcp(1, 1).union(&tcp(3, 3));
        assert_eq!(found[0].ways[0].connections, both);
    }
}
