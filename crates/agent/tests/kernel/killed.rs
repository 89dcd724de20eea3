//! The agent is killed at random moments while policies, pods and Services change.

use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use ringfence_agent::protocol::{AgentKey, AgentObject};
use ringfence_ruleset::Table;

use crate::agent::{Node, live};
use crate::objects::{endpoint, named, namespace, node, pod, policy, service};

const CHANGES: usize = 200;
const PODS: u8 = 6;

fn name(number: u8) -> String {
    format!("p{number}")
}

fn address(number: u8) -> String {
    format!("10.244.1.{}", number + 10)
}

enum Change {
    Apply(Box<AgentObject>),
    Delete(AgentKey),
}

fn change() -> impl Strategy<Value = (u8, u8, u8, u8)> {
    (0..10u8, 0..4u8, 0..PODS, 0..PODS)
}

fn decode((what, number, subject, peer): (u8, u8, u8, u8)) -> Change {
    let apply = |object| Change::Apply(Box::new(object));
    let policy_name = format!("n{number}");
    match what {
        0..4 => apply(policy(
            &policy_name,
            &name(subject),
            &[&name(peer)],
            Some(80 + u16::from(peer)),
        )),
        4 => apply(policy(&policy_name, &name(subject), &[&name(peer)], None)),
        5 => apply(policy(&policy_name, &name(subject), &[], None)),
        6 => Change::Delete(AgentKey::NetworkPolicy(named(&policy_name))),
        7 => apply(service(
            &format!("s{number}"),
            &name(subject),
            &format!("10.96.0.{number}"),
        )),
        8 => Change::Delete(AgentKey::Pod(named(&name(subject)))),
        _ => apply(pod(&name(subject), &address(subject))),
    }
}

pub(crate) fn at_any_moment_the_kernel_holds_one_whole_state() {
    let pods = (0..PODS).map(|number| pod(&name(number), &address(number)));
    let mut node = Node::new([namespace(), node()].into_iter().chain(pods));
    let endpoints: Vec<_> = (0..PODS)
        .map(|number| endpoint(&name(number), &address(number)))
        .collect();
    for endpoint in &endpoints {
        node.record(endpoint);
    }
    let mut runner = TestRunner::default();
    let mut draw = |below: u64| (0..below).new_tree(&mut runner).unwrap().current();
    let mut changes = TestRunner::default();
    // Every table that the store has ever asked for.
    let mut states = vec![expected(&node, &endpoints)];
    let (mut kills, mut sightings) = (0, std::collections::BTreeSet::new());
    node.start();
    for _ in 0..CHANGES {
        // However slow the machine is, some agents live long enough to write.
        if kills % 4 == 3 {
            node.store.wait();
        }
        match decode(change().new_tree(&mut changes).unwrap().current()) {
            Change::Apply(object) => node.store.apply(*object),
            Change::Delete(key) => node.store.delete(key),
        };
        states.push(expected(&node, &endpoints));
        thread::sleep(Duration::from_micros(draw(8_000)));
        if draw(6) == 0 {
            node.kill();
            kills += 1;
            sightings.extend(check(&states));
            node.store.forget_statuses();
            node.start();
        }
    }
    node.store.wait();
    let expected = expected(&node, &endpoints);
    assert!(
        live().as_ref() == Some(&expected),
        "the end is not as compiled from scratch"
    );
    assert!(kills > 10, "only {kills} kills");
    assert!(
        sightings.len() > 3,
        "the agent hardly ever got to work: {sightings:?}"
    );
}

fn expected(node: &Node, endpoints: &[ringfence_cni::Endpoint]) -> Table {
    let cluster = node.store.cluster();
    let known = endpoints.iter().filter(|endpoint| {
        let pod = endpoint.pod.as_ref().unwrap();
        cluster.pods.contains_key(&named(&pod.name))
    });
    node.expected(&cluster, &known.cloned().collect::<Vec<_>>())
}

/// The live table is one of the states as a whole; tells which.
fn check(states: &[Table]) -> Option<usize> {
    let live = live()?;
    let found = states.iter().rposition(|state| *state == live);
    assert!(
        found.is_some(),
        "the kernel holds a state that nobody asked for:\n{live}"
    );
    found
}
