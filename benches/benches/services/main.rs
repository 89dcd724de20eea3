//! What a Service costs a connection, at 1 to 10,000 Services on a node, beside the same connection to the pod itself; and how
//! long the kernel takes to hold them, and one endpoint more or less. Beside it the layout that kube-proxy writes in its mode
//! nftables: a chain for each Service port and each endpoint.
//!
//! `cargo bench -p ringfence-benches --bench services -- [ROUNDS] [ringfence]`: with 0 rounds loads alone are measured, with the
//! name nobody else's. Every kind of rules has wires of its own, and each round visits
//! all of them in an order of its own; ratios are taken within a round. Needs Debian's package `nftables`, and root or user
//! namespaces.

mod cost;
mod kube_proxy;
mod ours;
mod rates;
mod services;

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use ringfence_benches::print;
use ringfence_benches::topology::Topology;
use ringfence_netlink::namespace::run_in;

use cost::Cost;
use rates::{Measured, Subject};

/// As the agent has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 11;
const SIZES: [usize; 3] = [1, 1_000, 10_000];
/// Tables of our own that are loaded, each in a namespace of its own.
pub(crate) const LOADS: usize = 5;
/// Endpoints that come and go, to see what that takes.
const UPDATES: usize = 400;

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
    /// From the cluster to the table, nothing where there is no such step, and committing it.
    loads: Vec<[Cost; 2]>,
    changes: Vec<Cost>,
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rounds = words.iter().find_map(|word| word.parse().ok());
    let alone = words.iter().any(|word| word == name(Proxy::Ringfence));
    ringfence_testkit::sandbox::enter()?;
    pin()?;
    let (mut subjects, mut loads) = (Vec::new(), Vec::new());
    for services in SIZES {
        let proxies = [Proxy::Ringfence, Proxy::KubeProxy].into_iter();
        for proxy in proxies.filter(|proxy| !alone || *proxy == Proxy::Ringfence) {
            let topology = Topology::build()?;
            let [node, _] = &topology.nodes;
            let load = || match proxy {
                Proxy::Ringfence => ours::load(services, UPDATES),
                Proxy::KubeProxy => kube_proxy::load(services, UPDATES),
            };
            let loaded = run_in(node, load)?.with_context(|| format!("{proxy:?}, {services}"))?;
            eprintln!("{proxy:?}, {services} Services: loaded");
            loads.push(loaded);
            subjects.push(Subject {
                proxy,
                services,
                topology,
            });
        }
    }
    report_loads(&loads);
    if rounds == Some(0) {
        return Ok(());
    }
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
        "committing",
        "both (goal 1 s)",
        "both, of the processor",
        "one endpoint goes or comes (goal 1 ms)",
    ];
    let rows = loads.iter().map(|loaded| {
        let least = |value: fn(&[Cost; 2]) -> Duration| {
            let least = loaded.loads.iter().map(value).min().unwrap_or_default();
            format!("{:.2} s", least.as_secs_f64())
        };
        let is_ours = loaded.proxy == Proxy::Ringfence;
        let ours = |cell: String| if is_ours { cell } else { "-".to_owned() };
        let changes = |value: fn(&Cost) -> Duration| {
            cost::shown(&loaded.changes.iter().map(value).collect::<Vec<_>>())
        };
        vec![
            name(loaded.proxy).to_owned(),
            loaded.services.to_string(),
            loaded.endpoints.to_string(),
            ours(least(|[compiling, _]| compiling.clock)),
            least(|[_, committing]| committing.clock),
            least(|[compiling, committing]| compiling.clock + committing.clock),
            ours(least(|[compiling, committing]| {
                compiling.processor + committing.processor
            })),
            changes(|cost| cost.clock),
        ]
    });
    let title = "Loading: the least of several times. Changing: the least, half, and all but a hundredth of the changes";
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
