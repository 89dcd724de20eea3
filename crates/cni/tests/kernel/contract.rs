//! Closed from the first packet, and no address used again too early.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ringfence_cni::{EndpointState, Request};
use serde_json::{Value, json};

use crate::agent::{FakeAgent, Manner};
use crate::node::{Node, Pod, addresses, finish};

pub(crate) fn without_an_agent_nothing_is_taken() {
    let node = Node::new();
    let pod = Pod::new("c1");
    let expected = format!(
        "pod `shop/c1` cannot be protected: the agent does not listen on `{}`",
        node.socket().display()
    );
    for _ in 0..3 {
        let begin = Instant::now();
        let (code, message, _) = node.call("ADD", &pod).error();
        assert_eq!((code, &message), (11, &expected));
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
    node.assert_clean("no agent");
    let agent = FakeAgent::start(&node, Manner::NotReady);
    let (code, message, details) = node.call("ADD", &pod).error();
    assert_eq!((code, details.as_str()), (11, "so told"));
    assert_eq!(message, "the agent is not ready to protect pod `shop/c1`");
    node.assert_clean("agent not ready");
    agent.behave(Manner::Serve);
    let first = "10.244.1.2".parse().unwrap();
    assert_eq!(
        addresses(&node.add(&pod)).first(),
        Some(&first),
        "failures took addresses"
    );
}

pub(crate) fn an_agent_that_refuses_or_dawdles_undoes_the_add() {
    let mut node = Node::new();
    node.config["agentTimeoutSeconds"] = 1.into();
    let agent = FakeAgent::start(&node, Manner::Serve);
    let late = format!(
        "pod `shop/c1` cannot be protected: the agent on `{}` did not answer within 1 s",
        node.socket().display()
    );
    let refused = "the agent cannot protect pod `shop/c1`".to_owned();
    for (manner, code, message) in [
        (Manner::Silent, 11, &late),
        (Manner::Refuse { retry: true }, 11, &refused),
        (Manner::Refuse { retry: false }, 102, &refused),
    ] {
        let pod = Pod::new("c1");
        agent.behave(manner);
        let begin = Instant::now();
        let (given, text, _) = node.call("ADD", &pod).error();
        assert_eq!((given, &text), (code, message));
        assert!(begin.elapsed() < Duration::from_secs(5));
        // The agent has heard of it, and so it hears of the end.
        let requests = agent.requests();
        assert!(matches!(&requests[0], Request::Wired(endpoint) if endpoint.id == pod.id()));
        assert_eq!(requests[1..], [Request::Released(pod.id())]);
        assert_eq!(pod.links(), ["lo"]);
        node.assert_clean(message);
        node.del(&pod);
    }
}

pub(crate) fn add_waits_for_the_rules() {
    let node = Node::new();
    let time = Duration::from_millis(700);
    let agent = FakeAgent::start(&node, Manner::Slow(time));
    let begin = Instant::now();
    let pod = Pod::new("c1");
    let child = node.start("ADD", &pod, &node.config);
    while agent.requests().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(2));
    }
    // What the agent finds when it starts just now.
    let endpoint = node.endpoints().remove(0);
    assert_eq!(endpoint.state, EndpointState::Wired);
    finish(child).result();
    assert!(begin.elapsed() >= time);
}

pub(crate) fn del_without_an_agent_keeps_the_address_taken() {
    let mut node = Node::new();
    node.config["podCidrs"] = json!(["10.244.1.0/30"]);
    let agent = FakeAgent::start(&node, Manner::Serve);
    let pod = Pod::new("c1");
    node.add(&pod);
    drop(agent);
    let outcome = node.call("DEL", &pod);
    assert!(
        outcome
            .log
            .contains("stay taken until the agent frees them"),
        "{}",
        outcome.log
    );
    assert_eq!(outcome.result(), Value::Null);
    assert_eq!(pod.links(), ["lo"]);
    assert_eq!(node.endpoints()[0].state, EndpointState::Released);
    node.del(&pod);

    let agent = FakeAgent::start(&node, Manner::Serve);
    let (code, message, _) = node.call("ADD", &Pod::new("c2")).error();
    assert_eq!(
        (code, message.as_str()),
        (
            11,
            "no address is free in `10.244.1.0/30`: 1 of 1 are in use"
        )
    );
    let (code, message, _) = node.call("ADD", &pod).error();
    assert_eq!(
        (code, message.as_str()),
        (
            11,
            "the agent has not yet freed the last attachment of pod `shop/c1`"
        )
    );
    assert_eq!(agent.requests(), []);
    // What the agent does when it starts.
    assert!(node.store().remove(&pod.id()).unwrap());
    node.add(&pod);
    node.del(&pod);
    node.assert_clean("agent is back");
}

pub(crate) fn a_del_waits_for_the_add_before_it() {
    let node = Node::new();
    let agent = FakeAgent::start(&node, Manner::Slow(Duration::from_millis(1500)));
    let pod = Pod::new("c1");
    let add = node.start("ADD", &pod, &node.config);
    let begin = Instant::now();
    while agent.requests().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(2));
    }
    let begin = Instant::now();
    let del = node.start("DEL", &pod, &node.config);
    assert!(finish(del).success);
    // The agent, and so ADD, needs three times as long.
    assert!(begin.elapsed() > Duration::from_millis(500));
    assert!(finish(add).success);
    assert_eq!(agent.requests(), [Request::Released(pod.id())]);
    node.assert_clean("ADD and DEL at once");
}

pub(crate) fn a_damaged_record_stops_adds_until_its_del() {
    let node = Node::new();
    let agent = FakeAgent::start(&node, Manner::Serve);
    let pod = Pod::new("c1");
    node.add(&pod);
    let path = node.folder.path().join("node/endpoints/c1:eth0.json");
    fs::write(&path, "{").unwrap();
    let other = Pod::new("c2");
    let (code, message, _) = node.call("ADD", &other).error();
    let expected = format!("cannot tell which addresses are free: `{}`", path.display());
    assert_eq!((code, message), (5, expected));
    assert_eq!(node.call("STATUS", &pod).error().0, 50);
    agent.requests();
    node.del(&pod);
    assert_eq!(agent.requests(), [Request::Released(pod.id())]);
    node.assert_clean("damaged record");
    node.add(&other);
}

pub(crate) fn a_result_that_cannot_be_delivered_is_undone() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let pod = Pod::new("c1");
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringfence-cni"))
        .envs(pod.variables("ADD"))
        .stdin(Stdio::piped())
        .stdout(
            fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(
        &mut child.stdin.take().unwrap(),
        node.config.to_string().as_bytes(),
    )
    .unwrap();
    assert!(!child.wait_with_output().unwrap().status.success());
    node.assert_clean("full disk");
}

pub(crate) fn status_tells_whether_add_could_succeed() {
    let mut node = Node::new();
    let pod = Pod::new("c1");
    let (code, message, details) = node.call("STATUS", &pod).error();
    assert_eq!((code, message.as_str()), (50, "no agent"));
    assert!(details.contains(node.socket().to_str().unwrap()));
    let agent = FakeAgent::start(&node, Manner::NotReady);
    let (code, _, details) = node.call("STATUS", &pod).error();
    assert_eq!((code, details.as_str()), (50, "so told"));
    agent.behave(Manner::Serve);
    assert_eq!(node.call("STATUS", &pod).result(), Value::Null);
    node.config["podCidrs"] = json!([]);
    assert_eq!(node.call("STATUS", &pod).error().0, 50);
}
