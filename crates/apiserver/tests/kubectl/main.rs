//! Real kubectl against a server on loopback: every command of the list passes, and the list is written by what ran.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod bench;
mod containers;
mod custom;
mod kinds;
mod script;
mod streams;

use bench::{Bench, kubectls, oldest};

/// The oldest kubectl at hand, one in the middle, and the newest.
#[test]
fn kubectl_works_as_against_a_cluster() {
    let lists = std::thread::scope(|scope| {
        let runs: Vec<_> = kubectls()
            .into_iter()
            .map(|kubectl| {
                scope.spawn(move || {
                    let bench = Bench::start(kubectl);
                    script::run(&bench);
                    custom::run(&bench);
                    kinds::run(&bench);
                    streams::run(&bench);
                    bench.ran()
                })
            })
            .collect();
        runs.into_iter()
            .map(|run| run.join().unwrap())
            .collect::<Vec<_>>()
    });
    let newest = lists.last().expect("a kubectl");
    bench::check_list(newest);
}

/// Before 1.30 commands, and before 1.31 ports, come over SPDY.
#[test]
fn the_oldest_kubectl_reaches_into_pods() {
    streams::run(&Bench::start(oldest()));
}
