//! Mistakes in the policies, each made once: would a test notice?

use ringfence_model::{Expected, Query, Source};
use ringfence_policy::Engine;
use ringfence_reach::assertion::{Claim, Mutant, Mutations, mutants, mutate};

use super::judge::asked;
use super::suite::Case;
use crate::progress::Progress;
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
    let mut progress = Progress::of("trying mistake", mutants.len());
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
