use std::fmt;

use anyhow::{Context as _, Result};
use ringfence_testkit::random::Random;

use crate::rules::Rules;
use crate::topology::Topology;
use crate::traffic::{Traffic, Way};

/// Wires with rules on them.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) rules: Rules,
    pub(crate) topology: Topology,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    round: usize,
    pub(crate) rules: Rules,
    traffic: Traffic,
    way: Way,
    /// Transactions a second.
    rate: f64,
}

/// Measures everything on every subject, so many times, the first time unheard.
pub(crate) fn run(subjects: &[Subject], rounds: usize) -> Result<Vec<Measured>> {
    let mut random = Random::new(1);
    let mut measured = Vec::new();
    for round in 0..=rounds {
        eprintln!("round {round} of {rounds}");
        for traffic in Traffic::ALL {
            for way in Way::ALL {
                let mut order: Vec<&Subject> = subjects.iter().collect();
                random.shuffle(&mut order);
                for subject in order {
                    measured.push(measure(round, subject, traffic, way)?);
                }
            }
        }
    }
    measured.retain(|found| found.round > 0);
    Ok(measured)
}

fn measure(round: usize, subject: &Subject, traffic: Traffic, way: Way) -> Result<Measured> {
    let rules = subject.rules;
    let rate = traffic
        .rate(&subject.topology, way)
        .with_context(|| format!("{rules}: {}, {}", traffic.name(), way.name()))?;
    Ok(Measured {
        round,
        rules,
        traffic,
        way,
        rate,
    })
}

/// The median of some figures, and the quartiles.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |quarter: usize| {
            let place = (figures.len().saturating_sub(1) * quarter + 2) / 4;
            figures.get(place).copied().unwrap_or(f64::NAN)
        };
        Self {
            lower: at(1),
            median: at(2),
            upper: at(3),
        }
    }
}

impl fmt::Display for Spread {
    /// `0.97 [0.94-0.99]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lower,
            median,
            upper,
        } = self;
        write!(f, "{median:.2} [{lower:.2}-{upper:.2}]")
    }
}

/// How many times the rate of `beside` the rate of `rules` is, round by round.
pub(crate) fn ratios(
    measured: &[Measured],
    rules: Rules,
    beside: Rules,
    traffic: Traffic,
    way: Way,
) -> Spread {
    let ours = rates(measured, rules, traffic, way);
    let theirs = rates(measured, beside, traffic, way);
    let ratio = |(ours, theirs): (f64, f64)| ours / theirs;
    Spread::of(ours.zip(theirs).map(ratio).collect())
}

/// The median rate, transactions a second.
pub(crate) fn rate(measured: &[Measured], rules: Rules, traffic: Traffic, way: Way) -> f64 {
    Spread::of(rates(measured, rules, traffic, way).collect()).median
}

fn rates(
    measured: &[Measured],
    rules: Rules,
    traffic: Traffic,
    way: Way,
) -> impl Iterator<Item = f64> {
    let is_meant = move |found: &&Measured| {
        found.rules == rules && found.traffic == traffic && found.way == way
    };
    measured.iter().filter(is_meant).map(|found| found.rate)
}
