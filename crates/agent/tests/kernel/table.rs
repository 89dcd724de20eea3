//! The live table is the compiled one.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::agent::{Node, eventually, generation, live};
use crate::objects::{endpoint, namespace, node, pod, policy, service};
use crate::protection::edits;
use ringfence_agent::TABLE_NAME;
use ringfence_agent::protocol::{AgentObject, AgentStatus};
use ringfence_agent::status::ask_health;
use ringfence_cni::{Endpoint, EndpointState, Request, Response};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::Operation;

pub(crate) fn objects() -> Vec<AgentObject> {
    vec![
        namespace(),
        node(),
        pod("web", "10.244.1.2"),
        pod("db", "10.244.1.3"),
        policy("db", "db", &["web"], Some(5432)),
        policy("web", "web", &[], None),
        service("db", "db", "10.96.0.10"),
    ]
}

pub(crate) fn endpoints() -> [Endpoint; 2] {
    [endpoint("web", "10.244.1.2"), endpoint("db", "10.244.1.3")]
}

pub(crate) fn started() -> Node {
    started_with(true)
}

fn started_with(protect_table: bool) -> Node {
    let mut node = Node::new(objects());
    node.configure(|config| config.protect_table = protect_table);
    for endpoint in endpoints() {
        node.record(&endpoint);
    }
    node.start();
    node.store.wait();
    node
}

pub(crate) fn assert_as_compiled(node: &Node, endpoints: &[Endpoint]) {
    let expected = node.expected(&node.store.cluster(), endpoints);
    let live = live().expect("a table");
    assert!(live == expected, "live:\n{live}\nexpected:\n{expected}");
}

pub(crate) fn the_kernel_holds_what_was_compiled() {
    let mut node = Node::new(objects());
    node.start();
    let [web, db] = endpoints();
    node.record(&web);
    assert_eq!(node.ask(&Request::Wired(web.clone())), Response::Done);
    assert_as_compiled(&node, std::slice::from_ref(&web));
    node.record(&db);
    assert_eq!(node.ask(&Request::Wired(db.clone())), Response::Done);
    assert_as_compiled(&node, &[web.clone(), db.clone()]);
    assert_eq!(node.ask(&Request::Check(db.id.clone())), Response::Done);
    assert_eq!(node.ask(&Request::Status), Response::Ready { endpoints: 2 });

    let released = Endpoint {
        state: EndpointState::Released,
        ..db.clone()
    };
    node.record(&released);
    assert_eq!(node.ask(&Request::Released(db.id.clone())), Response::Done);
    assert_as_compiled(&node, &[web]);
    assert!(!node.record_path(&db.id).exists());
}

pub(crate) fn a_restart_writes_nothing() {
    let mut node = started_with(false);
    let before = generation();
    node.kill();
    node.store.forget_statuses();
    node.start();
    node.store.wait();
    assert_eq!(generation(), before);
    assert_as_compiled(&node, &endpoints());
}

/// Where the kernel cannot keep others from it.
pub(crate) fn what_others_change_is_repaired() {
    let node = started_with(false);
    let expected = node.expected(&node.store.cluster(), &endpoints());
    let mut nftables = Nftables::open().unwrap();
    for edit in edits() {
        node.store.forget_statuses();
        nftables.apply(TABLE_NAME, &[edit]).unwrap();
        eventually("the repair", || {
            (live().as_ref() == Some(&expected)).then_some(())
        });
        is_reported(&node);
    }
    // Its own repairs are no edits of others.
    let after = generation();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(generation(), after);
}

fn is_reported(node: &Node) {
    eventually("the report", || {
        let statuses = node.store.statuses();
        let degraded = |status: &AgentStatus| matches!(status, AgentStatus::Degraded { .. });
        statuses.iter().any(degraded).then_some(())
    });
    node.store.wait();
}

/// It is repaired at once, and what packets met meanwhile is told with one of them. The agent verifies its table without
/// being asked.
pub(crate) fn an_edited_element_is_repaired_and_told_with_a_packet() {
    let node = started_with(false);
    let health = || ask_health(&node.config.status_socket()).unwrap();
    let verified = eventually("a verification", || health().watched.last);
    assert_eq!(verified.problem, None);
    assert!(verified.elements > 0 && verified.coverage.class_pairs > 0);
    let expected = node.expected(&node.store.cluster(), &endpoints());
    let opens = edits().pop().expect("isolated pods");
    assert!(matches!(opens, Operation::DeleteElements { .. }));
    node.store.forget_statuses();
    let began = Instant::now();
    let mut other = Nftables::open().unwrap();
    other.apply(TABLE_NAME, &[opens]).unwrap();
    eventually("the repair", || {
        (live().as_ref() == Some(&expected)).then_some(())
    });
    assert!(began.elapsed() < Duration::from_secs(20));
    is_reported(&node);
    let told = "another program changed the table (ingress4: 2 elements missing); it is repaired";
    let message = told.to_owned();
    let degraded = AgentStatus::Degraded { message };
    assert!(node.store.statuses().contains(&degraded));
    let repaired = eventually("the packet", || health().watched.repaired);
    assert!(repaired.differences > 0, "{repaired:?}");
    assert!(
        repaired.witness.contains("accept instead of drop"),
        "{repaired:?}"
    );
    let health = health();
    assert_eq!((health.repairs, health.problem), (1, None));
    assert_eq!(health.watched.drift, None);
}

/// It looks as before, and no packet meets it.
pub(crate) fn a_table_that_was_put_to_sleep_is_replaced() {
    let node = started_with(false);
    node.store.forget_statuses();
    let sleep = ["add table inet ringfence { flags dormant; }"];
    // Nothing but nft can say it.
    if Command::new("nft").args(sleep).status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "there is no `nft`");
        return;
    }
    eventually("the table awake", || {
        let flags = Nftables::open().unwrap().table_flags(TABLE_NAME).unwrap();
        flags.is_some_and(|flags| !flags.dormant).then_some(())
    });
    is_reported(&node);
    assert_as_compiled(&node, &endpoints());
}

pub(crate) fn sigterm_leaves_everything_in_place() {
    let mut node = started();
    let before = generation();
    assert!(node.terminate());
    assert_eq!(generation(), before);
    assert_as_compiled(&node, &endpoints());
}
