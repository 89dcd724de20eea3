//! Connections a second, through a Service and to its pod, in turns.

use std::net::{SocketAddrV4, TcpListener};

use anyhow::{Context as _, Result};
use ringfence_benches::connections;
use ringfence_benches::topology::{NEAR, Topology};
use ringfence_netlink::namespace::run_in;
use ringfence_testkit::random::Random;

use crate::Proxy;
use crate::services::{PORT, TARGET, address};

/// About a tenth of a second.
const CONNECTIONS: u32 = 1_500;

/// Wires with Services on them.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) proxy: Proxy,
    pub(crate) services: usize,
    pub(crate) topology: Topology,
}

/// A round on one subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    proxy: Proxy,
    services: usize,
    /// Connections a second.
    through: f64,
    direct: f64,
}

/// What all rounds say of a subject.
pub(crate) struct Spread {
    /// The median and the quartiles.
    pub(crate) ratio: String,
    pub(crate) through: f64,
    pub(crate) direct: f64,
}

/// So many rounds, and one before that counts for nothing.
pub(crate) fn run(subjects: &[Subject], rounds: usize) -> Result<Vec<Measured>> {
    let mut random = Random::new(1);
    let mut measured = Vec::new();
    for round in 0..=rounds {
        eprintln!("round {round} of {rounds}");
        let mut order: Vec<&Subject> = subjects.iter().collect();
        random.shuffle(&mut order);
        for subject in order {
            let found = measure(subject, round % 2 == 0)?;
            measured.extend((round > 0).then_some(found));
        }
    }
    Ok(measured)
}

fn measure(subject: &Subject, direct_first: bool) -> Result<Measured> {
    let last = subject.services.saturating_sub(1);
    let through = || rate(subject, SocketAddrV4::new(address(last), PORT));
    let direct = || rate(subject, SocketAddrV4::new(NEAR.address, TARGET));
    let (through, direct) = if direct_first {
        let direct = direct()?;
        (through()?, direct)
    } else {
        (through()?, direct()?)
    };
    Ok(Measured {
        proxy: subject.proxy,
        services: subject.services,
        through,
        direct,
    })
}

fn rate(subject: &Subject, to: SocketAddrV4) -> Result<f64> {
    let [client, near, _] = &subject.topology.pods;
    let listener = run_in(near, || TcpListener::bind(("0.0.0.0", TARGET)))??;
    let taken = run_in(client, || connections(&listener, to, CONNECTIONS))?;
    let taken = taken.with_context(|| format!("{:?}, {to}", subject.proxy))?;
    Ok(f64::from(CONNECTIONS) / taken.as_secs_f64())
}

pub(crate) fn spread(measured: &[Measured], subject: &Subject) -> Spread {
    let own = measured
        .iter()
        .filter(|it| (it.proxy, it.services) == (subject.proxy, subject.services));
    let sorted = |value: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = own.clone().map(value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let ratios = sorted(|it| it.through / it.direct);
    Spread {
        ratio: format!(
            "{:.2} [{:.2}-{:.2}]",
            quarter(&ratios, 2),
            quarter(&ratios, 1),
            quarter(&ratios, 3)
        ),
        through: quarter(&sorted(|it| it.through), 2),
        direct: quarter(&sorted(|it| it.direct), 2),
    }
}

fn quarter(sorted: &[f64], number: usize) -> f64 {
    let place = (sorted.len().saturating_sub(1) * number + 2) / 4;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
