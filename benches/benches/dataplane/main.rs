//! What policies cost packets, at 1 to 10,000 pods a node, beside connection tracking alone, plain routing, and chains of
//! iptables for each pod.
//!
//! `cargo bench -p ringfence-benches --bench dataplane -- [ROUNDS] [plot=FILE.svg]`. Every kind of rules has wires of its own, and each
//! round visits all of them in an order of its own, so that a slow moment of the machine meets everybody alike; ratios
//! are taken within a round. Needs Debian's package `iptables`, and root or user namespaces.

#![expect(clippy::print_stdout, reason = "a bench reports on standard output")]

mod iptables;
mod loading;
mod plot;
mod pods;
mod rounds;
mod rules;
mod traffic;

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use ringfence_benches::{print, time, topology};

use rounds::{Measured, Subject};
use rules::Rules;
use topology::Topology;
use traffic::{Traffic, Way};

const ROUNDS: usize = 11;
/// Pods on each node.
const SIZES: [usize; 4] = [1, 100, 1_000, 10_000];

fn main() -> Result<()> {
    // `cargo test --benches` and editors start it with other words, which are no numbers.
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rounds = words.iter().find_map(|word| word.parse().ok());
    let plot = words.iter().find_map(|word| word.strip_prefix("plot="));
    ringfence_testkit::sandbox::enter()?;
    pin()?;
    loading::report(&SIZES)?;
    let subjects = subjects()?;
    let measured = rounds::run(&subjects, rounds.unwrap_or(ROUNDS))?;
    for way in Way::ALL {
        report(&subjects, &measured, way);
    }
    if let Some(file) = plot {
        std::fs::write(file, plot::svg(&measured))
            .with_context(|| format!("cannot write {file}"))?;
        println!("\nplot: {file}");
    }
    Ok(())
}

/// Everything on one processor: what a packet costs is what its sender takes.
fn pin() -> Result<()> {
    let mut processors = CpuSet::new();
    let last = std::thread::available_parallelism()?.get() - 1;
    processors.set(last)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &processors)?)
}

fn subjects() -> Result<Vec<Subject>> {
    let sized = SIZES.into_iter();
    let all = [Rules::Nothing, Rules::Tracking]
        .into_iter()
        .chain(sized.clone().map(Rules::Ringfence))
        .chain(sized.map(Rules::Iptables));
    all.map(|rules| {
        let topology = Topology::build()?;
        let (taken, loaded) = time(|| rules.load(&topology));
        loaded.with_context(|| rules.to_string())?;
        for way in Way::ALL {
            traffic::check(&topology, way, rules.enforces())
                .with_context(|| format!("{rules}, {}", way.name()))?;
        }
        eprintln!("{rules}: loaded on both nodes in {taken:.1?}, checked");
        Ok(Subject { rules, topology })
    })
    .collect()
}

fn report(subjects: &[Subject], measured: &[Measured], way: Way) {
    let mut header = vec!["rules".to_owned()];
    header.extend(Traffic::ALL.map(|traffic| format!("{}, x tracking", traffic.name())));
    header.push("TCP connections, x routing".to_owned());
    header.push("TCP connections, 1/s".to_owned());
    let rules = subjects.iter().map(|subject| subject.rules);
    let rows = rules.map(|rules| {
        let of =
            |traffic, beside| rounds::ratios(measured, rules, beside, traffic, way).to_string();
        let mut row = vec![rules.to_string()];
        row.extend(Traffic::ALL.map(|traffic| of(traffic, Rules::Tracking)));
        row.push(of(Traffic::Connections, Rules::Nothing));
        let rate = rounds::rate(measured, rules, Traffic::Connections, way);
        row.push(format!("{rate:.0}"));
        row
    });
    let title = format!(
        "{}: median of the ratios within a round [quartiles]; goal: ringfence at least 0.95 of tracking, at 10,000 pods 8 times iptables",
        way.name()
    );
    print(&title, &header, rows);
}
