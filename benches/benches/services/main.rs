//! What a Service costs a connection, at 1 to 10,000 Services on a node, beside the same connection to the pod itself; and how
//! long the kernel takes to hold them, and one endpoint more or less. Beside it the layout that kube-proxy writes in its mode
//! nftables: a chain for each Service port and each endpoint.
//!
//! `cargo bench -p ringfence-benches --bench services -- [ROUNDS]`. Every kind of rules has wires of its own, and each round visits
//! all of them in an order of its own; ratios are taken within a round. Needs Debian's package `nftables`, and root or user
//! namespaces.

mod kube_proxy;
mod ours;
mod rates;
mod services;

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use ringfence_benches::topology::Topology;
use ringfence_benches::{Times, print};
use ringfence_netlink::namespace::run_in;

use rates::{Measured, Subject};

const ROUNDS: usize = 11;
const SIZES: [usize; 3] = [1, 1_000, 10_000];
/// Endpoints that come and go, to see what that takes.
const UPDATES: usize = 200;

/// What serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    Ringfence,
    KubeProxy,
}

/// What it took to load, and to change one endpoint.
struct Loaded {
    proxy: Proxy,
    services: usize,
    endpoints: usize,
    /// From the cluster to the table, where there is such a step.
    compiling: Option<Duration>,
    committing: Duration,
    updates: Times,
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rounds = words.iter().find_map(|word| word.parse().ok());
    ringfence_testkit::sandbox::enter()?;
    pin()?;
    let (mut subjects, mut loads) = (Vec::new(), Vec::new());
    for services in SIZES {
        for proxy in [Proxy::Ringfence, Proxy::KubeProxy] {
            let topology = Topology::build()?;
            let [node, _] = &topology.nodes;
            let load = || match proxy {
                Proxy::Ringfence => ours::load(services, UPDATES),
                Proxy::KubeProxy => kube_proxy::load(services, UPDATES),
            };
            let loaded = run_in(node, load)?.with_context(|| format!("{proxy:?}, {services}"))?;
            eprintln!(
                "{proxy:?}, {services} Services: in {:.1?}",
                loaded.committing
            );
            loads.push(loaded);
            subjects.push(Subject {
                proxy,
                services,
                topology,
            });
        }
    }
    report_loads(&loads);
    let measured = rates::run(&subjects, rounds.unwrap_or(ROUNDS))?;
    report(&subjects, &measured);
    Ok(())
}

/// Everything on one processor: what a packet costs is what its sender takes.
fn pin() -> Result<()> {
    let mut processors = CpuSet::new();
    let last = std::thread::available_parallelism()?.get() - 1;
    processors.set(last)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &processors)?)
}

fn name(proxy: Proxy) -> &'static str {
    match proxy {
        Proxy::Ringfence => "ringfence",
        Proxy::KubeProxy => "kube-proxy's layout",
    }
}

fn report_loads(loads: &[Loaded]) {
    let header = [
        "rules",
        "Services",
        "endpoints of each",
        "from cluster to table",
        "committing all (goal 1 s with compiling)",
        "one endpoint goes or comes (goal 1 ms)",
    ];
    let rows = loads.iter().map(|loaded| {
        let compiling = loaded.compiling.map(|taken| format!("{taken:.1?}"));
        vec![
            name(loaded.proxy).to_owned(),
            loaded.services.to_string(),
            loaded.endpoints.to_string(),
            compiling.unwrap_or_else(|| "-".to_owned()),
            format!("{:.1?}", loaded.committing),
            loaded.updates.to_string(),
        ]
    });
    let title = "Loading and changing: least (and most) of the changes";
    print(title, &header.map(str::to_owned), rows);
}

fn report(subjects: &[Subject], measured: &[Measured]) {
    let header = [
        "rules",
        "Services",
        "through the Service, x direct",
        "1/s",
        "direct, 1/s",
    ];
    let rows = subjects.iter().map(|subject| {
        let spread = rates::spread(measured, subject);
        vec![
            name(subject.proxy).to_owned(),
            subject.services.to_string(),
            spread.ratio,
            format!("{:.0}", spread.through),
            format!("{:.0}", spread.direct),
        ]
    });
    let title = "TCP connections on one node: median of the ratios within a round [quartiles]; goal: at least 0.92 of direct";
    print(title, &header.map(str::to_owned), rows);
}
