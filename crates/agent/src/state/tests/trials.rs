//! Host firewalls that are tried out: the agent begins a trial and clears up after it, and never arms one anew that has ended
//! (rule HF-4).

use std::time::Duration;

use ringfence_compile::holds_trial;
use ringfence_model::{HostFirewall, HostRules, HostTrial, LabelSelector, Timestamp};
use ringfence_ruleset::{Operation, Table};
use ringfence_testkit::generate::MOMENT;

use super::cluster::{namespace, node};
use super::node::{Did, FakeNode};
use crate::protocol::AgentObject;

/// Everything is closed for a minute from the moment on at which all begins.
fn tried(confirmed: Option<HostRules>) -> AgentObject {
    AgentObject::HostFirewall(HostFirewall {
        name: "nodes".to_owned(),
        confirmed,
        trial: Some(HostTrial {
            rules: nobody(),
            since: MOMENT,
            until: Timestamp(MOMENT.0 + 60_000),
        }),
        source: None,
    })
}

fn nobody() -> HostRules {
    HostRules {
        nodes: LabelSelector::default(),
        ingress: Vec::new(),
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn elements(table: Option<&Table>, set: &str) -> usize {
    table.map_or(0, |table| table.sets[set].elements.len())
}

/// An agent that finds this table, so many seconds after the moment.
fn later(table: &Table, after: i64) -> FakeNode {
    let mut fake = FakeNode::with_table(Some(table.clone()));
    fake.epoch = Timestamp(fake.epoch.0 + 1_000 * after);
    fake.load(Vec::new());
    fake.sync([namespace(), node(), tried(None)], 1);
    fake.settle();
    fake
}

fn arms(fake: &FakeNode) -> bool {
    !lifetimes(fake).is_empty()
}

/// How long what was put into the sets of the trial stays.
fn lifetimes(fake: &FakeNode) -> Vec<Option<Duration>> {
    let operations = fake.transactions.iter().flatten();
    let added = operations.filter_map(|operation| {
        let Operation::AddElements { set, lifetime, .. } = operation else {
            return None;
        };
        Some((set, *lifetime))
    });
    added
        .filter(|(set, _)| holds_trial(set))
        .map(|(_, lifetime)| lifetime)
        .collect()
}

#[test]
fn a_trial_is_armed_for_what_is_left_of_it_and_cleared_away() {
    let mut fake = FakeNode::synced([namespace(), node()]);
    fake.sleep(seconds(20));
    fake.apply(tried(None));
    fake.settle();
    let table = fake.table.clone().unwrap();
    assert_eq!(elements(Some(&table), "trial4"), 3);
    assert_eq!(elements(Some(&table), "host4"), 0);
    let lifetimes = lifetimes(&fake);
    assert_eq!(lifetimes, [Some(seconds(40)); 2]);
    fake.sleep(seconds(39));
    assert_eq!(elements(fake.table.as_ref(), "trial4"), 3);
    // The kernel is faster than the agent.
    let kernel = fake.table.as_mut().unwrap();
    for set in ["trial4", "trial6"] {
        kernel.sets.get_mut(set).unwrap().elements.clear();
    }
    fake.sleep(seconds(3));
    let table = fake.table.as_ref().unwrap();
    for (name, set) in &table.sets {
        assert!(
            !name.starts_with("trial") || set.elements.is_empty(),
            "{name}"
        );
    }
}

#[test]
fn an_agent_that_starts_adopts_a_trial_and_prolongs_none() {
    let mut fake = FakeNode::synced([namespace(), node()]);
    fake.apply(tried(None));
    fake.settle();
    let during = fake.table.clone().unwrap();
    assert_eq!(elements(Some(&during), "trial4"), 3);

    let adopting = later(&during, 30);
    assert!(!adopting.log.contains(&Did::Commit), "{:?}", adopting.log);

    let mut ended = during;
    for set in ["trial4", "trial6"] {
        ended.sets.get_mut(set).unwrap().elements.clear();
    }
    let late = later(&ended, 61);
    assert!(!arms(&late), "{:?}", late.transactions);
    assert_eq!(elements(late.table.as_ref(), "trial-ports4"), 0);
}

#[test]
fn what_is_confirmed_stays_when_a_trial_ends() {
    let mut fake = FakeNode::synced([namespace(), node()]);
    fake.apply(tried(Some(nobody())));
    fake.settle();
    // The trial says the same as what is confirmed.
    assert_eq!(elements(fake.table.as_ref(), "trial4"), 0);
    assert_eq!(elements(fake.table.as_ref(), "host4"), 3);
    fake.sleep(seconds(62));
    assert_eq!(elements(fake.table.as_ref(), "host4"), 3);
}
