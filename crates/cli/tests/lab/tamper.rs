//! Somebody changes a node's table behind the agent's back: the kernel refuses it. That changes are repaired where
//! the kernel cannot refuse them is a test of the agent's.
//!
//! The hand that changes it is this very test program, run in a pod with its node's network.

use ringfence_agent::TABLE_NAME;
use ringfence_netlink::Errno;
use ringfence_netlink::nftables::{ApplyError, Nftables};
use ringfence_ruleset::{Datum, Element, Key, Operation, Set, Value};
use ringfence_standin::probe::ProbeProtocol;

use crate::support::{Lab, hands_action};

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: server}
spec:
  nodeName: kind-worker
  containers: [{name: c, image: web, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: hand}
spec: {nodeName: kind-worker, hostNetwork: true, containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {}}
";

#[test]
fn a_table_is_not_changed_by_hand() {
    let lab = Lab::up(PODS);
    let server = lab.address("server");
    let before = table(&lab);
    for action in ["delete-table", "open-ingress", "flush-chain", "add-element"] {
        lab.by_hand("tamper::the_hand", action);
        assert_eq!(table(&lab), before, "{action}");
        lab.is_denied("client", &server, 80, ProbeProtocol::Tcp);
    }
}

fn table(lab: &Lab) -> String {
    let mut rules = lab.client().rules(Some("kind-worker")).unwrap();
    rules.remove("kind-worker").unwrap().table_text
}

/// No test of its own: what the test above runs inside of the node.
#[test]
#[ignore = "run inside of a node by the test above"]
fn the_hand() {
    let action = hands_action();
    let mut nftables = Nftables::open().unwrap();
    let state = nftables.read_table(TABLE_NAME).unwrap().unwrap();
    let table = state.to_table(TABLE_NAME).unwrap();
    let nowhere = Datum::Address([192, 0, 2, 1].into());
    let member = Element {
        value: Value::Member,
        comment: None,
    };
    let operation = match action.as_str() {
        "delete-table" => Operation::DeleteTable,
        "open-ingress" => Operation::DeleteElements {
            set: "ingress4".to_owned(),
            definition: empty(&table.sets["ingress4"]),
            keys: table.sets["ingress4"].elements.keys().cloned().collect(),
        },
        "flush-chain" => Operation::FlushChain {
            name: table.chains.keys().next().unwrap().clone(),
        },
        "add-element" => Operation::AddElements {
            set: "hairpin4".to_owned(),
            definition: empty(&table.sets["hairpin4"]),
            elements: vec![(Key::point(vec![nowhere.clone(), nowhere]), member)],
            lifetime: None,
        },
        other => panic!("{other}"),
    };
    let refused = nftables.apply(TABLE_NAME, &[operation]);
    let is_refused = matches!(
        refused,
        Err(ApplyError::Refused {
            errno: Errno::EPERM,
            ..
        })
    );
    assert!(is_refused, "{refused:?}");
}

fn empty(set: &Set) -> Set {
    let mut set = set.clone();
    set.elements.clear();
    set
}
