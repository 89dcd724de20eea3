//! Whether the connections of a test are as it says.

mod alike;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use ringfence_model::{Answer, Cluster, Endpoint, Expected, Outcome, Query, Source};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;
use ringfence_reach::assertion::{Claim, Coverage, Deciding, Question, questions};

use super::oracle::{Oracle, Verdict};
use super::report::{Failure, Judged, Skipped};
use super::suite::Case;
use crate::inputs::resolve::leave_open;
use crate::threads::{map_in_lots, map_lots};
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
    /// Who is asked; nobody where the policies themselves judge.
    pub(super) oracle: Option<Box<dyn Oracle + 'a>>,
    /// What of the policies has decided a connection, if that is to be known.
    pub(super) coverage: Option<Coverage>,
}

impl Judge<'_> {
    /// Asks about every connection of `case`.
    pub(super) fn judge(&mut self, case: &Case) -> anyhow::Result<Judged> {
        let started = Instant::now();
        let asked = asked(self.engine.cluster(), case);
        let verdicts = self.verdicts(&asked)?;
        let judged: Vec<(&Asked<'_>, Option<Verdict>)> = asked.iter().zip(verdicts).collect();
        let (engine, covers) = (self.engine, self.coverage.is_some());
        let mut all = Findings::default();
        for found in map_lots(&judged, |lot| Findings::of(lot, engine, covers)) {
            all.merge(found);
        }
        if let Some(coverage) = &mut self.coverage {
            coverage.record(&all.decided);
        }
        Ok(Judged {
            name: case.name.clone(),
            file: case.file.clone(),
            reason: case.reason.clone(),
            asked: asked.len(),
            failures: all.failures.found(),
            skipped: all.skipped.found(),
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// What the oracle says, if there is one.
    fn verdicts(&mut self, asked: &[Asked<'_>]) -> anyhow::Result<Vec<Option<Verdict>>> {
        let Some(oracle) = &mut self.oracle else {
            return Ok(vec![None; asked.len()]);
        };
        let queries = asked.iter().map(|asked| asked.question.query.clone());
        let queries: Vec<Query> = queries.collect();
        Ok(oracle.ask(&queries)?.into_iter().map(Some).collect())
    }
}

/// What is to be told of connections.
#[derive(Default)]
struct Findings {
    failures: Failures,
    skipped: Skips,
    /// What of the policies has decided them, if that is to be known.
    decided: BTreeSet<Deciding>,
}

impl Findings {
    fn of(judged: &[(&Asked<'_>, Option<Verdict>)], engine: &Engine, covers: bool) -> Self {
        let mut found = Self::default();
        for (asked, verdict) in judged {
            found.add(asked, verdict.clone(), engine, covers);
        }
        found
    }

    fn add(&mut self, asked: &Asked<'_>, verdict: Option<Verdict>, engine: &Engine, covers: bool) {
        let (verdict, answer) = match verdict {
            Some(verdict) => (verdict, None),
            None => asked.own_verdict(engine),
        };
        let refuted = match verdict {
            Verdict::Found(outcome) if Claim::holds(asked.expected, &outcome) => None,
            Verdict::Found(outcome) => Some(Ok(outcome)),
            Verdict::NoAnswer(reason) => Some(Err(reason)),
            Verdict::Skipped(reason) => {
                self.skipped.add(asked.skipped(reason));
                None
            }
        };
        if refuted.is_none() && !covers {
            return;
        }
        let answer = answer.or_else(|| engine.answer(&asked.question.query).ok());
        let decided = answer.as_ref().map(Deciding::of);
        if covers {
            let decided = decided.iter().flatten();
            let new = decided
                .filter(|part| !self.decided.contains(*part))
                .cloned();
            let new: Vec<Deciding> = new.collect();
            self.decided.extend(new);
        }
        if let Some(outcome) = refuted {
            self.failures.add(asked.failure(outcome, answer), decided);
        }
    }

    /// Puts what was found of later connections behind.
    fn merge(&mut self, later: Self) {
        self.failures.merge(later.failures);
        self.skipped.merge(later.skipped);
        self.decided.extend(later.decided);
    }
}

/// Why nobody can tell, where a pod does not exist yet (rule NP-34).
pub(super) fn depends_on(missing: &str) -> String {
    format!(
        "{missing} are not known, and rules name some: give the pod, or its workload, with its ports"
    )
}

/// A question and the assertion that it is asked for.
pub(super) struct Asked<'a> {
    pub(super) expected: Expected,
    pub(super) place: Option<&'a Source>,
    pub(super) question: Question,
}

/// All that `case` asks.
pub(super) fn asked<'a>(cluster: &Cluster, case: &'a Case) -> Vec<Asked<'a>> {
    let assertions = case.assertions.iter();
    let claims = assertions.flat_map(|assertion| {
        let claims = assertion.claims.iter();
        claims.map(move |claim| (assertion, claim))
    });
    let claims: Vec<_> = claims.collect();
    let asked = map_in_lots(&claims, |(assertion, claim)| {
        let asked = questions(cluster, claim).into_iter();
        let asked = asked.map(|question| Asked {
            expected: assertion.expected,
            place: assertion.source.as_ref(),
            question,
        });
        asked.collect::<Vec<Asked<'_>>>()
    });
    asked.into_iter().flatten().collect()
}

impl Asked<'_> {
    /// What the policies say, and why if they say something.
    fn own_verdict(&self, engine: &Engine) -> (Verdict, Option<Answer>) {
        match engine.answer(&self.question.query) {
            Ok(mut answer) => match leave_open(engine, &self.question.query, &mut answer) {
                Some(missing) => (Verdict::NoAnswer(depends_on(&missing)), Some(answer)),
                None => (Verdict::Found(answer.outcome.clone()), Some(answer)),
            },
            Err(error) => (Verdict::NoAnswer(error.to_string()), None),
        }
    }

    fn failure(&self, outcome: Result<Outcome, String>, answer: Option<Answer>) -> Failure {
        Failure {
            expected: self.expected,
            place: self.place.cloned(),
            ways: vec![self.way()],
            outcome,
            answer,
        }
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
