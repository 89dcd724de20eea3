//! The written cases: verdicts and reasons that people took from the documentation.

use ringfence_policy::Engine;
use ringfence_testkit::corpus::{CorpusError, every_scenario};
use ringfence_testkit::decider::Verdict;

#[test]
fn every_row_holds() -> Result<(), CorpusError> {
    let mut count = 0;
    for scenario in every_scenario()? {
        let engine = Engine::new(scenario.cluster.clone());
        for row in &scenario.rows {
            let answer = engine.answer(&row.flow);
            let verdict = answer
                .as_ref()
                .map_or(Verdict::Error, |answer| Verdict::from(&answer.outcome));
            let place = format!("{}, line {}", scenario.name, row.line);
            assert_eq!(verdict, row.verdict, "{place}: {answer:?}");
            let wrong = row.because.iter().find(|claim| !claim.holds(&answer));
            assert!(wrong.is_none(), "{place}: {wrong:?} is not why: {answer:?}");
            count += 1;
        }
    }
    assert!(count > 100, "only {count} rows");
    Ok(())
}
