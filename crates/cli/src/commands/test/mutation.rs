//! Mistakes in the policies, each made once: would a test notice?

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use ringfence_model::{Expected, Query, Source};
use ringfence_policy::Engine;
use ringfence_reach::assertion::{Claim, Mutant, Mutations, mutants, mutate};

use super::judge::asked;
use super::suite::Case;
use crate::paint;
use crate::threads::map_in_lots;

/// What came of the mistakes.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) mutations: Mutations,
    /// For each connection that was asked about, by whom.
    pub(super) origins: Vec<Origin>,
    /// Connections that are not as their tests say without any mistake, and notice none.
    pub(super) left_out: usize,
}

/// Who asks about a connection.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The name of the test.
    pub(super) test: String,
    /// Where the assertion was written.
    pub(super) place: Option<Source>,
}

/// Makes every mistake in the policies of `engine` and asks what `cases` ask.
pub(super) fn trial(engine: &Engine, cases: &[&Case]) -> Trial {
    let (mut questions, mut origins, mut left_out) = (Vec::new(), Vec::new(), 0);
    let asked = cases.iter().flat_map(|case| of_case(engine, case));
    let asked: Vec<((Expected, Query), Origin)> = asked.collect();
    let holding = map_in_lots(&asked, |(question, _)| holds(engine, question));
    for ((question, origin), holds) in asked.into_iter().zip(holding) {
        if holds {
            questions.push(question);
            origins.push(origin);
        } else {
            left_out += 1;
        }
    }
    let mutants: Vec<Mutant> = mutants(engine.cluster()).collect();
    let mut progress = Progress::new(mutants.len());
    let mutations = mutate(engine.cluster(), &questions, mutants, || progress.step());
    progress.end();
    Trial {
        mutations,
        origins,
        left_out,
    }
}

fn of_case<'a>(
    engine: &'a Engine,
    case: &'a Case,
) -> impl Iterator<Item = ((Expected, Query), Origin)> + 'a {
    let asked = asked(engine.cluster(), case).into_iter();
    asked.map(|asked| {
        let origin = Origin {
            test: case.name.clone(),
            place: asked.place.cloned(),
        };
        ((asked.expected, asked.question.query), origin)
    })
}

fn holds(engine: &Engine, (expected, query): &(Expected, Query)) -> bool {
    let answer = engine.answer(query);
    answer.is_ok_and(|answer| Claim::holds(*expected, &answer.outcome))
}

/// A line on a terminal that says how far it is.
struct Progress {
    all: usize,
    done: usize,
    shown: Option<Instant>,
    is_seen: bool,
}

impl Progress {
    /// The line is not written more often.
    const PAUSE: Duration = Duration::from_millis(100);

    fn new(all: usize) -> Self {
        Self {
            all,
            done: 0,
            shown: None,
            is_seen: std::io::stderr().is_terminal(),
        }
    }

    fn step(&mut self) {
        self.done += 1;
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() > Self::PAUSE);
        if self.is_seen && is_due {
            let told = format!("trying mistake {} of {}", self.done, self.all);
            anstream::eprint!("\r{}", paint::dim(&told));
            self.shown = Some(Instant::now());
        }
    }

    /// Takes the line away.
    fn end(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
