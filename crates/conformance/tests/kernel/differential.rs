use ringfence_compile::Enforcement;
use ringfence_conformance::bench::{Bench, differs};

use crate::run::{Seeds, Tally};

const CLUSTERS: u64 = 2400;

/// Kinds of flows of which a run of the usual size must have seen many.
const KINDS: [&str; 33] = [
    "IPv4: allow",
    "IPv4: deny",
    "IPv6: allow",
    "IPv6: deny",
    "TCP: allow",
    "TCP: deny",
    "TCP: partial",
    "TCP: no-endpoints",
    "UDP: allow",
    "UDP: deny",
    "UDP: no-endpoints",
    "SCTP: allow",
    "SCTP: deny",
    "SCTP: partial",
    "SCTP: no-endpoints",
    "ICMP: allow",
    "ICMP: deny",
    "masqueraded",
    "pod -> pod of the same node: allow",
    "pod -> pod of the same node: deny",
    "pod -> pod elsewhere: allow",
    "pod -> pod elsewhere: deny",
    "pod -> own node: allow",
    "pod -> own node: deny",
    "pod -> other node: allow",
    "pod -> other node: deny",
    "pod -> outside: allow",
    "pod -> outside: deny",
    "pod -> Service: partial",
    "pod -> itself through a Service: allow",
    "pod -> itself through a Service: partial",
    "node -> pod elsewhere: deny",
    "outside -> pod elsewhere: deny",
];

pub(crate) fn the_three_agree_on_random_clusters() {
    let seeds = Seeds::up_to(CLUSTERS);
    let mut bench = Bench::new();
    let mut tally = Tally::new();
    for (seed, cluster, flows) in seeds.clusters() {
        let compiled = bench.load(&cluster, Enforcement::On);
        for observed in bench.observe(&cluster, &compiled, &flows) {
            if differs(&cluster, &observed) {
                let found = bench.shrink(&cluster, &observed);
                panic!("seed {seed}, flow {:?}\n{found}", found.flow);
            }
            tally.take(&observed);
        }
    }
    tally.print(seeds, &bench);
    if seeds.count >= CLUSTERS {
        for kind in KINDS {
            assert!(tally.count(kind) >= 50, "{kind}: {}", tally.count(kind));
        }
    }
}
