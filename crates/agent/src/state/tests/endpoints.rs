//! Pods that come and go.

use std::time::Duration;

use ringfence_cni::{EndpointState, Request, Response};

use super::cluster::{connection, endpoint, id, named, namespace, node, pod, policy};
use super::node::{Commits, Did, FakeNode};
use crate::protocol::{AgentKey, AgentObject, AgentStatus, StoreEvent};
use crate::state::{Event, PATIENCE};

const WEB: &[&str] = &["10.244.1.2"];

fn objects() -> Vec<AgentObject> {
    vec![namespace(), node(), AgentObject::Pod(pod("web", WEB))]
}

fn message(node: &FakeNode, ticket: u64) -> String {
    match node.answer(ticket) {
        Some(Response::Failed { message, .. }) => message.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pod_is_answered_after_the_commit_that_holds_it() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", WEB), 1);
    assert_eq!(
        (node.answer(1), node.log.last()),
        (None, Some(&Did::Commit))
    );
    node.step();
    assert_eq!(node.answer(1), Some(&Response::Done));
    assert!(node.is_programmed("vethrfweb"));
}

#[test]
fn a_pod_that_comes_during_a_commit_waits_for_the_next() {
    let mut node = FakeNode::synced(objects());
    node.apply(AgentObject::Pod(pod("db", &[])));
    node.wire(endpoint("web", WEB), 1);
    node.wire(endpoint("db", &["10.244.1.3"]), 2);
    node.step();
    assert_eq!(
        (node.answer(1), node.answer(2)),
        (Some(&Response::Done), None)
    );
    node.step();
    assert_eq!(node.answer(2), Some(&Response::Done));
}

#[test]
fn asking_twice_for_the_same_pod_is_answered_twice() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", WEB), 1);
    node.wire(endpoint("web", WEB), 2);
    node.settle();
    node.wire(endpoint("web", WEB), 3);
    node.settle();
    for ticket in 1..=3 {
        assert_eq!(node.answer(ticket), Some(&Response::Done));
    }
}

#[test]
fn a_new_pod_does_not_make_the_connections_be_listed() {
    let mut node = FakeNode::synced(objects());
    node.apply(AgentObject::NetworkPolicy(policy("deny", "web", &[], None)));
    node.settle();
    node.forget_log();
    node.wire(endpoint("web", WEB), 1);
    node.settle();
    assert_eq!(node.log, [Did::Commit, Did::Answer(1, Response::Done)]);
}

#[test]
fn a_pod_that_is_not_known_yet_waits_for_the_store() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("late", &["10.244.1.9"]), 1);
    node.settle();
    node.sleep(PATIENCE - Duration::from_millis(1));
    assert_eq!(
        (node.answer(1), node.is_programmed("vethrflate")),
        (None, false)
    );
    node.apply(AgentObject::Pod(pod("late", &[])));
    node.settle();
    assert_eq!(node.answer(1), Some(&Response::Done));
    assert!(node.is_programmed("vethrflate"));
}

#[test]
fn a_pod_that_stays_unknown_is_refused_and_never_programmed() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("late", &["10.244.1.9"]), 1);
    node.sleep(PATIENCE);
    assert_eq!(
        message(&node, 1),
        "pod shop/late is unknown to the node agent"
    );
    node.apply(AgentObject::Pod(pod("late", &[])));
    node.settle();
    assert!(!node.is_programmed("vethrflate"));
}

#[test]
fn the_reason_of_a_refusal_is_the_real_one() {
    let mut unsynced = FakeNode::new();
    unsynced.load(Vec::new());
    unsynced.wire(endpoint("web", WEB), 1);
    unsynced.sleep(PATIENCE);
    assert!(message(&unsynced, 1).contains("has not received"));

    let mut finished = FakeNode::synced(objects());
    let mut gone = pod("web", WEB);
    gone.phase = ringfence_model::Phase::Failed;
    finished.apply(AgentObject::Pod(gone));
    finished.wire(endpoint("web", WEB), 1);
    finished.sleep(PATIENCE);
    assert!(message(&finished, 1).contains("has finished"));

    let mut refusing = FakeNode::synced(objects());
    refusing.commits = Commits::Fail { retry: true };
    refusing.wire(endpoint("web", WEB), 1);
    refusing.settle();
    refusing.sleep(PATIENCE);
    assert_eq!(message(&refusing, 1), "no");
}

#[test]
fn endpoints_that_would_spoil_the_whole_table_are_refused_alone() {
    let mut node = FakeNode::synced(objects());
    node.apply(AgentObject::Pod(pod("db", &[])));
    node.wire(endpoint("web", WEB), 1);
    node.settle();
    let mut nameless = endpoint("db", &["10.244.1.3"]);
    nameless.pod = None;
    let mut strange = endpoint("db", &["10.244.1.3"]);
    strange.host_interface = "eth7".to_owned();
    let mut interface = endpoint("db", &["10.244.1.3"]);
    interface.host_interface = "vethrfweb".to_owned();
    for (ticket, bad) in [
        (2, nameless),
        (3, strange),
        (4, interface),
        (5, endpoint("db", WEB)),
    ] {
        node.wire(bad, ticket);
        node.settle();
        assert!(!message(&node, ticket).is_empty());
    }
    node.wire(endpoint("db", &["10.244.1.3"]), 6);
    node.settle();
    assert_eq!(node.answer(6), Some(&Response::Done));
}

#[test]
fn a_release_goes_rules_connections_record_answer() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", WEB), 1);
    node.settle();
    node.connections = vec![
        connection(6, ("10.244.1.2", 1000), ("10.244.9.9", 80)),
        connection(17, ("10.244.9.9", 1001), ("10.244.1.2", 53)),
        connection(6, ("10.244.9.9", 1002), ("10.244.9.8", 80)),
    ];
    node.forget_log();
    node.release(id("web"), 2);
    node.settle();
    let order = [
        Did::Commit,
        Did::ListConnections,
        Did::Revoke(2),
        Did::Forget(id("web")),
        Did::Answer(2, Response::Done),
    ];
    assert_eq!(node.log[..5], order);
    assert!(!node.is_programmed("vethrfweb"));
    assert_eq!(node.connections.len(), 1);
}

#[test]
fn a_release_during_the_commit_that_holds_the_pod_waits_for_the_next() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", WEB), 1);
    node.release(id("web"), 2);
    node.step();
    assert!(node.is_programmed("vethrfweb"));
    assert_eq!(
        (node.answer(2), node.log.last()),
        (None, Some(&Did::Commit))
    );
    node.settle();
    assert_eq!(node.answer(2), Some(&Response::Done));
}

#[test]
fn an_address_is_not_freed_while_the_kernel_may_hold_its_rules() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", WEB), 1);
    node.settle();
    node.commits = Commits::Fail { retry: true };
    node.release(id("web"), 2);
    node.settle();
    node.sleep(PATIENCE * 2);
    assert!(message(&node, 2).starts_with("the rules could not be removed yet"));
    assert!(!node.log.contains(&Did::Forget(id("web"))));
    node.wire(endpoint("db", WEB), 3);
    assert!(message(&node, 3).contains("still belongs to shop/web"));
    node.commits = Commits::Succeed;
    node.sleep(Duration::from_secs(60));
    assert!(node.log.contains(&Did::Forget(id("web"))));
}

#[test]
fn an_address_is_not_freed_while_its_connections_live() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", WEB), 1);
    node.settle();
    node.connections_work = false;
    node.release(id("web"), 2);
    node.settle();
    node.sleep(PATIENCE);
    assert!(message(&node, 2).starts_with("connections are not cut yet"));
    assert!(!node.log.contains(&Did::Forget(id("web"))));
    node.connections_work = true;
    node.sleep(Duration::from_secs(60));
    assert!(node.log.contains(&Did::Forget(id("web"))));
}

#[test]
fn releasing_what_is_unknown_is_done_at_once() {
    let mut node = FakeNode::synced(objects());
    node.release(id("nobody"), 1);
    assert_eq!(
        node.log[..2],
        [Did::Forget(id("nobody")), Did::Answer(1, Response::Done)]
    );
}

#[test]
fn a_pod_released_before_it_was_programmed_is_told_so() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("late", &["10.244.1.9"]), 1);
    node.release(id("late"), 2);
    node.settle();
    assert_eq!(message(&node, 1), "the pod was released meanwhile");
    assert_eq!(node.answer(2), Some(&Response::Done));
}

#[test]
fn a_name_can_be_used_again_after_its_release() {
    let mut node = FakeNode::synced(objects());
    node.wire(endpoint("web", WEB), 1);
    node.settle();
    node.release(id("web"), 2);
    node.wire(endpoint("web", WEB), 3);
    assert!(message(&node, 3).contains("still being released"));
    node.settle();
    node.wire(endpoint("web", WEB), 4);
    node.settle();
    assert_eq!(node.answer(4), Some(&Response::Done));
}

#[test]
fn requests_before_the_records_are_read_wait_for_them() {
    let mut node = FakeNode::new();
    node.sync(objects(), 1);
    node.release(id("web"), 1);
    node.wire(endpoint("db", &["10.244.1.3"]), 2);
    node.apply(AgentObject::Pod(pod("db", &[])));
    assert_eq!(node.log, []);
    node.load(vec![endpoint("web", WEB)]);
    node.settle();
    assert_eq!(node.answer(1), Some(&Response::Done));
    assert_eq!(node.answer(2), Some(&Response::Done));
    assert!(!node.is_programmed("vethrfweb"));
}

#[test]
fn records_are_taken_over_by_their_state() {
    let mut released = endpoint("old", &["10.244.1.7"]);
    released.state = EndpointState::Released;
    let mut reserved = endpoint("new", &["10.244.1.8"]);
    reserved.state = EndpointState::Reserved;
    let mut node = FakeNode::new();
    node.connections = vec![connection(6, ("10.244.1.7", 1), ("10.244.9.9", 80))];
    node.load(vec![endpoint("web", WEB), released, reserved]);
    node.sync(objects(), 1);
    node.settle();
    assert!(node.log.contains(&Did::Forget(id("old"))));
    assert!(!node.log.contains(&Did::Forget(id("new"))));
    assert_eq!(node.connections, []);
    assert!(node.is_programmed("vethrfweb"));
    assert!(!node.is_programmed("vethrfnew"));
}

#[test]
fn a_finished_or_vanished_pod_loses_its_rules_at_once() {
    for vanish in [false, true] {
        let mut node = FakeNode::synced(objects());
        node.wire(endpoint("web", WEB), 1);
        node.settle();
        node.connections = vec![connection(6, ("10.244.1.2", 1), ("203.0.113.9", 443))];
        if vanish {
            node.delete(AgentKey::Pod(named("web")));
        } else {
            let mut finished = pod("web", WEB);
            finished.phase = ringfence_model::Phase::Succeeded;
            node.apply(AgentObject::Pod(finished));
        }
        node.store(StoreEvent::Synced { revision: 2 });
        node.settle();
        assert!(!node.is_programmed("vethrfweb"));
        assert_eq!(node.connections, []);
        assert_eq!(
            node.log.last(),
            Some(&Did::Report(AgentStatus::Applied { revision: 2 }))
        );
    }
}

#[test]
fn check_and_status_tell_the_truth() {
    let mut node = FakeNode::new();
    node.load(Vec::new());
    let ask = |node: &mut FakeNode, request, ticket| {
        node.send(Event::Request { request, ticket });
        node.answer(ticket).cloned().unwrap()
    };
    assert!(matches!(
        ask(&mut node, Request::Status, 1),
        Response::Failed { .. }
    ));
    node.sync(objects(), 1);
    assert!(matches!(
        ask(&mut node, Request::Status, 2),
        Response::Failed { .. }
    ));
    node.settle();
    assert_eq!(
        ask(&mut node, Request::Status, 3),
        Response::Ready { endpoints: 0 }
    );
    assert!(matches!(
        ask(&mut node, Request::Check(id("web")), 4),
        Response::Failed { .. }
    ));
    node.wire(endpoint("web", WEB), 5);
    assert!(matches!(
        ask(&mut node, Request::Check(id("web")), 6),
        Response::Failed { .. }
    ));
    node.settle();
    assert_eq!(ask(&mut node, Request::Check(id("web")), 7), Response::Done);
    assert_eq!(
        ask(&mut node, Request::Status, 8),
        Response::Ready { endpoints: 1 }
    );
    node.send(Event::StoreDisconnected);
    assert!(matches!(
        ask(&mut node, Request::Status, 9),
        Response::Failed { .. }
    ));
    assert_eq!(
        ask(&mut node, Request::Check(id("web")), 10),
        Response::Done
    );
}
