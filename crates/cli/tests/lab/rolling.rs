//! Rolling updates under load, and connections that are open when their backend leaves.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringfence_lab::control::client::Origin;
use ringfence_lab::control::protocol::Request;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol, ProbeReport, ProbeRequest};

use crate::support::{DUAL_STACK, Lab, PATIENCE, eventually};

/// Each batch of five pods has a second, so that an update takes four seconds and more.
const ROLLED: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: many}
spec:
  replicas: 20
  minReadySeconds: 1
  strategy: {rollingUpdate: {maxSurge: 5, maxUnavailable: 0}}
  selector: {matchLabels: {app: many}}
  template:
    metadata: {labels: {app: many}}
    spec: {containers: [{name: c, image: 'web:1', ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: here}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: there}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
";

const SERVICE: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: many}
spec: {ipFamilyPolicy: RequireDualStack, selector: {app: many}, ports: [{port: 80}]}
";

const REPLICAS: usize = 20;
/// What is offered: 500 connections a second, from a pod of each of two nodes to an address of each family.
const PACE: Duration = Duration::from_millis(2);
const STREAMS: u32 = 4;
/// Connections that are opened and answered while pods are being replaced: four seconds of that pace. Where a machine does
/// not keep up, the update is followed by another one until there are as many.
const ENOUGH: usize = 2_000;

/// What clients do, as they and the test see it.
#[derive(Default)]
struct Load {
    answered: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    /// Opens connections at a quarter of the pace, until the load is over; what came of each.
    fn offer(&self, lab: &Lab, from: &str, target: IpAddr) -> Vec<ProbeOutcome> {
        let request = ProbeRequest {
            target: target.to_string(),
            port: 80,
            protocol: ProbeProtocol::Http { path: "/".into() },
            timeout_ms: 10_000,
        };
        let mut line = serde_json::to_vec(&request).unwrap();
        line.push(b'\n');
        let origin = Origin::Pod(format!("default/{from}").parse().unwrap());
        let mut command = lab.client().start(&origin.builtin(&["probe"])).unwrap();
        let mut input = command.take_input().unwrap();
        let mut outcomes = Vec::new();
        let asked = thread::scope(|scope| {
            let asking = scope.spawn(move || {
                let (began, mut asked) = (Instant::now(), 0);
                while !self.is_over.load(Ordering::Relaxed) && began.elapsed() < 5 * PATIENCE {
                    input.write_all(&line).unwrap();
                    asked += 1;
                    let due = began + PACE * STREAMS * asked;
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                asked
            });
            while let Some(line) = command.next_line().unwrap() {
                let report: ProbeReport = serde_json::from_str(&line).unwrap();
                self.answered.fetch_add(1, Ordering::Relaxed);
                outcomes.push(report.outcome);
            }
            asking.join().unwrap()
        });
        assert_eq!(command.finish().unwrap(), 0);
        assert_eq!(outcomes.len(), usize::try_from(asked).unwrap());
        outcomes
    }
}

/// The names of the pods of the Deployment that are there.
fn backends(lab: &Lab) -> BTreeSet<String> {
    let pods = lab.client().status().unwrap().pods.into_iter();
    let names = pods.map(|pod| pod.name.name);
    names.filter(|name| name.starts_with("many-")).collect()
}

/// Replaces all pods, again and again until enough connections were answered meanwhile; how many were, and what went by.
fn roll(lab: &Lab, load: &Load) -> (usize, Duration) {
    let (began, before) = (Instant::now(), load.answered.load(Ordering::Relaxed));
    let mut version = 1;
    loop {
        version += 1;
        let old = backends(lab);
        lab.apply(&ROLLED.replace("web:1", &format!("web:{version}")));
        let is_rolled = |now: BTreeSet<String>| now.len() == REPLICAS && now.is_disjoint(&old);
        while !is_rolled(backends(lab)) {
            assert!(began.elapsed() < 4 * PATIENCE, "{:?}", backends(lab));
            thread::sleep(Duration::from_millis(50));
        }
        let answered = load.answered.load(Ordering::Relaxed) - before;
        if answered >= ENOUGH {
            return (answered, began.elapsed());
        }
    }
}

fn answered_by(outcome: &ProbeOutcome) -> Option<&str> {
    match outcome {
        ProbeOutcome::Reached { peer, .. } => peer.as_ref().map(|peer| peer.pod.as_str()),
        ProbeOutcome::TimedOut
        | ProbeOutcome::Refused
        | ProbeOutcome::DnsFailed { .. }
        | ProbeOutcome::Other { .. } => None,
    }
}

/// While each pod of a Deployment gives way to another one, every connection to their Service is answered to its end: a pod
/// is told to end when nobody is led to it any more, and answers those who are there.
#[test]
fn a_rolling_update_fails_no_connection() {
    let lab = Lab::up_on(DUAL_STACK, &[ROLLED, SERVICE].concat());
    let old = backends(&lab);
    let services = lab.status().services;
    let service = services.iter().find(|one| one.name.name == "many");
    let addresses = service.unwrap().cluster_addresses.clone();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    let (lab, load) = (&lab, &Load::default());
    let (outcomes, (answered, length)) = thread::scope(|scope| {
        let streams = ["here", "there"].map(|from| {
            let offer = |to: IpAddr| scope.spawn(move || load.offer(lab, from, to));
            [offer(addresses[0]), offer(addresses[1])]
        });
        eventually("all clients are answered", || {
            (load.answered.load(Ordering::Relaxed) > 50).then_some(())
        });
        let rolled = roll(lab, load);
        load.is_over.store(true, Ordering::Relaxed);
        let outcomes = streams.into_iter().flatten().map(|one| one.join().unwrap());
        (outcomes.collect::<Vec<_>>(), rolled)
    });
    println!("{answered} connections while pods were replaced, in {length:?}");
    for (stream, outcomes) in outcomes.iter().enumerate() {
        let failed: Vec<&ProbeOutcome> = outcomes
            .iter()
            .filter(|outcome| answered_by(outcome).is_none())
            .collect();
        let all = outcomes.len();
        assert!(failed.is_empty(), "stream {stream}, of {all}: {failed:?}");
        let answering = outcomes.iter().filter_map(answered_by);
        let answering: BTreeSet<&str> = answering.collect();
        let is_old = |name: &&&str| old.contains(**name);
        let many = answering.iter().filter(is_old).count();
        assert!(many > 10, "stream {stream}: {answering:?}");
        let new = answering.len() - many;
        assert!(new > 10, "stream {stream}: {answering:?}");
    }
    what_is_open_outlives_its_backend(lab, &addresses);
}

/// Connects to the address that it is given, and asks for a page when it is told to.
const HOLD: &str = r"exec 3<>/dev/tcp/$0/80 && echo open && read -r && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3";

/// An established connection stays with its backend when that leaves the Service and new ones are refused.
fn what_is_open_outlives_its_backend(lab: &Lab, addresses: &[IpAddr]) {
    let ways = ["here", "there"].map(|from| addresses.iter().map(move |to| (from, to.to_string())));
    let ways: Vec<(&str, String)> = ways.into_iter().flatten().collect();
    let held = ways.iter().map(|(from, to)| {
        let hold = Request::Exec {
            pod: format!("default/{from}").parse().unwrap(),
            command: ["bash", "-c", HOLD, to].map(str::to_owned).to_vec(),
            builtin: false,
        };
        let mut command = lab.client().start(&hold).unwrap();
        let input = command.take_input().unwrap();
        let said = command.next_line().unwrap();
        assert_eq!(said.as_deref(), Some("open\n"), "{from} to {to}");
        (command, input)
    });
    let held: Vec<_> = held.collect();
    lab.apply(&SERVICE.replace("selector: {app: many}", "selector: {app: nobody}"));
    for (from, to) in &ways {
        let new = lab.probe(from, to, 80, ProbeProtocol::Tcp, 3000);
        assert_eq!(new, ProbeOutcome::Refused, "{from} to {to}");
    }
    for ((mut command, mut input), way) in held.into_iter().zip(&ways) {
        input.write_all(b"go\n").unwrap();
        let page = command.next_line().unwrap().unwrap_or_default();
        assert!(page.starts_with("HTTP/1."), "{way:?}: {page}");
    }
}
