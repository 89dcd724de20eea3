//! The plugin is killed between any two of its steps.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringfence_cni::EndpointState;

use crate::agent::{FakeAgent, Manner};
use crate::node::{Node, Pod, finish};

/// Kills in each test. They are spread evenly over a little more than one whole run.
const KILLS: u32 = 120;
/// Kills after which a test gives up that has not met all steps: a machine that has become busy since takes much longer for a
/// run than it did.
const MOST: u32 = 50 * KILLS;

pub(crate) fn an_add_killed_at_any_point_leaves_nothing_after_del() {
    let node = Node::new();
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let whole = usual_time(&node, "ADD");
    let mut reached = [0; 3];
    for kill in 0..MOST {
        if kill >= KILLS && reached[2] > 0 {
            break;
        }
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
    for kill in 0..MOST {
        if kill >= KILLS && swept > 0 {
            break;
        }
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

pub(crate) fn a_storm_of_calls_and_kills_keeps_addresses_apart() {
    let mut node = Node::new();
    node.config["podCidrs"] = serde_json::json!(["10.244.1.0/28", "fd00::/64"]);
    let _agent = FakeAgent::start(&node, Manner::Serve);
    let (node, running, added) = (&node, &AtomicBool::new(true), &AtomicUsize::new(0));
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while running.load(Ordering::SeqCst) {
                assert_apart(node);
            }
        });
        let workers: Vec<_> = (0..6)
            .map(|worker| {
                scope.spawn(move || added.fetch_add(storm(node, worker), Ordering::SeqCst))
            })
            .collect();
        let outcomes: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        running.store(false, Ordering::SeqCst);
        watch.join().unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
    });
    assert!(added.load(Ordering::SeqCst) > 30, "{added:?}");
    node.assert_clean("after the storm");
}

/// Rounds of ADD and DEL, some killed; how many ADDs went well.
fn storm(node: &Node, worker: u64) -> usize {
    let mut random = worker + 1;
    let mut next = move || {
        // xorshift64, by Marsaglia.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut added = 0;
    for round in 0..15 {
        let pod = Pod::new(&format!("c{worker}-{round}"));
        if next() % 3 == 0 {
            kill_after(node, "ADD", &pod, Duration::from_micros(next() % 20_000));
        } else {
            node.add(&pod);
            added += 1;
        }
        if next() % 3 == 0 {
            kill_after(node, "DEL", &pod, Duration::from_micros(next() % 20_000));
        }
        node.del(&pod);
        assert_eq!(pod.links(), ["lo"]);
    }
    added
}

/// No record is half written, and no address is in two of them. Records change while they are listed, so
/// only those count that two lists agree on.
fn assert_apart(node: &Node) {
    let (first, second) = (node.store().list().unwrap(), node.store().list().unwrap());
    assert_eq!(first.damaged, []);
    let both = first
        .endpoints
        .iter()
        .filter(|endpoint| second.endpoints.contains(endpoint));
    let addresses: Vec<_> = both.flat_map(|endpoint| &endpoint.addresses).collect();
    let distinct: BTreeSet<_> = addresses.iter().collect();
    assert_eq!(distinct.len(), addresses.len(), "{addresses:?}");
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
    thread::sleep(time.saturating_sub(begin.elapsed()));
    child.kill().unwrap();
    child.wait().unwrap();
}
