//! What must not look like a clean answer: input that somebody failed to write, and an answer that nobody got.

use std::fs::File;
use std::process::Command;

use crate::support::{RINGFENCE, ringfence_reading, without_surroundings};

const AFTER: &str = "examples/change/after";

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
#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    for command in [
        "check -f",
        "audit -f",
        "zones -f",
        "matrix -f",
        "matrix -o csv -f",
        "suggest -f",
        "lock -f",
        "check -o json -f",
        "audit -o html -f",
        "explain shop/web shop/db 5432 -f",
    ] {
        let arguments = command.split(' ').chain([AFTER]);
        let mut program = Command::new(RINGFENCE);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = without_surroundings(&mut program)
            .args(arguments)
            .stdout(full)
            .output();
        let ended = ended.unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{command}: {said}");
        assert!(
            said.contains("cannot write the answer: No space left"),
            "{command}: {said}"
        );
    }
}
