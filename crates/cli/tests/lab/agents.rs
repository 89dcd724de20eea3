//! Nodes whose agents are those of a cluster: started from what the chart gives, with the account and the role that it gives, and
//! told of the cluster by its API alone.

use std::collections::BTreeSet;

use ringfence_netlink::route::RouteSocket;
use ringfence_standin::probe::ProbeProtocol;

use crate::support::{Lab, Permit, Run as _, eventually, hands_action, processes_of, ringfence};

const KIND: &str = "
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes: [{role: control-plane}, {role: worker}]
";

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: server}
spec:
  nodeName: kind-worker
  containers: [{name: c, image: web, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: server}
spec: {selector: {app: server}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: kind-control-plane, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: hand}
spec: {nodeName: kind-worker, hostNetwork: true, containers: [{name: c, image: x}]}
";

const POLICY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friends}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress: [{from: [{namespaceSelector: {matchLabels: {purpose: frontend}}}]}]
";

const WORKER: &str = "kind-worker";

#[test]
fn agents_of_a_cluster_keep_the_nodes_of_a_lab() {
    let lab = Lab::planned(Permit::shared());
    let config = lab.file("kind.yaml", KIND);
    let config = config.to_str().unwrap();
    lab.command(&[
        "up",
        "--agents",
        "kubernetes",
        "--config",
        config,
        "-f",
        "-",
    ])
    .finish_with_input(PODS.as_bytes())
    .expect_ok();
    let commands = agents(&lab);
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in &commands {
        assert_eq!(command[..2], ["agent", "--config"], "{commands:?}");
    }
    let server = lab.address("server");
    lab.reaches("client", &server, 80, ProbeProtocol::Tcp);

    // In force when the command returns.
    lab.apply(POLICY);
    lab.is_denied("client", &server, 80, ProbeProtocol::Tcp);
    lab.ok(&["label", "namespace", "default", "purpose=frontend"]);
    lab.reaches("client", &server, 80, ProbeProtocol::Tcp);
    lab.ok(&["label", "namespace", "default", "purpose-"]);
    lab.is_denied("client", &server, 80, ProbeProtocol::Tcp);
    assert!(lab.rules().contains("default/friends"), "{}", lab.rules());
    ringfence(&["verify", "--lab", &lab.name])
        .finish()
        .expect_ok();
    // Whatever an agent has asked for its role allows: it was refused nothing.
    assert_eq!(troubles(&lab), BTreeSet::new());

    lab.ok(&["kill-agent", WORKER]);
    lab.is_denied("client", &server, 80, ProbeProtocol::Tcp);
    lab.ok(&["label", "namespace", "default", "purpose=frontend"]);
    lab.reaches("client", &server, 80, ProbeProtocol::Tcp);
    lab.ok(&["label", "namespace", "default", "purpose-"]);

    // An agent that comes up without its API keeps what stands in the kernel.
    hand(&lab, "cut");
    let before = lab.agent_starts(WORKER);
    lab.ok(&["kill-agent", WORKER]);
    eventually("another agent", || {
        (lab.agent_starts(WORKER) > before).then_some(())
    });
    lab.is_denied("client", &server, 80, ProbeProtocol::Tcp);
    hand(&lab, "mend");
    lab.ok(&["kill-agent", WORKER]);
    eventually("an agent with its API", || {
        let label = lab.run(&["label", "namespace", "default", "purpose=frontend"]);
        (label.code() == Some(0)).then_some(())
    });
    lab.reaches("client", &server, 80, ProbeProtocol::Tcp);
}

/// The arguments of the agents that run.
fn agents(lab: &Lab) -> Vec<Vec<String>> {
    let lines = processes_of(&lab.name).into_keys().filter_map(|pid| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let words = line.split_terminator('\0').skip(1);
        Some(words.map(str::to_owned).collect::<Vec<_>>())
    });
    lines
        .filter(|words| words.first().is_some_and(|word| word == "agent"))
        .collect()
}

fn troubles(lab: &Lab) -> BTreeSet<String> {
    let nodes = lab.status().nodes.into_iter();
    let troubled = nodes.filter_map(|node| Some(format!("{}: {}", node.name, node.trouble?)));
    troubled.collect()
}

/// Takes the node's loopback interface down, or up again: the API is behind it.
fn hand(lab: &Lab, action: &str) {
    lab.by_hand("agents::the_hand", action);
}

/// No test of its own: what the test above runs inside of the node.
#[test]
#[ignore = "run inside of a node by the test above"]
fn the_hand() {
    let action = hands_action();
    let mut socket = RouteSocket::open().unwrap();
    let loopback = socket.link_by_name("lo").unwrap().index;
    socket.set_link_up(loopback, action == "mend").unwrap();
}
