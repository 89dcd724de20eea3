//! Whether the connections of a test are as it says.

mod alike;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use ringfence_model::{Cluster, Endpoint, Expected, Outcome, Query, Source};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;
use ringfence_reach::assertion::{Claim, Coverage, Deciding, Question, questions};

use super::oracle::{Oracle, Verdict};
use super::report::{Failure, Judged, Skipped};
use super::suite::Case;
use crate::threads::map_in_lots;
use alike::{Failures, Skips};

/// Connections between two ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
    pub(super) connections: ConnectionSet,
}

/// Whoever judges tests.
pub(super) struct Judge<'a> {
    /// What the policies say, and why.
    pub(super) engine: &'a Engine,
    /// Who is asked.
    pub(super) oracle: Box<dyn Oracle + 'a>,
    /// What of the policies has decided a connection, if that is to be known.
    pub(super) coverage: Option<Coverage>,
}

impl Judge<'_> {
    /// Asks about every connection of `case`.
    pub(super) fn judge(&mut self, case: &Case) -> anyhow::Result<Judged> {
        let started = Instant::now();
        let asked = asked(self.engine.cluster(), case);
        let queries: Vec<Query> = asked
            .iter()
            .map(|asked| asked.question.query.clone())
            .collect();
        let (mut failures, mut skipped) = (Failures::default(), Skips::default());
        let verdicts = self.oracle.ask(&queries)?;
        let judged: Vec<(&Asked<'_>, Verdict)> = asked.iter().zip(verdicts).collect();
        let (engine, covers) = (self.engine, self.coverage.is_some());
        let found = map_in_lots(&judged, |(asked, verdict)| {
            let finding = asked.finding(engine, verdict);
            let decided = covers.then(|| asked.decided(engine, finding.as_ref()));
            (finding, decided)
        });
        for (finding, decided) in found {
            match finding {
                Some(Finding::Failure(failure)) => failures.add(failure),
                Some(Finding::Skipped(skip)) => skipped.add(skip),
                None => {}
            }
            if let (Some(coverage), Some(decided)) = (&mut self.coverage, decided) {
                coverage.record(decided);
            }
        }
        Ok(Judged {
            name: case.name.clone(),
            file: case.file.clone(),
            reason: case.reason.clone(),
            asked: queries.len(),
            failures: failures.found(),
            skipped: skipped.found(),
            seconds: started.elapsed().as_secs_f64(),
        })
    }
}

/// A question and the assertion that it is asked for.
pub(super) struct Asked<'a> {
    pub(super) expected: Expected,
    pub(super) place: Option<&'a Source>,
    pub(super) question: Question,
}

/// All that `case` asks.
pub(super) fn asked<'a>(cluster: &Cluster, case: &'a Case) -> Vec<Asked<'a>> {
    let mut found = Vec::new();
    for assertion in &case.assertions {
        for claim in &assertion.claims {
            found.extend(questions(cluster, claim).into_iter().map(|question| Asked {
                expected: assertion.expected,
                place: assertion.source.as_ref(),
                question,
            }));
        }
    }
    found
}

/// What is to be told of a connection.
enum Finding {
    Failure(Failure),
    Skipped(Skipped),
}

impl Asked<'_> {
    fn finding(&self, engine: &Engine, verdict: &Verdict) -> Option<Finding> {
        let failure = |outcome| Some(Finding::Failure(self.failure(engine, outcome)));
        match verdict {
            Verdict::Found(outcome) if Claim::holds(self.expected, outcome) => None,
            Verdict::Found(outcome) => failure(Ok(outcome.clone())),
            Verdict::NoAnswer(reason) => failure(Err(reason.clone())),
            Verdict::Skipped(reason) => Some(Finding::Skipped(self.skipped(reason.clone()))),
        }
    }

    fn failure(&self, engine: &Engine, outcome: Result<Outcome, String>) -> Failure {
        Failure {
            expected: self.expected,
            place: self.place.cloned(),
            ways: vec![self.way()],
            outcome,
            answer: engine.answer(&self.question.query).ok(),
        }
    }

    /// What of the policies decides, with `finding` what is to be told of it.
    fn decided(&self, engine: &Engine, finding: Option<&Finding>) -> BTreeSet<Deciding> {
        match finding {
            Some(Finding::Failure(failure)) => failure.answer.as_ref().map(Deciding::of),
            Some(Finding::Skipped(_)) | None => {
                let answer = engine.answer(&self.question.query).ok();
                answer.as_ref().map(Deciding::of)
            }
        }
        .unwrap_or_default()
    }

    fn skipped(&self, reason: String) -> Skipped {
        Skipped {
            reason,
            place: self.place.cloned(),
            ways: vec![self.way()],
        }
    }

    fn way(&self) -> Way {
        let Question { query, connections } = &self.question;
        Way {
            source: query.source.clone(),
            destination: query.destination.clone(),
            connections: connections.clone(),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} -> {} {}",
            self.source, self.destination, self.connections
        )
    }
}
