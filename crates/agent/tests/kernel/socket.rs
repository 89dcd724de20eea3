//! The agent's own sockets.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use ringfence_agent::status::{ask_health, ask_rules};
use ringfence_cni::{Request, Response};

use crate::agent::Node;
use crate::objects::{endpoint, named, namespace, node, pod, policy};

pub(crate) fn sockets_are_private_and_replaced() {
    let mut node = Node::new([namespace(), node()]);
    node.start();
    node.store.wait();
    let status = node.config.status_socket();
    for socket in [&node.config.cni_socket, &status] {
        assert_eq!(
            socket.metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    // A peer that says nothing, or nonsense, holds up nobody.
    let _silent = UnixStream::connect(&node.config.cni_socket).unwrap();
    UnixStream::connect(&node.config.cni_socket)
        .unwrap()
        .write_all(b"hello\n")
        .unwrap();
    assert_eq!(node.ask(&Request::Status), Response::Ready { endpoints: 0 });

    node.kill();
    assert!(status.exists());
    node.store.forget_statuses();
    node.start();
    node.store.wait();
    assert_eq!(node.ask(&Request::Status), Response::Ready { endpoints: 0 });
    let health = ask_health(&status).unwrap();
    assert!(
        health.ready && health.connected && health.problem.is_none(),
        "{health:?}"
    );
}

pub(crate) fn status_names_the_policy_behind_an_element() {
    let objects = [
        namespace(),
        node(),
        pod("web", "10.244.1.2"),
        policy("deny", "web", &[], None),
    ];
    let mut node = Node::new(objects);
    let web = endpoint("web", "10.244.1.2");
    node.record(&web);
    node.start();
    node.store.wait();
    let rules = ask_rules(&node.config.status_socket()).unwrap();
    assert!(
        rules.table_text.contains("chain ingress-judge4"),
        "{}",
        rules.table_text
    );
    assert_eq!(
        rules.endpoints.get(&web.host_interface),
        Some(&named("web"))
    );
    assert_eq!(rules.revision, Some(1));
    assert!(rules.as_intended, "{:?}", rules.problem);
    let isolated = &rules.listing.sets["ingress4"].elements;
    let [element] = isolated.as_slice() else {
        panic!("{isolated:?}");
    };
    assert_eq!(element.key, "10.244.1.2");
    assert_eq!(element.pod, Some(named("web")));
    let origin = element.causes.first().unwrap();
    assert_eq!(origin.policy.to_string(), named("deny").to_string());
    assert_eq!(origin.source.as_ref().unwrap().to_string(), "shop.yaml:7:3");
}
