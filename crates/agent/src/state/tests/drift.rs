//! What others make of the table, and what verifications say of it.

use std::time::Duration;

use ringfence_model::NetworkPolicy;
use ringfence_ruleset::Table;

use super::cluster::{endpoint, namespace, node, pod, policy};
use super::node::{Did, FakeNode};
use crate::protocol::{AgentObject, AgentStatus};
use crate::state::Event;

const WRONG: &str = "the table differs from the policies in 1 place";

/// A node with an isolated pod.
fn isolated() -> FakeNode {
    let deny: NetworkPolicy = policy("deny", "web", &[], None);
    let mut fake = FakeNode::synced([
        namespace(),
        node(),
        AgentObject::Pod(pod("web", &["10.244.1.2"])),
        AgentObject::NetworkPolicy(deny),
    ]);
    fake.wire(endpoint("web", &["10.244.1.2"]), 1);
    fake.settle();
    fake.sleep(Duration::from_secs(2));
    fake.forget_log();
    fake
}

fn verified(fake: &mut FakeNode, drift: Option<&str>) {
    let changes = fake.machine.pulse().changes.unwrap();
    let drift = drift.map(str::to_owned);
    fake.send(Event::Verified { drift, changes });
    fake.settle();
}

fn degraded(message: &str) -> Did {
    let message = message.to_owned();
    Did::Report(AgentStatus::Degraded { message })
}

fn open(table: &mut Option<Table>) {
    let isolated = table.as_mut().unwrap().sets.get_mut("ingress4").unwrap();
    isolated.elements.clear();
}

#[test]
fn an_edit_is_told_explained_and_repaired() {
    let mut fake = isolated();
    let intended = fake.table.clone();
    let applied = fake.machine.health().applied.unwrap();
    fake.edit(open);
    fake.settle();
    assert_eq!(fake.table, intended);
    let told = "another program changed the table (ingress4: 1 element missing); it is repaired";
    assert!(fake.log.contains(&degraded(told)), "{:?}", fake.log);
    let revision = applied;
    let applied = Did::Report(AgentStatus::Applied { revision });
    assert_eq!(fake.log.last(), Some(&applied));
    let [explained] = fake.explained.as_slice() else {
        panic!("{:?}", fake.explained);
    };
    assert!(explained.sets["ingress4"].elements.is_empty());
    assert_eq!(fake.machine.health().repairs, 1);
}

/// The table is read because of another program's own tables, while a policy changes.
#[test]
fn a_change_of_a_policy_is_no_edit_of_others() {
    let mut fake = isolated();
    fake.send(Event::ForeignEdit);
    let more = policy("more", "web", &[super::cluster::from_app("x")], None);
    fake.apply(AgentObject::NetworkPolicy(more));
    fake.settle();
    let reports = |did: &Did| matches!(did, Did::Report(AgentStatus::Degraded { .. }));
    assert!(!fake.log.iter().any(reports), "{:?}", fake.log);
    assert_eq!(fake.machine.health().repairs, 0);
}

/// Nobody was seen changing it.
#[test]
fn drift_that_a_verification_finds_is_repaired() {
    let mut fake = isolated();
    let intended = fake.table.clone();
    open(&mut fake.table);
    verified(&mut fake, Some(WRONG));
    assert_eq!(fake.log.first(), Some(&degraded(WRONG)));
    assert_eq!(fake.table, intended);
    let is_applied = |did: &Did| matches!(did, Did::Report(AgentStatus::Applied { .. }));
    assert!(fake.log.last().is_some_and(is_applied), "{:?}", fake.log);
    assert_eq!(fake.machine.health().problem, None);
}

#[test]
fn drift_that_cannot_be_repaired_stays_reported_until_it_is_gone() {
    let mut fake = isolated();
    for _ in 0..3 {
        verified(&mut fake, Some(WRONG));
    }
    assert_eq!(fake.log.last(), Some(&degraded(WRONG)));
    let reports = fake.log.iter().filter(|did| **did == degraded(WRONG));
    assert_eq!(reports.count(), 2, "at once, and after what is applied");
    assert_eq!(fake.machine.health().problem.as_deref(), Some(WRONG));
    assert!(!fake.log.contains(&Did::Commit));
    verified(&mut fake, None);
    let is_applied = |did: &Did| matches!(did, Did::Report(AgentStatus::Applied { .. }));
    assert!(fake.log.last().is_some_and(is_applied), "{:?}", fake.log);
    assert_eq!(fake.machine.health().problem, None);
}

#[test]
fn what_was_found_before_a_change_does_not_count() {
    let mut fake = isolated();
    let changes = fake.machine.pulse().changes.unwrap();
    let more = policy("more", "web", &[super::cluster::from_app("x")], None);
    fake.apply(AgentObject::NetworkPolicy(more));
    fake.settle();
    fake.forget_log();
    let drift = Some(WRONG.to_owned());
    fake.send(Event::Verified { drift, changes });
    assert_eq!(fake.log, []);
}

#[test]
fn all_begins_anew_with_each_connection_to_the_store() {
    let mut fake = isolated();
    let before = fake.machine.pulse().beginnings;
    fake.sync([namespace(), node()], 9);
    assert!(fake.machine.pulse().beginnings > before);
}
