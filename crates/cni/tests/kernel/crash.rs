//! The plugin is killed between any two of its steps.

use std::time::{Duration, Instant};

use ringfence_cni::EndpointState;

use crate::node::{FakeAgent, Manner, Node, Pod, finish};

/// Kills in each test. They are spread evenly over a little more than one whole run.
const KILLS: u32 = 120;

pub(crate) fn an_add_killed_at_any_point_leaves_nothing_after_del() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let whole = usual_time(&node, "ADD");
    let mut reached = [0; 3];
    for kill in 0..KILLS {
        let pod = Pod::new("c1");
        kill_after(&node, "ADD", &pod, whole * kill / (KILLS - KILLS / 5));
        let state = node.endpoints().first().map(|endpoint| endpoint.state);
        reached[match state {
            None => 0,
            Some(EndpointState::Reserved) => 1,
            Some(EndpointState::Wired | EndpointState::Released) => 2,
        }] += 1;
        node.del(&pod);
        node.assert_clean(&format!(
            "ADD killed after {kill}/{KILLS} of its time, in {state:?}"
        ));
        assert_eq!(pod.links(), ["lo"]);
        // The name is free again for all purposes.
        if kill % 10 == 0 {
            node.add(&pod);
            node.del(&pod);
        }
    }
    // The kills did meet different steps.
    assert!(reached[0] > 0 && reached[2] > 0, "{reached:?}");
}

pub(crate) fn a_del_killed_at_any_point_is_finished_by_the_next() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let whole = usual_time(&node, "DEL");
    for kill in 0..KILLS {
        let pod = Pod::new("c1");
        node.add(&pod);
        kill_after(&node, "DEL", &pod, whole * kill / (KILLS - KILLS / 5));
        node.del(&pod);
        node.assert_clean(&format!("DEL killed after {kill}/{KILLS} of its time"));
    }
}

pub(crate) fn what_a_dead_add_left_is_swept_and_a_living_one_spared() {
    let node = Node::new();
    let agent = FakeAgent::start(&node, Manner::Serve);
    let whole = usual_time(&node, "ADD");
    let mut swept = 0;
    for kill in 0..KILLS {
        let pod = Pod::new("c1");
        kill_after(&node, "ADD", &pod, whole * kill / KILLS);
        let state = node.endpoints().first().map(|endpoint| endpoint.state);
        let found = ringfence_cni::sweep(&node.store()).unwrap();
        if state == Some(EndpointState::Reserved) {
            assert_eq!(found, [pod.id()]);
            assert_eq!(
                (pod.links(), node.endpoints()),
                (vec!["lo".to_owned()], vec![])
            );
            swept += 1;
        } else {
            assert_eq!(found, []);
            assert_eq!(
                node.endpoints().first().map(|endpoint| endpoint.state),
                state
            );
        }
        node.del(&pod);
    }
    assert!(swept > 0);
    // A reservation whose owner lives.
    agent.requests();
    let store = node.store();
    let pod = Pod::new("c1");
    agent.behave(Manner::Slow(Duration::from_millis(300)));
    let add = node.start("ADD", &pod, &node.config);
    let begin = Instant::now();
    while agent.requests().is_empty() {
        assert_eq!(ringfence_cni::sweep(&store).unwrap(), []);
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
    assert!(finish(add).success);
}

/// How long a verb takes when it is left alone; the longest of a few.
fn usual_time(node: &Node, measured: &str) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..5 {
        let pod = Pod::new("c1");
        for verb in ["ADD", "DEL"] {
            let begin = Instant::now();
            assert!(node.call(verb, &pod).success);
            if verb == measured {
                longest = longest.max(begin.elapsed());
            }
        }
    }
    longest
}

fn kill_after(node: &Node, verb: &str, pod: &Pod, time: Duration) {
    let begin = Instant::now();
    let mut child = node.start(verb, pod, &node.config);
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
