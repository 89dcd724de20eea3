//! The live table is the compiled one.

use ringfence_agent::TABLE_NAME;
use ringfence_agent::protocol::{AgentObject, AgentStatus};
use ringfence_cni::{Endpoint, EndpointState, Request, Response};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{Operation, Rule, Statement, Verdict};

use crate::agent::{Node, eventually, generation, live};
use crate::objects::{endpoint, namespace, node, pod, policy, service};

fn objects() -> Vec<AgentObject> {
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

fn endpoints() -> [Endpoint; 2] {
    [endpoint("web", "10.244.1.2"), endpoint("db", "10.244.1.3")]
}

fn started() -> Node {
    let mut node = Node::new(objects());
    for endpoint in endpoints() {
        node.record(&endpoint);
    }
    node.start();
    node.store.wait();
    node
}

fn assert_as_compiled(node: &Node, endpoints: &[Endpoint]) {
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
    let mut node = started();
    let before = generation();
    node.kill();
    node.store.forget_statuses();
    node.start();
    node.store.wait();
    assert_eq!(generation(), before);
    assert_as_compiled(&node, &endpoints());
}

pub(crate) fn what_others_change_is_repaired() {
    let node = started();
    let mut nftables = Nftables::open().unwrap();
    let accept = Rule {
        statements: vec![Statement::Verdict(Verdict::Accept)],
        comment: None,
    };
    let rule = Operation::AddRule {
        chain: "ingress-judge4".to_owned(),
        rule: accept,
    };
    nftables.apply(TABLE_NAME, &[rule]).unwrap();
    let expected = node.expected(&node.store.cluster(), &endpoints());
    eventually("the repair", || {
        (live() == Some(expected.clone())).then_some(())
    });
    nftables
        .apply(TABLE_NAME, &[Operation::DeleteTable])
        .unwrap();
    eventually("the table", || {
        (live() == Some(expected.clone())).then_some(())
    });
    eventually("the report", || {
        let degraded = |status: &AgentStatus| matches!(status, AgentStatus::Degraded { .. });
        node.store.statuses().iter().any(degraded).then_some(())
    });
    node.store.wait();
    // Its own repairs are no edits of others.
    let after = generation();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(generation(), after);
}

pub(crate) fn sigterm_leaves_everything_in_place() {
    let mut node = started();
    let before = generation();
    assert!(node.terminate());
    assert_eq!(generation(), before);
    assert_as_compiled(&node, &endpoints());
}
