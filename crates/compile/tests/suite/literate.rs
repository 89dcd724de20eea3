//! The corpus: every row of it holds for the compiled tables too.

use ringfence_compile::Enforcement;
use ringfence_reference::answer;
use ringfence_testkit::corpus::every_scenario;

use crate::evaluated::{EvaluatedDecider, judge};

#[test]
fn every_row_of_the_corpus_holds() {
    let scenarios = every_scenario().unwrap();
    let mut evaluated = EvaluatedDecider::new(Enforcement::On);
    let failures: Vec<String> = scenarios
        .iter()
        .flat_map(|scenario| scenario.failures(&mut evaluated))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let (mut judged, mut rows) = (0, 0);
    for scenario in &scenarios {
        for row in &scenario.rows {
            let answer = answer(&scenario.cluster, &row.flow);
            let world = evaluated.world(&scenario.cluster);
            let verdict = answer
                .ok()
                .and_then(|answer| judge(world, &row.flow, &answer));
            judged += usize::from(verdict.is_some());
            rows += 1;
        }
    }
    assert!(
        judged > 100 && judged * 10 > rows * 7,
        "{judged} of {rows} rows"
    );
}
