//! Reference, evaluated ruleset and kernel agree on random clusters, and the comparison notices when they do not.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod differential;

use std::process::ExitCode;

use ringfence_testkit::sandbox;

fn main() -> ExitCode {
    sandbox::main(&[(
        "differential::the_three_agree_on_random_clusters",
        differential::the_three_agree_on_random_clusters,
    )])
}
