//! The Services of a cluster of two families at each of their addresses, from pods, nodes and outside: who answers, whom he
//! saw, and who comes back to whom.

mod balanced;
mod datagrams;
mod judged;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_lab::control::client::Origin;
use ringfence_lab::control::protocol::{Place, Request};
use ringfence_standin::Peer;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol, ProbeRequest};

use crate::support::{DUAL_STACK, Lab, eventually};

/// A pod on each worker, a Service of both, and one of the first that keeps those from outside on their node.
const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: web, only: one}}
spec:
  nodeName: kind-worker
  containers:
  - {name: c, image: web, ports: [{name: http, containerPort: 80}, {name: names, containerPort: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: web}}
spec:
  nodeName: kind-worker2
  containers:
  - {name: c, image: web, ports: [{name: http, containerPort: 80}, {name: names, containerPort: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {role: near}}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Service
metadata: {name: edge}
spec:
  type: NodePort
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  externalIPs: [198.51.100.50, '2001:db8:50::50']
  ports:
  - {name: http, port: 8080, targetPort: http, nodePort: 30080}
  - {name: names, port: 5353, targetPort: names, protocol: UDP, nodePort: 30053}
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec:
  type: NodePort
  ipFamilyPolicy: RequireDualStack
  externalTrafficPolicy: Local
  selector: {only: one}
  ports: [{port: 8080, targetPort: http, nodePort: 30081}]
";

const CLOSED: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: web}}}
";

/// Both backends are missed by 20 connections with a chance of 1e-6 at most.
const TIMES: usize = 20;
const WAIT_MS: u64 = 3000;
/// What is dropped is not waited for as long.
const DROPPED_MS: u64 = 400;

fn pod(name: &str) -> Origin {
    Origin::Pod(format!("default/{name}").parse().unwrap())
}

fn node(name: &str) -> Origin {
    Origin::Place(Place::Node(name.to_owned()))
}

fn outside() -> Origin {
    Origin::Place(Place::Outside)
}

/// Connects so many times, one after the other.
fn connect(
    lab: &Lab,
    from: &Origin,
    (target, port): (IpAddr, u16),
    protocol: &ProbeProtocol,
    (times, timeout_ms): (usize, u64),
) -> Vec<ProbeOutcome> {
    let request = ProbeRequest {
        target: target.to_string(),
        port,
        protocol: protocol.clone(),
        timeout_ms,
    };
    let reports = lab.client().probe(from, &vec![request; times]).unwrap();
    reports.into_iter().map(|report| report.outcome).collect()
}

/// IPv4 and IPv6, as the addresses of a node or Service are ordered here.
const FAMILIES: [usize; 2] = [0, 1];

/// Who answers, and whom they saw.
#[track_caller]
fn answers(
    lab: &Lab,
    from: &Origin,
    to: (IpAddr, u16),
    protocol: &ProbeProtocol,
) -> (BTreeSet<String>, BTreeSet<IpAddr>) {
    let outcomes = connect(lab, from, to, protocol, (TIMES, WAIT_MS));
    let peer = |outcome| match outcome {
        ProbeOutcome::Reached {
            peer: Some(peer), ..
        } => peer,
        other @ (ProbeOutcome::Reached { .. }
        | ProbeOutcome::TimedOut
        | ProbeOutcome::Refused
        | ProbeOutcome::DnsFailed { .. }
        | ProbeOutcome::Other { .. }) => panic!("{from:?} to {to:?}: {other:?}"),
    };
    let peers: Vec<Peer> = outcomes.into_iter().map(peer).collect();
    let pods = peers.iter().map(|peer| peer.pod.clone()).collect();
    let seen = peers.iter().map(|peer| peer.source.ip().to_canonical());
    (pods, seen.collect())
}

/// The addresses of nodes, of Services and the external ones, the family by its place.
struct Addresses {
    workers: [[IpAddr; 2]; 2],
    /// Of the Service of both backends, and of that of one alone.
    cluster: [IpAddr; 2],
    only: [IpAddr; 2],
    external: [IpAddr; 2],
    /// Under which the host outside connects, as long as no policy is there.
    client: [IpAddr; 2],
}

fn by_family(all: &[IpAddr]) -> [IpAddr; 2] {
    [false, true].map(|v6| *all.iter().find(|ip| ip.is_ipv6() == v6).unwrap())
}

impl Addresses {
    fn of(lab: &Lab) -> Self {
        let services = lab.status().services;
        let service = |name: &str| {
            let service = services.iter().find(|service| service.name.name == name);
            by_family(&service.unwrap().cluster_addresses)
        };
        let workers = ["kind-worker", "kind-worker2"].map(|name| Self::of_node(lab, name));
        let seen = |address: IpAddr| {
            let (_, seen) = answers(lab, &outside(), (address, 30081), &ProbeProtocol::Tcp);
            seen.into_iter().next().unwrap()
        };
        Self {
            client: workers[0].map(seen),
            workers,
            cluster: service("edge"),
            only: service("local"),
            external: ["198.51.100.50", "2001:db8:50::50"].map(|ip| ip.parse().unwrap()),
        }
    }

    fn of_node(lab: &Lab, name: &str) -> [IpAddr; 2] {
        let nodes = lab.status().nodes;
        let node = nodes.iter().find(|node| node.name == name);
        by_family(&node.unwrap().addresses)
    }
}

#[test]
fn services_answer_at_all_of_their_addresses() {
    let objects = [PODS, judged::PODS, balanced::SERVICES].concat();
    let lab = Lab::up_on(DUAL_STACK, &objects);
    let addresses = Addresses::of(&lab);
    let [own, other] = addresses.workers;
    users_dial_from_every_place(&lab, &addresses);
    let both = BTreeSet::from(["one".to_owned(), "two".to_owned()]);
    let (tcp, udp) = (ProbeProtocol::Tcp, ProbeProtocol::Udp);
    for family in FAMILIES {
        let near = lab.pod("near").addresses;
        let near = *near
            .iter()
            .find(|ip| ip.is_ipv6() == (family == 1))
            .unwrap();
        // Whoever is in the cluster is seen as himself, whatever he dials.
        let targets = [
            (addresses.cluster[family], 8080, 5353),
            (addresses.external[family], 8080, 5353),
            (own[family], 30080, 30053),
            (other[family], 30080, 30053),
        ];
        for (target, web, names) in targets {
            for (protocol, port) in [(&tcp, web), (&udp, names)] {
                let (pods, seen) = answers(&lab, &pod("near"), (target, port), protocol);
                assert_eq!(pods, both, "{target} {port}");
                assert_eq!(seen, [near].into(), "{target} {port}");
            }
            let (pods, _) = answers(&lab, &node("kind-worker"), (target, web), &tcp);
            assert_eq!(pods, both, "{target} from the node");
        }
        from_outside(&lab, &addresses, family);
    }
    // A policy that denies drops, at every address, and those from outside too.
    lab.apply(CLOSED);
    for family in FAMILIES {
        let at = [
            (pod("near"), (addresses.cluster[family], 8080)),
            (pod("near"), (addresses.external[family], 8080)),
            (pod("near"), (other[family], 30080)),
            (outside(), (own[family], 30081)),
        ];
        for (from, to) in at {
            let outcomes = connect(&lab, &from, to, &tcp, (1, DROPPED_MS));
            assert_eq!(outcomes, [ProbeOutcome::TimedOut], "{from:?} to {to:?}");
        }
    }
    lab.delete(CLOSED);
    judged::every_row(&lab, &addresses);
    balanced::load_balancers_let_in_whom_they_list(&lab, &addresses);
    // Where nobody is left clients are told at once.
    let pods = PODS.split("---").take(2).collect::<Vec<_>>().join("---");
    lab.delete(&pods);
    for family in FAMILIES {
        for to in [(addresses.cluster[family], 8080), (own[family], 30080)] {
            let outcomes = connect(&lab, &pod("near"), to, &tcp, (1, WAIT_MS));
            assert_eq!(outcomes, [ProbeOutcome::Refused], "{to:?}");
        }
        let outcomes = connect(&lab, &outside(), (own[family], 30080), &tcp, (1, WAIT_MS));
        assert_eq!(outcomes, [ProbeOutcome::Refused], "from outside");
    }
}

/// The same by the command; a node that keeps those from outside to itself has no backend here.
fn users_dial_from_every_place(lab: &Lab, addresses: &Addresses) {
    let [own, other] = addresses.workers;
    for family in FAMILIES {
        for (from, to, code) in [
            ("outside", own[family], 0),
            ("outside", other[family], 1),
            ("node/kind-worker2", other[family], 0),
            ("near", other[family], 0),
        ] {
            let dialled = lab.run(&["probe", from, &to.to_string(), "30081"]);
            assert_eq!(dialled.code(), Some(code), "{from} to {to}: {dialled:?}");
        }
    }
    let said = lab.run(&["probe", "node/nobody", "192.0.2.1", "80"]);
    assert!(said.expect_refused().contains("node `nobody`"));
}

fn from_outside(lab: &Lab, addresses: &Addresses, family: usize) {
    let [own, other] = addresses.workers;
    let tcp = ProbeProtocol::Tcp;
    let (pods, seen) = answers(lab, &outside(), (own[family], 30080), &tcp);
    assert_eq!(pods.len(), 2, "{pods:?}");
    assert_eq!(seen.len(), 2, "the pod elsewhere sees the node: {seen:?}");
    assert!(seen.contains(&own[family]), "{seen:?}");
    let (_, names) = answers(lab, &outside(), (own[family], 30053), &ProbeProtocol::Udp);
    assert_eq!(names, seen);
    // Kept to its node: the client is seen there, and elsewhere comes to nothing.
    let (pods, seen) = answers(lab, &outside(), (own[family], 30081), &tcp);
    assert_eq!(pods, ["one".to_owned()].into());
    assert!(!seen.contains(&own[family]), "{seen:?}");
    let dropped = connect(
        lab,
        &outside(),
        (other[family], 30081),
        &tcp,
        (1, DROPPED_MS),
    );
    assert_eq!(dropped, [ProbeOutcome::TimedOut]);
    let (pods, _) = answers(lab, &node("kind-worker2"), (other[family], 30081), &tcp);
    assert_eq!(pods, ["one".to_owned()].into(), "from the node itself");
}

/// The backend is kept when the agent starts anew, and given up when it ends.
#[test]
fn clients_come_back_to_their_backend() {
    let sticky = "selector: {app: web}\n  sessionAffinity: ClientIP";
    let manifests = PODS.replace("selector: {app: web}", sticky);
    let lab = Lab::up_on(DUAL_STACK, &manifests);
    let addresses = Addresses::of(&lab);
    let [own, _] = addresses.workers;
    let (tcp, udp) = (ProbeProtocol::Tcp, ProbeProtocol::Udp);
    let mut ways = Vec::new();
    for family in FAMILIES {
        for from in [pod("near"), node("kind-worker"), outside()] {
            ways.push((from, (own[family], 30080), &tcp));
        }
        ways.push((pod("near"), (addresses.cluster[family], 8080), &tcp));
        ways.push((pod("near"), (addresses.cluster[family], 5353), &udp));
        ways.push((node("kind-worker"), (addresses.cluster[family], 8080), &tcp));
    }
    let visit = || -> Vec<BTreeSet<String>> {
        let visited = ways.iter();
        visited
            .map(|(from, to, protocol)| answers(&lab, from, *to, protocol).0)
            .collect()
    };
    let first = visit();
    assert!(first.iter().all(|pods| pods.len() == 1), "{first:?}");
    let starts = || lab.agent_starts("kind-worker");
    let before = starts();
    let kill = Request::KillAgent {
        node: "kind-worker".to_owned(),
    };
    lab.client().request(&kill, |_| {}).unwrap();
    eventually("the agent starts anew", || {
        (starts() > before).then_some(())
    });
    // It is heard of again when a change is enforced.
    lab.apply(CLOSED);
    lab.delete(CLOSED);
    assert_eq!(visit(), first, "a new agent leaves clients where they are");
    let one: Vec<&str> = manifests.split("---").take(1).collect();
    lab.delete(one[0]);
    let two = BTreeSet::from(["two".to_owned()]);
    assert!(visit().iter().all(|pods| *pods == two), "one is gone");
    lab.apply(one[0]);
    assert!(
        visit().iter().all(|pods| *pods == two),
        "and comes back to nobody"
    );
}
