//! Host firewalls that are tried out, on packets (rule HF-4): the kernel takes them back by itself, and whenever the agent dies the
//! node lets in what it let in before or what the trial says.

use std::net::{IpAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use ringfence_agent::protocol::AgentObject;
use ringfence_agent::status::ask_health;
use ringfence_cni::Endpoint;
use ringfence_compile::{Trial, holds_trial};
use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPort, ClusterRule, HostFirewall, HostRules,
    HostTrial, LabelSelector, Labels, PodScope, Timestamp,
};
use ringfence_net::{PortRange, Protocol};
use ringfence_netlink::route::{InterfaceAddress, RouteSocket};
use ringfence_ruleset::Table;

use crate::agent::{Node, eventually, live};
use crate::objects;
use crate::protocols::pods;
use crate::traffic::{TestPod, lives, serve_on};

/// Nothing stays open by itself there.
const METRICS: u16 = 9100;
/// A failsafe port (rule HF-7).
const KUBELET: u16 = 10_250;
const ADDRESSES: [&str; 2] = ["192.0.2.1", "fd00:192:0:2::1"];
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(5);
const ROUNDS: usize = 6;

/// The pod whose name this is gets in to the metrics.
fn only(pod: &str) -> HostRules {
    let pods = LabelSelector {
        match_labels: Labels::from([("app".to_owned(), pod.to_owned())]),
        ..LabelSelector::default()
    };
    HostRules {
        nodes: LabelSelector::default(),
        ingress: vec![ClusterRule {
            name: None,
            action: ClusterAction::Accept,
            peers: vec![ClusterPeer::Pods(PodScope {
                namespaces: None,
                pods: Some(pods),
            })],
            ports: vec![ClusterPort::Range(
                Protocol::Tcp,
                PortRange::single(METRICS),
            )],
            source: None,
        }],
    }
}

fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(elapsed.as_millis().try_into().unwrap())
}

/// From now on, so long.
fn firewall(confirmed: Option<HostRules>, tried: Option<(HostRules, Duration)>) -> HostFirewall {
    let since = now();
    let trial = tried.map(|(rules, length)| HostTrial {
        rules,
        since,
        until: Timestamp(since.0 + i64::try_from(length.as_millis()).unwrap()),
    });
    HostFirewall {
        name: "one".to_owned(),
        confirmed,
        trial,
        source: None,
    }
}

/// A node with an address of each family, at which it serves two ports, and its pods `a`, `b` and `c`.
struct Host {
    node: Node,
    pods: [TestPod; 3],
}

impl Host {
    fn new() -> Self {
        let (node, pods) = pods([]);
        let AgentObject::Node(mut object) = objects::node() else {
            panic!("a node");
        };
        object.addresses = ADDRESSES.map(|it| it.parse().unwrap()).to_vec();
        let mut routes = RouteSocket::open().unwrap();
        let index = routes.link_by_name("lo").unwrap().index;
        for address in &object.addresses {
            let address = IpAddr::to_canonical(address).into();
            routes
                .add_address(&InterfaceAddress { index, address })
                .unwrap();
        }
        for port in [METRICS, KUBELET] {
            serve_on(TcpListener::bind(("::", port)).unwrap());
        }
        let host = Self { node, pods };
        host.node.store.apply(AgentObject::Node(object));
        host.node.store.wait();
        host
    }

    fn write(&self, firewall: &HostFirewall) {
        let object = AgentObject::HostFirewall(firewall.clone());
        self.node.store.apply(object);
    }

    fn apply(&self, firewall: &HostFirewall) {
        self.write(firewall);
        self.node.store.wait();
    }

    fn dial(&self, pod: usize, port: u16, patience: Duration) -> [Option<TcpStream>; 2] {
        thread::scope(|scope| {
            let dials = ADDRESSES.map(|address| {
                scope.spawn(move || self.pods[pod].try_dial(address, port, patience))
            });
            dials.map(|dial| dial.join().unwrap())
        })
    }

    #[track_caller]
    fn reaches(&self, pod: usize, port: u16) {
        let dialled = self.dial(pod, port, LONG);
        let answers = dialled.map(|stream| stream.is_some_and(|it| lives(&it)));
        assert_eq!(answers, [true; 2], "pod {pod} to port {port}");
    }

    #[track_caller]
    fn is_kept_out(&self, pod: usize, port: u16) {
        let dialled = self.dial(pod, port, SHORT);
        let reached = dialled.map(|stream| stream.is_some());
        assert_eq!(reached, [false; 2], "pod {pod} to port {port}");
    }

    /// Waits until the kernel lets the pod in.
    fn comes_in(&self, pod: usize, port: u16) {
        let what = format!("pod {pod} to port {port}");
        eventually(&what, || {
            let dialled = self.dial(pod, port, SHORT);
            dialled.iter().all(Option::is_some).then_some(())
        });
    }

    fn restart(&mut self) {
        self.node.store.forget_statuses();
        self.node.start();
        self.node.store.wait();
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        self.pods.iter().map(|pod| pod.endpoint.clone()).collect()
    }

    /// The table when `firewall` is written: without the trial, or with it.
    fn expected(&self, firewall: &HostFirewall, on_trial: bool) -> Table {
        let mut cluster: Cluster = self.node.store.cluster();
        let firewalls = [(firewall.name.clone(), firewall.clone())];
        cluster.host_firewalls = firewalls.into();
        let since = firewall.trial.as_ref().map(|trial| trial.since);
        let trials = since.and_then(|since| cluster.trials(since));
        let trial = trials.map(|trials| Trial {
            firewalls: trials.firewalls,
            name: trials.names,
        });
        let trial = trial.filter(|_| on_trial);
        self.node
            .expected_during(trial, &cluster, &self.endpoints())
    }

    #[track_caller]
    fn holds(&self, expected: &Table) {
        let live = live().expect("a table");
        assert!(live == *expected, "live:\n{live}\nexpected:\n{expected}");
    }

    /// Waits for a verification of what is in the kernel now, which finds nothing.
    fn is_proved(&self) {
        let health = || ask_health(&self.node.config.status_socket()).unwrap();
        let verified = eventually("a verification", || health().watched.last);
        assert_eq!(verified.problem, None);
        assert_eq!(health().watched.drift, None);
    }
}

pub(crate) fn the_kernel_takes_back_what_nobody_confirms() {
    let mut host = Host::new();
    let before = host.dial(2, METRICS, LONG).map(Option::unwrap);
    let tried = firewall(None, Some((only("a"), Duration::from_secs(10))));
    host.apply(&tried);
    host.is_kept_out(2, METRICS);
    host.node.kill();
    // What is tried out is enforced without an agent, and spares what was open and the ports that nobody named.
    host.reaches(0, METRICS);
    host.is_kept_out(2, METRICS);
    host.reaches(2, KUBELET);
    assert!(before.iter().all(lives), "an open connection was cut");
    // So it ends.
    host.comes_in(2, METRICS);
    host.restart();
    host.holds(&host.expected(&tried, false));
    host.is_proved();

    let confirmed = Some(only("a"));
    let next = firewall(confirmed.clone(), Some((only("b"), Duration::from_secs(6))));
    host.apply(&next);
    host.reaches(1, METRICS);
    host.is_kept_out(0, METRICS);
    host.node.kill();
    // What was confirmed before decides again, and does so for good.
    host.comes_in(0, METRICS);
    host.is_kept_out(1, METRICS);
    host.restart();
    host.holds(&host.expected(&next, false));

    // In time.
    let length = Duration::from_secs(5);
    host.apply(&firewall(confirmed, Some((only("c"), length))));
    host.reaches(2, METRICS);
    let kept = firewall(Some(only("c")), None);
    host.apply(&kept);
    host.node.kill();
    thread::sleep(length + SHORT);
    host.reaches(2, METRICS);
    host.is_kept_out(0, METRICS);
    host.restart();
    host.holds(&host.expected(&kept, false));
}

pub(crate) fn a_crash_at_any_moment_leaves_what_was_or_what_is_tried() {
    let mut host = Host::new();
    let confirmed = firewall(Some(only("a")), None);
    host.apply(&confirmed);
    let mut runner = TestRunner::default();
    let mut draw = |range: std::ops::Range<u64>| {
        let drawn = range.new_tree(&mut runner).unwrap().current();
        Duration::from_micros(drawn)
    };
    let mut sightings = [0; 2];
    for round in 0..ROUNDS {
        // Every other one ends before the agent dies, which is then about to clear up.
        let length = draw(150_000..400_000);
        let tried = firewall(Some(only("a")), Some((only("b"), length)));
        host.write(&tried);
        let after = if round % 2 == 0 {
            Duration::ZERO
        } else {
            length
        };
        thread::sleep(after + draw(0..1_500));
        host.node.kill();
        let (old, new) = (host.expected(&tried, false), host.expected(&tried, true));
        let live = live().expect("a table");
        let is_new = without_ends(&live) == without_ends(&new);
        assert!(
            is_new || live == old,
            "neither of both:\n{live}\nold:\n{old}\nnew:\n{new}"
        );
        sightings[usize::from(is_new)] += 1;
        // No agent lives: what is confirmed counts when the time is over, whatever was written.
        thread::sleep(length);
        host.comes_in(0, METRICS);
        host.is_kept_out(1, METRICS);
        host.restart();
        host.holds(&old);
    }
    println!("old and new: {sightings:?}");
}

/// The same without the elements that end by themselves.
fn without_ends(table: &Table) -> Table {
    let mut table = table.clone();
    let sets = table.sets.iter_mut().filter(|(name, _)| holds_trial(name));
    sets.for_each(|(_, set)| set.elements.clear());
    table
}
