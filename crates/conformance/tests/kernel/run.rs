//! What a run tries, and what it has tried.

use std::collections::BTreeMap;
use std::time::Instant;

use ringfence_conformance::bench::{Bench, Observed};
use ringfence_conformance::fate::{arrivals, verdict};
use ringfence_conformance::fit::fit;
use ringfence_conformance::plan::Place;
use ringfence_model::{Cluster, ServicePort, TargetPort};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_testkit::flows::{self, ProbeFlow};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;

/// Flows of a cluster.
const FLOWS: usize = 100;

/// Which clusters a run is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

impl Seeds {
    /// As many clusters as `RINGFENCE_CLUSTERS` says, or `count`.
    pub(crate) fn up_to(count: u64) -> Self {
        Self::exactly(number("RINGFENCE_CLUSTERS").unwrap_or(count))
    }

    /// This many clusters, from the seed that `RINGFENCE_SEED` says.
    pub(crate) fn exactly(count: u64) -> Self {
        Self {
            first: number("RINGFENCE_SEED").unwrap_or(0),
            count,
        }
    }

    /// Each seed with its cluster and the flows to try in it.
    pub(crate) fn clusters(self) -> impl Iterator<Item = (u64, Cluster, Vec<ProbeFlow>)> {
        (self.first..self.first + self.count).map(|seed| {
            let shape = if seed % 2 == 0 {
                Shape::FULL
            } else {
                Shape::EVERYTHING
            };
            let mut cluster = fit(&cluster(seed, shape));
            if seed % 3 != 1 {
                serve_sctp(&mut cluster);
            }
            // Who comes back to the same backend never sees the others (rule OB-21).
            for service in cluster.services.values_mut() {
                service.traffic.affinity = None;
            }
            let flows = flows::sample(&cluster, FLOWS, &mut Random::new(seed));
            (seed, cluster, flows)
        })
    }
}

/// Every Service gets a port of the third protocol too.
fn serve_sctp(cluster: &mut Cluster) {
    for (number, service) in cluster.services.values_mut().enumerate() {
        let target = match number {
            0 => TargetPort::Number(7777),
            _ => TargetPort::Name("sig".to_owned()),
        };
        service.ports.push(ServicePort {
            name: Some("sctp".to_owned()),
            protocol: Protocol::Sctp,
            port: 443,
            target,
            node_port: None,
        });
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// What was seen so far.
#[derive(Debug)]
pub(crate) struct Tally {
    start: Instant,
    flows: usize,
    seen: BTreeMap<String, usize>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            flows: 0,
            seen: BTreeMap::new(),
        }
    }

    pub(crate) fn take(&mut self, observed: &Observed) {
        self.flows += 1;
        let verdict = verdict(&observed.kernel).word();
        let protocol = match observed.flow.protocol {
            IpProtocol(6) => "TCP",
            IpProtocol(17) => "UDP",
            IpProtocol(132) => "SCTP",
            _ => "ICMP",
        };
        let family = if observed.opening.destination.is_ipv4() {
            "IPv4"
        } else {
            "IPv6"
        };
        for kind in [protocol, family, &way(observed)] {
            *self.seen.entry(format!("{kind}: {verdict}")).or_default() += 1;
        }
        if arrivals(&observed.kernel).any(|arrival| arrival.masqueraded) {
            *self.seen.entry("masqueraded".to_owned()).or_default() += 1;
        }
    }

    /// How often something was seen.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.seen.get(kind).copied().unwrap_or(0)
    }

    pub(crate) fn print(&self, seeds: Seeds, bench: &Bench) {
        for (kind, count) in &self.seen {
            println!("{count:8} {kind}");
        }
        let tables = bench.kernel.counts();
        println!(
            "{} clusters from seed {}: {} flows, {} packets, {} tables changed and {} replaced, {:.1} s",
            seeds.count,
            seeds.first,
            self.flows,
            bench.prober.sent(),
            tables.updates,
            tables.replacements,
            self.start.elapsed().as_secs_f64(),
        );
    }
}

/// Between what kinds of ends a flow is.
fn way(observed: &Observed) -> String {
    let from = match observed.from {
        Place::Pod(_) => "pod",
        Place::Node(_) => "node",
        Place::Outside => "outside",
    };
    format!("{from} -> {}", destination(observed))
}

fn destination(observed: &Observed) -> &'static str {
    if observed.opening.destination.is_loopback() {
        return "loopback";
    }
    match (observed.from, observed.to) {
        _ if observed.service.is_some() && is_hairpin(observed) => "itself through a Service",
        _ if observed.service.is_some() => "Service",
        (_, Place::Outside) => "outside",
        (from, to) if from == to => "itself",
        (Place::Pod(from), Place::Pod(to)) if from.node == to.node => "pod of the same node",
        (Place::Pod(from), Place::Node(to)) if from.node == to => "own node",
        (Place::Node(from), Place::Pod(to)) if from == to.node => "own pod",
        (_, Place::Pod(_)) => "pod elsewhere",
        (_, Place::Node(_)) => "other node",
    }
}

fn is_hairpin(observed: &Observed) -> bool {
    arrivals(&observed.kernel).any(|arrival| arrival.place == observed.from)
}
