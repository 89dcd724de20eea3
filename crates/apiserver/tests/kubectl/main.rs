//! Real kubectl against a server on loopback: every command of the list passes, and the list is written by what ran.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod bench;
mod script;

use bench::{Bench, kubectls};

/// The oldest kubectl at hand, one in the middle, and the newest.
#[test]
fn kubectl_works_as_against_a_cluster() {
    let lists = std::thread::scope(|scope| {
        let runs: Vec<_> = kubectls()
            .into_iter()
            .map(|kubectl| scope.spawn(move || script::run(&Bench::start(kubectl))))
            .collect();
        runs.into_iter()
            .map(|run| run.join().unwrap())
            .collect::<Vec<_>>()
    });
    let newest = lists.last().expect("a kubectl");
    bench::check_list(newest);
}
