//! A table that replaces another one.

use std::time::Duration;

use ringfence_ruleset::{ChainKind, Table};
use ringfence_testkit::builder::{admin, deny};

use super::cluster::{endpoint, namespace, node, pod, policy};
use super::node::{Commits, Did, FakeNode};
use crate::protocol::{AgentObject, AgentStatus};

const WEB: &str = "10.244.1.2";

/// A node that starts over what an earlier agent left.
fn over(table: Option<Table>) -> FakeNode {
    let mut fake = FakeNode::with_table(table);
    fake.load(vec![endpoint("web", &[WEB])]);
    let inside = admin("inside", 1).egress(deny().networks(&["203.0.113.0/24"]));
    fake.sync(
        [
            namespace(),
            node(),
            AgentObject::Pod(pod("web", &[WEB])),
            AgentObject::ClusterPolicy(inside.build()),
        ],
        1,
    );
    fake
}

fn whole() -> Table {
    let mut first = over(None);
    first.settle();
    first.table.unwrap()
}

fn of_another_version() -> Option<Table> {
    let comment = Some("another layout".to_owned());
    Some(Table { comment, ..whole() })
}

fn applied() -> Did {
    Did::Report(AgentStatus::Applied { revision: 1 })
}

/// What of a table judges.
fn judging(mut table: Table) -> Table {
    let translates =
        |chain: &ringfence_ruleset::Chain| chain.base.is_some_and(|it| it.kind == ChainKind::Nat);
    table.chains.retain(|_, chain| !translates(chain));
    table
}

#[test]
fn the_new_policies_are_in_force_beside_the_table_until_it_is_replaced() {
    let mut fake = over(of_another_version());
    while fake.interim.is_none() {
        assert!(fake.step());
    }
    let beside = Some(judging(whole()));
    assert_eq!(
        (&fake.table, &fake.interim),
        (&of_another_version(), &beside)
    );
    assert!(fake.step());
    assert_eq!((&fake.table, &fake.interim), (&Some(whole()), &beside));
    assert!(!fake.log.contains(&applied()));
    fake.settle();
    assert_eq!((&fake.table, &fake.interim), (&Some(whole()), &None));
    assert_eq!(fake.log.last(), Some(&applied()));
    assert_eq!(fake.transactions.len(), 1);
}

#[test]
fn what_is_no_replacement_has_nothing_beside_it() {
    let mut fake = over(None);
    fake.settle();
    fake.forget_log();
    fake.apply(AgentObject::NetworkPolicy(policy(
        "closed",
        "web",
        &[],
        None,
    )));
    fake.store(crate::protocol::StoreEvent::Synced { revision: 2 });
    fake.settle();
    assert!(fake.log.contains(&Did::Commit));
    assert!(!fake.log.contains(&Did::Interim));
}

#[test]
fn an_agent_takes_away_what_its_predecessor_left_beside_the_table() {
    let mut fake = over(Some(whole()));
    fake.interim = Some(judging(whole()));
    fake.settle();
    assert_eq!((fake.transactions.len(), &fake.interim), (0, &None));
    assert_eq!(fake.log.last(), Some(&applied()));
}

#[test]
fn where_the_table_cannot_be_replaced_nothing_stays_beside_it() {
    let mut fake = over(of_another_version());
    fake.commits = Commits::Fail { retry: true };
    fake.settle();
    assert!(fake.log.contains(&Did::Commit) && fake.transactions.is_empty());
    assert_eq!((&fake.table, &fake.interim), (&of_another_version(), &None));
    fake.commits = Commits::Succeed;
    fake.sleep(Duration::from_secs(1));
    assert_eq!((&fake.table, &fake.interim), (&Some(whole()), &None));
}

#[test]
fn without_it_the_table_is_not_replaced() {
    let mut fake = over(of_another_version());
    fake.interim_commits = Commits::Fail { retry: true };
    fake.settle();
    fake.sleep(Duration::from_secs(1));
    assert_eq!(fake.table, of_another_version());
    fake.interim_commits = Commits::Succeed;
    fake.sleep(Duration::from_secs(10));
    assert_eq!((&fake.table, &fake.interim), (&Some(whole()), &None));
}

#[test]
fn what_stays_beside_the_table_is_told_and_tried_again() {
    let mut fake = over(of_another_version());
    while fake.transactions.is_empty() {
        assert!(fake.step());
    }
    fake.interim_commits = Commits::Fail { retry: true };
    fake.settle();
    let told = |did: &Did| matches!(did, Did::Report(AgentStatus::Degraded { message }) if message.contains("not beside"));
    assert!(fake.interim.is_some() && fake.log.iter().any(told));
    fake.interim_commits = Commits::Succeed;
    fake.sleep(Duration::from_secs(10));
    assert_eq!(fake.interim, None);
    assert_eq!(fake.log.last(), Some(&applied()));
}
