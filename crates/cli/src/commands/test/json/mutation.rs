//! Mistakes, and who notices them.

use ringfence_model::{Outcome, Query, Source};
use ringfence_reach::assertion::{Fate, Missed, Tried};
use serde::Serialize;

use crate::commands::test::mutation::Trial;
use crate::commands::test::suggestion::{Suggested, port};

#[derive(Debug, Serialize)]
pub(super) struct Mistakes<'a> {
    /// Hundredths of those that matter.
    score: usize,
    least: Option<usize>,
    noticed: usize,
    missed: usize,
    equivalent: usize,
    unobservable: usize,
    /// Connections that are not as their tests say without any mistake.
    left_out: usize,
    mutants: Vec<Mutant<'a>>,
}

#[derive(Debug, Serialize)]
struct Mutant<'a> {
    policy: String,
    change: String,
    source: Option<&'a Source>,
    /// `noticed`, `missed`, `equivalent` or `unobservable`.
    fate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    noticed_by: Option<Noticer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<Witness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<Suggestion>,
}

#[derive(Debug, Serialize)]
struct Noticer<'a> {
    test: &'a str,
    assertion: Option<&'a Source>,
}

#[derive(Debug, Serialize)]
struct Witness {
    from: String,
    to: String,
    port: String,
    before: &'static str,
    after: Option<&'static str>,
}

/// A test that would notice.
#[derive(Debug, Serialize)]
struct Suggestion {
    expected: &'static str,
    from: String,
    to: String,
    ports: String,
    /// Ready to be put under `tests`.
    yaml: String,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(trial: &'a Trial, least: Option<usize>) -> Self {
        let found = &trial.mutations;
        Self {
            score: found.percent(),
            least,
            noticed: found.noticed(),
            missed: found.missed().count(),
            equivalent: found.harmless(),
            unobservable: found.unobservable(),
            left_out: trial.left_out,
            mutants: found
                .tried
                .iter()
                .map(|tried| mutant(trial, tried))
                .collect(),
        }
    }
}

fn mutant<'a>(trial: &'a Trial, tried: &'a Tried) -> Mutant<'a> {
    let (noticed_by, missed) = match &tried.fate {
        Fate::Noticed { by } => (trial.origins.get(*by), None),
        Fate::Missed(missed) => (None, Some(missed.as_ref())),
        Fate::Harmless | Fate::Unobservable => (None, None),
    };
    Mutant {
        policy: tried.mutant.policy.to_string(),
        change: tried.mutant.change(),
        source: tried.mutant.source.as_ref(),
        fate: fate(&tried.fate),
        noticed_by: noticed_by.map(|origin| Noticer {
            test: &origin.test,
            assertion: origin.place.as_ref(),
        }),
        witness: missed.map(witness),
        suggestion: missed.map(|missed| suggestion(&Suggested::from(&missed.suggestion))),
    }
}

const fn fate(fate: &Fate) -> &'static str {
    match fate {
        Fate::Noticed { .. } => "noticed",
        Fate::Missed(_) => "missed",
        Fate::Harmless => "equivalent",
        Fate::Unobservable => "unobservable",
    }
}

fn witness(missed: &Missed) -> Witness {
    let Query {
        source,
        destination,
        protocol,
        port: number,
    } = &missed.witness;
    Witness {
        from: source.to_string(),
        to: destination.to_string(),
        port: port(*protocol, *number),
        before: outcome(&missed.before),
        after: missed.after.as_ref().map(outcome),
    }
}

fn suggestion(suggested: &Suggested) -> Suggestion {
    Suggestion {
        expected: super::expected(suggested.expected),
        from: suggested.from.clone(),
        to: suggested.to.clone(),
        ports: suggested.ports.clone(),
        yaml: suggested.to_string(),
    }
}

pub(super) const fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny",
        Outcome::Partial => "partial",
        Outcome::NoEndpoints => "no-endpoints",
        Outcome::Unknown { .. } => "unknown",
    }
}
