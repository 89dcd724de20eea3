//! Whether the connections of a test are as it says.

use std::fmt;

use ringfence_model::{Answer, Cluster, Endpoint, Expected, Outcome, Query, Source};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;
use ringfence_reach::assertion::{Claim, Coverage, Deciding, Question, questions};

use super::oracle::Oracle;
use super::suite::Case;

/// What came of the tests.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) cases: Vec<Judged>,
    /// Tests that were left out because an earlier one failed.
    pub(super) not_judged: usize,
}

/// What came of one test.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) reason: Option<String>,
    /// How many connections were asked about.
    pub(super) asked: usize,
    pub(super) failures: Vec<Failure>,
}

/// Connections that are not as an assertion says, all for one reason.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) expected: Expected,
    /// Where the assertion was written.
    pub(super) place: Option<Source>,
    /// The connections; at least one way.
    pub(super) ways: Vec<Way>,
    /// What became of them, or why nobody can tell.
    pub(super) outcome: Result<Outcome, String>,
    /// What the policies say to the first of them, and why.
    pub(super) answer: Option<Answer>,
}

/// Connections between two ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
    pub(super) connections: ConnectionSet,
}

impl Report {
    pub(super) fn passed(&self) -> bool {
        self.cases.iter().all(Judged::passed)
    }
}

impl Judged {
    pub(super) fn passed(&self) -> bool {
        self.failures.is_empty()
    }
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
        let asked = asked(self.engine.cluster(), case);
        let queries: Vec<Query> = asked
            .iter()
            .map(|asked| asked.question.query.clone())
            .collect();
        let mut failures: Vec<Failure> = Vec::new();
        for (asked, outcome) in asked.iter().zip(self.oracle.ask(&queries)?) {
            let holds = outcome
                .as_ref()
                .is_ok_and(|outcome| Claim::holds(asked.expected, outcome));
            if !holds {
                add(&mut failures, asked.failure(self.engine, outcome));
            }
        }
        self.record(&queries);
        Ok(Judged {
            name: case.name.clone(),
            file: case.file.clone(),
            reason: case.reason.clone(),
            asked: queries.len(),
            failures,
        })
    }

    fn record(&mut self, queries: &[Query]) {
        if let Some(coverage) = &mut self.coverage {
            for answer in queries
                .iter()
                .filter_map(|query| self.engine.answer(query).ok())
            {
                coverage.record(&answer);
            }
        }
    }
}

/// A question and the assertion that it is asked for.
struct Asked<'a> {
    expected: Expected,
    place: Option<&'a Source>,
    question: Question,
}

fn asked<'a>(cluster: &Cluster, case: &'a Case) -> Vec<Asked<'a>> {
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

impl Asked<'_> {
    fn failure(&self, engine: &Engine, outcome: Result<Outcome, String>) -> Failure {
        let Question { query, connections } = &self.question;
        Failure {
            expected: self.expected,
            place: self.place.cloned(),
            ways: vec![Way {
                source: query.source.clone(),
                destination: query.destination.clone(),
                connections: connections.clone(),
            }],
            outcome,
            answer: engine.answer(query).ok(),
        }
    }
}

/// Adds `failure` to one with the same reasons, if there is one.
fn add(failures: &mut Vec<Failure>, failure: Failure) {
    match failures.iter_mut().find(|other| other.is_alike(&failure)) {
        Some(other) => failure.ways.into_iter().for_each(|way| other.add(way)),
        None => failures.push(failure),
    }
}

impl Failure {
    fn is_alike(&self, other: &Self) -> bool {
        let decided = |failure: &Self| failure.answer.as_ref().map(Deciding::of);
        (self.expected, &self.place) == (other.expected, &other.place)
            && self.outcome == other.outcome
            && decided(self) == decided(other)
    }

    fn add(&mut self, way: Way) {
        let same_ends = |other: &&mut Way| {
            (&other.source, &other.destination) == (&way.source, &way.destination)
        };
        match self.ways.iter_mut().find(same_ends) {
            Some(other) => other.connections = other.connections.union(&way.connections),
            None => self.ways.push(way),
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
