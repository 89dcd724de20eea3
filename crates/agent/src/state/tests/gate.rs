//! A table that replaces another one, where something denies.

use ringfence_ruleset::{Statement, Table, Verdict};
use ringfence_testkit::builder::{admin, deny};

use super::cluster::{endpoint, namespace, node, pod};
use super::node::{Did, FakeNode};
use crate::protocol::{AgentObject, AgentStatus};

const WEB: &str = "10.244.1.2";

fn objects(denies: bool) -> Vec<AgentObject> {
    let policy = admin("inside", 1).egress(deny().networks(&["203.0.113.0/24"]));
    let mut objects = vec![namespace(), node(), AgentObject::Pod(pod("web", &[WEB]))];
    objects.extend(denies.then(|| AgentObject::ClusterPolicy(policy.build())));
    objects
}

/// A node that starts over the table that an earlier agent left.
fn over(table: Option<Table>, denies: bool) -> FakeNode {
    let mut fake = FakeNode::with_table(table);
    fake.load(vec![endpoint("web", &[WEB])]);
    fake.sync(objects(denies), 1);
    fake
}

fn of_another_version(denies: bool) -> Option<Table> {
    let mut first = over(None, denies);
    first.settle();
    let table = first.table.clone().unwrap();
    let comment = Some("another layout".to_owned());
    Some(Table { comment, ..table })
}

fn is_closed(table: &Table) -> bool {
    let first = &table.chains["strict"].rules[0];
    first.statements == [Statement::Verdict(Verdict::Drop)]
}

#[test]
fn nothing_can_be_opened_before_the_table_is_whole() {
    let mut fake = over(of_another_version(true), true);
    while fake.transactions.is_empty() {
        assert!(fake.step());
    }
    let closed = fake.table.clone();
    assert!(closed.as_ref().is_some_and(is_closed));
    let applied = Did::Report(AgentStatus::Applied { revision: 1 });
    assert!(!fake.log.contains(&applied) && fake.machine.pulse().changes.is_none());
    fake.settle();
    let whole = Some(fake.expected(&[endpoint("web", &[WEB])]));
    assert_eq!((fake.transactions.len(), &fake.table), (2, &whole));
    assert_eq!(fake.log.last(), Some(&applied));
    // An agent that dies in between leaves the rest to the next one.
    let mut next = over(closed, true);
    next.settle();
    assert_eq!((next.transactions.len(), &next.table), (1, &whole));
}

#[test]
fn where_nothing_denies_it_is_one_transaction() {
    let mut fake = over(of_another_version(false), false);
    fake.settle();
    assert_eq!(fake.transactions.len(), 1);
    assert_eq!(
        fake.log.iter().filter(|did| **did == Did::Commit).count(),
        1
    );
}
