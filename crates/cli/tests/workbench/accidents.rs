//! What must not look like a clean answer: input that somebody failed to write.

use crate::support::ringfence_reading;

#[test]
fn nothing_passes_no_gate() {
    for command in [
        "check -f -",
        "audit -f - --min-score 90",
        "diff examples/change/before - --gate no-new-access",
        "zones -f -",
        "matrix -f -",
        "suggest -f -",
        "lock -f -",
        "test examples/netpol-demo/policy-tests.yaml -f -",
    ] {
        for nothing in ["", "\n", "---\n# only this\n---\n"] {
            let arguments: Vec<&str> = command.split(' ').collect();
            let said = ringfence_reading(nothing, &arguments).expect_refused();
            assert!(
                said.contains("<stdin> holds nothing to judge"),
                "{command}: {said}"
            );
        }
    }
}
