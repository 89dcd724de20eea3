//! How many names a second the cluster's DNS server answers, beside unbound on the same names in the same run.
//!
//! Both serve on the loopback interface with one thread, in turns; the client keeps a number of questions under way.

mod client;
mod ours;
mod outside;
mod unbound;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use client::{Figures, ask};
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};
use ringfence_benches::print;

/// Questions of one run.
const QUESTIONS: usize = 40_000;
/// Runs of each server, in turns. The fastest counts.
const RUNS: usize = 5;
/// Services of the cluster.
const SERVICES: usize = 2_000;

/// A kind of question.
struct Case {
    what: &'static str,
    name: fn(usize) -> String,
}

const CASES: [Case; 3] = [
    Case {
        what: "address of a Service",
        name: |index| format!("s{index}.shop.svc.cluster.local."),
    },
    Case {
        what: "name that does not exist (search path)",
        name: |index| format!("example{index}.org.shop.svc.cluster.local."),
    },
    Case {
        what: "name outside, remembered",
        name: |index| format!("n{}.example.org.", index % 500),
    },
];

fn main() -> anyhow::Result<()> {
    let upstream = outside::start()?;
    let ours = ours::start(upstream)?;
    let unbound = unbound::start(upstream).context("`unbound` of Debian has to be installed")?;
    let header = [
        "question",
        "ringfence, queries/s",
        "99% within",
        "unbound, queries/s",
        "99% within",
        "ratio",
    ];
    let rows = CASES.iter().map(|case| row(case, ours, unbound.address));
    let rows = rows.collect::<anyhow::Result<Vec<_>>>()?;
    let title = format!(
        "Names: {SERVICES} Services, {} questions under way",
        client::UNDER_WAY
    );
    print(&title, &header.map(str::to_owned), rows);
    Ok(())
}

fn row(case: &Case, ours: SocketAddr, unbound: SocketAddr) -> anyhow::Result<Vec<String>> {
    let questions: Vec<Vec<u8>> = (0..SERVICES)
        .map(|index| question(&(case.name)(index)))
        .collect::<anyhow::Result<_>>()?;
    let (mut best, mut plain) = (Figures::default(), Figures::default());
    for _ in 0..=RUNS {
        best = best.or(ask(ours, &questions, QUESTIONS)?);
        plain = plain.or(ask(unbound, &questions, QUESTIONS)?);
    }
    let cells = |figures: &Figures| {
        let slowest = figures.within.as_micros();
        [format!("{:.0}", figures.rate), format!("{slowest} µs")]
    };
    let ratio = best.rate / plain.rate.max(1.0);
    let mut row = vec![case.what.to_owned()];
    row.extend(cells(&best));
    row.extend(cells(&plain));
    row.push(format!("x{ratio:.2}"));
    Ok(row)
}

fn question(name: &str) -> anyhow::Result<Vec<u8>> {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name)?, RecordType::A));
    Ok(message.to_vec()?)
}

/// The address of a Service.
fn address(index: usize) -> Ipv4Addr {
    let [.., high, low] = index.to_be_bytes();
    Ipv4Addr::new(10, 96, high, low)
}

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
