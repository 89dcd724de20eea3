use std::time::Instant;

use ringfence_conformance::bench::Bench;
use ringfence_conformance::fit::fit;
use ringfence_testkit::flows;
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;

const CLUSTERS: u64 = 500;
const FLOWS: usize = 100;

fn number(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => otherwise,
    }
}

pub(crate) fn the_three_agree_on_random_clusters() {
    let start = Instant::now();
    let first = number("RINGFENCE_SEED", 0);
    let count = number("RINGFENCE_CLUSTERS", CLUSTERS);
    let mut bench = Bench::new();
    println!("built in {:?}", start.elapsed());
    let mut asked = 0;
    for seed in first..first + count {
        let cluster = fit(&cluster(seed, Shape::WIRED));
        let flows = flows::sample(&cluster, FLOWS, &mut Random::new(seed));
        let (flows, found) = bench.disagreement(&cluster, &flows);
        asked += flows;
        if let Some(found) = found {
            panic!("seed {seed}, flow {:?}\n{found}", found.flow);
        }
    }
    println!(
        "{count} clusters from seed {first}, {asked} flows, {} packets, {:?} in {:?}",
        bench.prober.sent(),
        bench.kernel.counts(),
        start.elapsed()
    );
}
