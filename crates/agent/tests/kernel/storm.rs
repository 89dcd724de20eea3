//! Faults of all kinds, one after the other, on two nodes under traffic: nothing that is denied ever gets through, and
//! nothing that is allowed ever breaks; but where somebody changes a table that nothing protects, until it is repaired.
//!
//! `RINGFENCE_FAULTS=1000` makes it long, `RINGFENCE_SEED` repeats a run.

mod chronicle;
mod faults;
mod probes;
mod world;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use ringfence_agent::Enforcement;
use ringfence_testkit::random::Random;

use crate::agent::eventually;
use chronicle::Chronicle;
use faults::{Fault, Faults};
use probes::{Expected, Probes, Tally};
use world::World;

/// Faults of the short version.
const FAULTS: usize = 80;
const LONGEST_PAUSE_MS: usize = 40;
/// How many in a hundred are followed by another only when all is well again.
const SETTLED: usize = 40;

pub(crate) fn faults_open_nothing_and_break_nothing() {
    let seed = from_environment("RINGFENCE_SEED").unwrap_or(u64::from(std::process::id()));
    let count =
        from_environment("RINGFENCE_FAULTS").map_or(FAULTS, |count| count.try_into().unwrap());
    println!("{count} faults with RINGFENCE_SEED={seed}");
    let mut random = Random::new(seed);
    let mut world = World::new(Enforcement::On);
    let probes = Probes::start(&world);
    let mut faults = Faults::default();
    let mut counts = BTreeMap::<Fault, usize>::new();
    let started = Instant::now();
    for fault in plan(&mut random, count) {
        faults.inflict(fault, &mut world, &mut random);
        *counts.entry(fault).or_default() += 1;
        // Some come while the last one is still being dealt with.
        if random.chance(SETTLED) {
            world.settle();
        }
        thread::sleep(Duration::from_millis(
            random.below(LONGEST_PAUSE_MS).try_into().unwrap(),
        ));
    }
    let took = started.elapsed();
    world.settle();
    let tallies = probes.finish();
    let exposed = faults.chronicle.longest_exposure();
    println!("{counts:?} in {took:?}; foreign edits stood for {exposed:?} at most");
    for tally in &tallies {
        println!("{tally}");
    }
    for tally in &tallies {
        tally.check(&faults.chronicle);
    }
    world.assert_as_compiled();
    world.assert_no_stranger_is_tracked();
}

/// Each kind once, then any.
fn plan(random: &mut Random, count: usize) -> Vec<Fault> {
    let mut plan = Fault::ALL.to_vec();
    random.shuffle(&mut plan);
    while plan.len() < count {
        plan.extend(random.pick(&Fault::ALL));
    }
    plan
}

fn from_environment(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap())
}

/// And say when, and what was going on.
pub(crate) fn the_probes_notice_an_open_door() {
    let world = World::new(Enforcement::Off);
    let mut chronicle = Chronicle::default();
    chronicle.begins("no enforcement".to_owned());
    let probes = Probes::start(&world);
    eventually("some attempts", || probes.asked_at_least(10).then_some(()));
    for tally in probes.finish() {
        match tally.expected {
            Expected::Allowed => tally.check(&chronicle),
            Expected::Denied => {
                let offence = tally.offences.first().expect("an offence");
                let told = chronicle.tell(offence);
                assert!(told.starts_with("Through, "), "{told}");
                assert!(told.contains("no enforcement (0.000 to now s)"), "{told}");
            }
        }
    }
}

/// For a moment friends are denied and strangers are not.
pub(crate) fn the_probes_notice_a_broken_connection() {
    let world = World::new(Enforcement::On);
    let probes = Probes::start(&world);
    eventually("some attempts", || probes.asked_at_least(10).then_some(()));
    world.apply(world::guard(0, &["stranger-near", "stranger-far"]));
    world.settle();
    thread::sleep(Duration::from_millis(200));
    world.apply(world::guard(0, &world::FRIENDS));
    world.settle();
    let is_noticed = |tally: &Tally| match tally.expected {
        Expected::Allowed => !tally.offences.is_empty(),
        Expected::Denied => tally.reached > 0,
    };
    for tally in probes.finish() {
        assert!(is_noticed(&tally), "{tally}");
    }
    // They are right again afterwards.
    let probes = Probes::start(&world);
    eventually("some attempts", || probes.asked_at_least(10).then_some(()));
    let chronicle = Chronicle::default();
    let tallies = probes.finish();
    tallies.iter().for_each(|tally| tally.check(&chronicle));
}
