//! Agents are killed at random moments while policies change: nothing ever opens, nothing that is allowed breaks.

mod changes;
mod prober;
mod tables;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ringfence_lab::control::protocol::Request;
use ringfence_standin::probe::ProbeProtocol;
use ringfence_testkit::random::Random;

use crate::support::{Lab, Permit, Run, eventually};
use changes::{Policies, guard};
use prober::{Prober, Stream, Tally};

/// Changes of policies while agents die.
const CHANGES: usize = 200;
/// Longest pause between two kills.
const LONGEST_PAUSE_MS: usize = 100;
const WEB: u16 = 80;
const NAMES: u16 = 5353;
const NODES: [&str; 3] = ["kind-control-plane", "kind-worker", "kind-worker2"];

/// Friends may always reach the server, strangers never; one of each beside it and one on another node.
pub(super) const CAST: &str = "
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  nodeName: kind-worker
  containers:
  - name: c
    image: web
    ports: [{name: web, containerPort: 80}, {name: names, containerPort: 5353, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: server}
spec: {selector: {app: server}, ports: [{port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: friend-near, labels: {role: friend}}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: friend-far, labels: {role: friend}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger-near, labels: {role: stranger}}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger-far, labels: {role: stranger}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
";

fn service_address(lab: &Lab) -> String {
    let services = lab.status().services;
    let server = services.iter().find(|one| one.name.name == "server");
    server.unwrap().cluster_addresses[0].to_string()
}

/// What must never get through: over and beside the tunnel, through the Service, and over UDP.
fn denied(lab: &Lab) -> Vec<Prober> {
    let (server, service) = (lab.address("server"), service_address(lab));
    let client = lab.client();
    let tcp = ProbeProtocol::Tcp;
    vec![
        Prober::start(&client, "stranger-far", &server, WEB, tcp.clone()),
        Prober::start(&client, "stranger-near", &server, WEB, tcp.clone()),
        Prober::start(&client, "stranger-far", &service, WEB, tcp),
        Prober::start(&client, "stranger-far", &server, NAMES, ProbeProtocol::Udp),
    ]
}

#[test]
fn killed_agents_open_nothing_and_break_nothing() {
    let lab = Lab::planned(Permit::alone());
    lab.command(&["up", "-f", "-"])
        .finish_with_input(format!("{CAST}---{}", guard(0, 0)).as_bytes())
        .expect_ok();
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let probers = denied(&lab);
    let streams = [
        Stream::open(&lab.client(), "friend-far", &lab.address("server"), WEB),
        Stream::open(&lab.client(), "friend-near", &service_address(&lab), WEB),
    ];
    let (over, kills) = (AtomicBool::new(false), AtomicU32::new(0));
    let kill_seed = random.bits();
    std::thread::scope(|scope| {
        scope.spawn(|| kill_agents(&lab, kill_seed, &over, &kills));
        let end = Over(&over);
        let mut policies = Policies::default();
        for number in 0..CHANGES {
            policies.change(&lab, &mut random, number);
        }
        drop(end);
    });
    let kills = kills.into_inner();
    let tallies: Vec<Tally> = probers.into_iter().map(Prober::finish).collect();
    let fates: Vec<_> = streams.into_iter().map(Stream::finish).collect();
    println!("{kills} kills, {tallies:#?}, {fates:?}");
    assert!(kills > 30, "{kills}");
    for tally in &tallies {
        let (from, asked) = (&tally.from, tally.asked);
        assert!(asked > 50, "{from}: {asked}");
        assert_eq!(tally.timed_out, asked, "{from}: {tally:#?}");
    }
    for fate in &fates {
        assert!(fate.end.is_none(), "{fate:?}");
        assert!(fate.longest < Duration::from_secs(3), "{fate:?}");
    }
    tables::equal_those_compiled_from_scratch(&lab);
    let starts: BTreeMap<_, _> = nodes_started(&lab);
    assert!(starts.values().all(|starts| *starts > 1), "{starts:?}");
}

/// Ends the killing also if a change fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn kill_agents(lab: &Lab, seed: u64, over: &AtomicBool, kills: &AtomicU32) {
    let mut random = Random::new(seed);
    let client = lab.client();
    while !over.load(Ordering::Relaxed) {
        let pause = random.between(1, LONGEST_PAUSE_MS);
        std::thread::sleep(Duration::from_millis(pause.try_into().unwrap()));
        let node = NODES[random.below(NODES.len())].to_owned();
        // Refused while an agent is just being started.
        if client.request(&Request::KillAgent { node }, |_| {}).is_ok() {
            kills.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn nodes_started(lab: &Lab) -> BTreeMap<String, u32> {
    let nodes = lab.status().nodes.into_iter();
    nodes.map(|node| (node.name, node.agent_starts)).collect()
}

#[test]
fn the_probers_notice_an_open_door() {
    let lab = Lab::planned(Permit::alone());
    lab.command(&["up", "--without-enforcement", "-f", "-"])
        .finish_with_input(format!("{CAST}---{}", guard(0, 0)).as_bytes())
        .expect_ok();
    let probers = denied(&lab);
    all_come_through(&probers);
    for tally in probers.into_iter().map(Prober::finish) {
        assert!(!tally.reached.is_empty(), "{tally:#?}");
    }
}

#[track_caller]
fn all_come_through(probers: &[Prober]) {
    eventually("each of them comes through", || {
        probers.iter().all(|one| one.reached() > 0).then_some(())
    });
}

#[test]
fn the_probers_notice_a_door_that_is_open_for_a_moment() {
    let guarded = format!("{CAST}---{}", guard(0, 0));
    let lab = Lab::up(&guarded);
    let probers = denied(&lab);
    eventually("some denied attempts", || {
        probers.iter().all(|one| one.asked() > 5).then_some(())
    });
    lab.delete(&guard(0, 0));
    all_come_through(&probers);
    lab.apply(&guard(0, 0));
    for tally in probers.into_iter().map(Prober::finish) {
        assert!(!tally.reached.is_empty(), "{tally:#?}");
        assert!(tally.timed_out > 0, "{tally:#?}");
    }
}
