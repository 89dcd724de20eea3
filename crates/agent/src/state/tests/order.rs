//! What happens when: silence before sync, one job at a time, failures, reconnects, foreign edits.

use std::time::Duration;

use ringfence_cni::Response;
use ringfence_model::{PolicyPort, PortMatch};
use ringfence_net::{PortRange, Protocol};
use ringfence_ruleset::Operation;

use super::cluster::{endpoint, from_block, id, named, namespace, node, pod, policy, service};
use super::node::{Commits, Did, FakeNode};
use crate::protocol::{AgentKey, AgentObject, AgentStatus, StoreEvent};
use crate::state::{Action, Event, LiveTable, Which};

fn objects() -> Vec<AgentObject> {
    vec![
        namespace(),
        node(),
        AgentObject::Pod(pod("web", &["10.244.1.2"])),
        AgentObject::NetworkPolicy(policy("deny", "web", &[], None)),
    ]
}

fn applied(revision: u64) -> Did {
    Did::Report(AgentStatus::Applied { revision })
}

/// Only elements, no rule and no set, were written.
fn is_elements_only(operations: &[Operation]) -> bool {
    operations.iter().all(|operation| {
        matches!(
            operation,
            Operation::AddElements { .. } | Operation::DeleteElements { .. }
        )
    })
}

#[test]
fn nothing_is_done_before_objects_and_records_are_there() {
    let mut node = FakeNode::new();
    node.store(StoreEvent::Reset);
    for object in objects() {
        node.apply(object);
    }
    node.load(vec![endpoint("web", &["10.244.1.2"])]);
    node.send(Event::ForeignEdit);
    node.sleep(Duration::from_secs(60));
    assert_eq!(node.log, []);
    node.store(StoreEvent::Synced { revision: 5 });
    assert_eq!(node.log, [Did::Read]);

    let mut other = FakeNode::new();
    other.sync(objects(), 5);
    assert_eq!(other.log, []);
    other.load(Vec::new());
    assert_eq!(other.log, [Did::Read]);
}

#[test]
fn the_first_table_is_created_and_judges_what_lives() {
    let mut node = FakeNode::new();
    node.load(vec![endpoint("web", &["10.244.1.2"])]);
    node.sync(objects(), 5);
    node.settle();
    let expected = [Did::Read, Did::Commit, Did::ListConnections, applied(5)];
    assert_eq!(node.log, expected);
    assert_eq!(
        node.table,
        Some(node.expected(&[endpoint("web", &["10.244.1.2"])]))
    );
}

#[test]
fn a_restart_writes_nothing_where_nothing_changed() {
    let records = vec![endpoint("web", &["10.244.1.2"])];
    let mut first = FakeNode::new();
    first.load(records.clone());
    first.sync(objects(), 5);
    first.settle();
    let mut second = FakeNode::with_table(first.table.clone());
    second.load(records);
    second.sync(objects(), 9);
    second.settle();
    assert_eq!(second.log, [Did::Read, Did::ListConnections, applied(9)]);
}

#[test]
fn a_restart_writes_only_what_changed_meanwhile() {
    let mut first = FakeNode::new();
    first.load(vec![endpoint("web", &["10.244.1.2"])]);
    first.sync(objects(), 5);
    first.settle();
    let mut second = FakeNode::with_table(first.table.clone());
    second.load(vec![endpoint("db", &["10.244.1.3"])]);
    let db = AgentObject::Pod(pod("db", &["10.244.1.3"]));
    second.sync(objects().into_iter().chain([db]), 9);
    second.settle();
    assert_eq!(second.transactions.len(), 1);
    assert!(
        is_elements_only(&second.transactions[0]),
        "{:?}",
        second.transactions
    );
    assert_eq!(
        second.table,
        Some(second.expected(&[endpoint("db", &["10.244.1.3"])]))
    );
}

#[test]
fn changes_during_a_commit_are_taken_up_together() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    assert_eq!(node.log, [Did::Commit]);
    for name in ["a", "b", "c"] {
        node.apply(AgentObject::Pod(pod(name, &[])));
        node.wire(endpoint(name, &[&format!("10.244.1.1{}", name.len())]), 2);
        node.release(id(name), 3);
    }
    node.apply(AgentObject::NetworkPolicy(policy(
        "other",
        "web",
        &[],
        None,
    )));
    node.delete(AgentKey::NetworkPolicy(named("deny")));
    node.store(StoreEvent::Synced { revision: 7 });
    assert_eq!(
        node.log.iter().filter(|did| **did == Did::Commit).count(),
        1
    );
    node.settle();
    assert!(node.log.iter().filter(|did| **did == Did::Commit).count() <= 2);
    assert_eq!(node.log.last(), Some(&applied(7)));
}

#[test]
fn a_store_that_never_rests_still_hears_how_far_the_kernel_is() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.settle();
    for revision in 2..30_u16 {
        let changed = policy(
            "deny",
            "web",
            &[super::cluster::from_app("x")],
            Some(revision),
        );
        node.apply(AgentObject::NetworkPolicy(changed));
        node.store(StoreEvent::Synced {
            revision: revision.into(),
        });
        // There is always a newer change before the job under way ends.
        node.step();
    }
    let reports = node
        .log
        .iter()
        .filter(|did| matches!(did, Did::Report(_)))
        .count();
    assert!(reports >= 8, "{:?}", node.log);
}

#[test]
fn what_changes_nothing_in_the_table_is_applied_without_a_commit() {
    let mut node = FakeNode::synced(objects());
    node.apply(AgentObject::NetworkPolicy(policy(
        "inert",
        "nobody",
        &[],
        None,
    )));
    node.store(StoreEvent::Synced { revision: 2 });
    node.settle();
    assert_eq!(node.log, [applied(2)]);
}

#[test]
fn a_failed_commit_is_told_and_tried_again_after_reading() {
    let mut node = FakeNode::synced(objects());
    let before = node.table.clone();
    node.commits = Commits::Fail { retry: true };
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.store(StoreEvent::Synced { revision: 2 });
    node.settle();
    let failed = Did::Report(AgentStatus::Failed {
        message: "no".to_owned(),
    });
    assert_eq!(node.log, [Did::Commit, failed.clone()]);
    node.sleep(Duration::from_millis(99));
    assert_eq!(node.log.len(), 2);
    node.sleep(Duration::from_millis(1));
    assert_eq!(node.log[2..], [Did::Read, Did::Commit, failed.clone()]);
    node.sleep(Duration::from_millis(199));
    assert_eq!(node.log.len(), 5);
    assert_eq!((&node.table, node.answer(1)), (&before, None));
    node.commits = Commits::Succeed;
    node.sleep(Duration::from_millis(1));
    assert_eq!(node.answer(1), Some(&Response::Done));
    assert_eq!(node.log.last(), Some(&applied(2)));
}

#[test]
fn a_refused_commit_waits_long_unless_the_inputs_change() {
    let mut node = FakeNode::synced(objects());
    node.commits = Commits::Fail { retry: false };
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.settle();
    let tries = |node: &FakeNode| node.log.iter().filter(|did| **did == Did::Commit).count();
    node.sleep(Duration::from_secs(5));
    assert_eq!(tries(&node), 1);
    node.apply(AgentObject::Pod(pod("other", &[])));
    node.settle();
    assert_eq!(tries(&node), 2);
    node.sleep(Duration::from_secs(40));
    assert!(tries(&node) <= 4, "{:?}", node.log);
}

#[test]
fn a_kernel_that_holds_something_else_than_thought_is_read_again() {
    let mut node = FakeNode::synced(objects());
    // Another program took the table away; its notification is still on the way.
    node.table = None;
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.settle();
    node.sleep(Duration::from_secs(1));
    assert_eq!(node.answer(1), Some(&Response::Done));
    assert_eq!(
        node.table,
        Some(node.expected(&[endpoint("web", &["10.244.1.2"])]))
    );
}

#[test]
fn a_store_that_is_away_takes_nothing_back() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.settle();
    let before = node.table.clone();
    node.forget_log();
    node.send(Event::StoreDisconnected);
    node.sleep(Duration::from_secs(60));
    node.store(StoreEvent::Reset);
    for object in objects() {
        node.apply(object);
        node.settle();
    }
    assert_eq!((node.log.as_slice(), &node.table), ([].as_slice(), &before));
    node.store(StoreEvent::Synced { revision: 1 });
    node.settle();
    assert_eq!(node.log, [applied(1)]);
}

#[test]
fn a_connection_that_breaks_before_sync_changes_nothing() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.settle();
    node.forget_log();
    node.store(StoreEvent::Reset);
    node.apply(namespace());
    node.send(Event::StoreDisconnected);
    node.send(Event::StoreDisconnected);
    node.sync(objects(), 3);
    node.settle();
    assert_eq!(node.log, [applied(3)]);
}

#[test]
fn no_revision_of_an_earlier_connection_is_reported() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.store(StoreEvent::Synced { revision: 900 });
    // The commit is under way when the store begins anew, counting from one.
    node.sync([namespace()], 1);
    node.settle();
    assert!(!node.log.contains(&applied(900)), "{:?}", node.log);
    assert_eq!(node.log.last(), Some(&applied(1)));
}

#[test]
fn a_foreign_edit_is_repaired_with_the_difference() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.settle();
    let good = node.table.clone();
    node.forget_log();
    node.edit(|table| {
        table
            .as_mut()
            .unwrap()
            .sets
            .get_mut("ingress4")
            .unwrap()
            .elements
            .clear();
    });
    node.settle();
    assert_eq!(node.table, good);
    assert!(is_elements_only(&node.transactions[0]));
    assert!(
        node.log
            .iter()
            .any(|did| matches!(did, Did::Report(AgentStatus::Degraded { .. })))
    );
    assert_eq!(node.log.last(), Some(&applied(1)));
}

#[test]
fn a_foreign_rule_or_chain_or_lost_table_is_repaired() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.settle();
    let good = node.table.clone();
    let mut repair = |edit: fn(&mut ringfence_ruleset::Table)| {
        node.edit(|table| edit(table.as_mut().unwrap()));
        assert_ne!(node.table, good);
        node.settle();
        node.sleep(Duration::from_secs(2));
        assert_eq!(node.table, good);
    };
    repair(|table| table.chains.get_mut("forward").unwrap().rules.clear());
    repair(|table| {
        let rules = &mut table.chains.get_mut("forward").unwrap().rules;
        let last = rules.len() - 1;
        rules[last] = rules[0].clone();
    });
    repair(|table| {
        table
            .chains
            .insert("backdoor".to_owned(), ringfence_ruleset::Chain::default());
    });
    node.edit(|table| *table = None);
    node.settle();
    assert_eq!(node.table, good);
}

#[test]
fn a_table_that_cannot_be_understood_is_replaced_at_once() {
    let mut node = FakeNode::new();
    node.load(Vec::new());
    node.sync(objects(), 1);
    node.table = Some(node.expected(&[]));
    let actions = node.machine.handle(
        Event::KernelState {
            live: LiveTable::Foreign {
                reason: "a flow table".to_owned(),
            },
            interim: false,
        },
        node.now,
    );
    assert!(matches!(actions[0], Action::Commit(Which::Interim, _)));
    let actions = node.machine.handle(Event::Committed, node.now);
    let Action::Commit(Which::Table, operations) = &actions[0] else {
        panic!("{actions:?}")
    };
    assert_eq!(operations[0], Operation::DeleteTable);
    assert!(operations.len() > 20);
}

#[test]
fn somebody_who_never_stops_editing_is_answered_once_a_second() {
    let mut node = FakeNode::synced(objects());
    for _ in 0..100 {
        node.edit(|table| *table = None);
        node.settle();
        node.sleep(Duration::from_millis(50));
    }
    let commits = node.log.iter().filter(|did| **did == Did::Commit).count();
    assert!((4..=7).contains(&commits), "{commits}");
}

#[test]
fn own_repairs_do_not_count_as_a_problem() {
    let mut node = FakeNode::synced(objects());
    node.send(Event::ForeignEdit);
    node.settle();
    assert_eq!(node.log, [Did::Read]);
    assert_eq!(node.machine.health().problem, None);
}

#[test]
fn unreadable_connections_hold_up_neither_pods_nor_policies() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.settle();
    node.forget_log();
    node.connections_work = false;
    let again = policy("deny", "web", &[], Some(1));
    node.apply(AgentObject::NetworkPolicy(policy(
        "allow",
        "web",
        &[super::cluster::from_app("x")],
        None,
    )));
    node.delete(AgentKey::NetworkPolicy(named("allow")));
    node.settle();
    node.apply(AgentObject::NetworkPolicy(again));
    node.delete(AgentKey::Pod(named("web")));
    node.store(StoreEvent::Synced { revision: 8 });
    node.settle();
    assert!(
        node.log
            .iter()
            .any(|did| matches!(did, Did::Report(AgentStatus::Degraded { .. })))
    );
    assert!(!node.log.contains(&applied(8)));
    assert_eq!(
        node.table,
        Some(node.expected(&[endpoint("web", &["10.244.1.2"])]))
    );
    node.connections_work = true;
    node.sleep(Duration::from_secs(1));
    assert_eq!(node.log.last(), Some(&applied(8)));
}

/// A rule with the product of so many blocks and ports.
fn costly(blocks: u8) -> AgentObject {
    let peers: Vec<_> = (0..blocks)
        .map(|index| from_block(&format!("172.16.{index}.0/24")))
        .collect();
    let mut costly = policy("costly", "web", &peers, None);
    let port = |first: u16| PolicyPort {
        protocol: Protocol::Tcp,
        port: PortMatch::Range(PortRange::new(first, first + 1).unwrap()),
    };
    costly.ingress[0].ports = (0..100).map(|index| port(1000 + 3 * index)).collect();
    AgentObject::NetworkPolicy(costly)
}

#[test]
fn a_rule_that_costs_too_much_is_reported_and_fails_nothing() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", &["10.244.1.2"]), 1);
    node.settle();
    node.forget_log();
    node.apply(costly(100));
    node.store(StoreEvent::Synced { revision: 2 });
    node.settle();
    let message = "policy shop/costly ingress[0] is left out: it takes 10000 set elements per pod address, and 8192 are allowed";
    let degraded = Did::Report(AgentStatus::Degraded {
        message: message.to_owned(),
    });
    let reports = |node: &FakeNode| node.log.iter().filter(|did| **did == degraded).count();
    assert_eq!(node.log.last(), Some(&degraded));
    assert!(node.log.contains(&applied(2)));
    assert_eq!(reports(&node), 1);
    assert_eq!(node.machine.health().problem.as_deref(), Some(message));
    node.sleep(Duration::from_secs(60));
    assert_eq!(reports(&node), 1);

    node.apply(costly(80));
    node.store(StoreEvent::Synced { revision: 3 });
    node.settle();
    assert_eq!(node.log.last(), Some(&applied(3)));
    assert_eq!(reports(&node), 1);
    assert_eq!(node.machine.health().problem, None);
}

#[test]
fn what_belongs_together_takes_effect_at_once() {
    let own = |name, address| AgentObject::Service(service(name, "web", address, 80, 8080));
    let mut node = FakeNode::synced(objects());
    node.store(StoreEvent::Begin);
    node.apply(own("first", "10.96.0.71"));
    node.settle();
    assert_eq!(node.log, []);
    node.apply(own("second", "10.96.0.72"));
    node.store(StoreEvent::Synced { revision: 2 });
    node.settle();
    let commits = node.log.iter().filter(|did| **did == Did::Commit).count();
    assert_eq!(commits, 1);
    let names = |node: &FakeNode| {
        let services = node.machine.cluster().services.keys();
        services.map(|key| key.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&node), ["first", "second"]);
    // What was half received when the store hung up is not taken up by another beginning.
    node.store(StoreEvent::Begin);
    node.delete(AgentKey::Service(named("first")));
    node.send(Event::StoreDisconnected);
    node.settle();
    assert_eq!(names(&node), ["first", "second"]);
}
