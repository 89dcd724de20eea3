//! What a policy sees of a connection, live: each row of the table "what a packet looks like" (DP-4, NP-50, NP-52, NP-62,
//! OB-19). Who must be allowed, for it to come about, says which address was judged.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_lab::control::client::Origin;
use ringfence_model::ObjectName;
use ringfence_standin::Peer;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol};

use super::{
    Addresses, DROPPED_MS, FAMILIES, TIMES, WAIT_MS, answers, by_family, connect, node, outside,
    pod,
};
use crate::support::Lab;

/// Host pods, one on each worker, and a Service of the one backend.
pub(super) const PODS: &str = "
---
apiVersion: v1
kind: Pod
metadata: {name: hosted-here}
spec: {nodeName: kind-worker, hostNetwork: true, containers: [{name: c, image: web, ports: [{containerPort: 8090}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: hosted-there}
spec: {nodeName: kind-worker2, hostNetwork: true, containers: [{name: c, image: web, ports: [{containerPort: 8090}]}]}
";
const HOSTED: u16 = 8090;
/// The host outside.
const STRANGER: [&str; 2] = ["203.0.113.10", "2001:db8:203::10"];

/// The policy of the pods that `selector` chooses, with these rules of one direction.
fn policy(selector: &str, direction: &str, rules: &str) -> String {
    let rules = match direction {
        "Egress" => format!("egress: {rules}"),
        _ => format!("ingress: {rules}"),
    };
    format!(
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: judged}}
spec: {{podSelector: {selector}, policyTypes: [{direction}], {rules}}}
"
    )
}

fn blocks(addresses: &[IpAddr]) -> String {
    let block = |address: &IpAddr| {
        let length = if address.is_ipv4() { 32 } else { 128 };
        format!("{{ipBlock: {{cidr: '{address}/{length}'}}}}")
    };
    let blocks: Vec<String> = addresses.iter().map(block).collect();
    blocks.join(", ")
}

/// Everything that is dialled here.
struct World<'l> {
    lab: &'l Lab,
    at: &'l Addresses,
    /// The pods, the family by its place.
    near: [IpAddr; 2],
    one: [IpAddr; 2],
    two: [IpAddr; 2],
    control_plane: [IpAddr; 2],
    /// Of the load balancer with both backends.
    spread: [IpAddr; 2],
}

impl World<'_> {
    /// Who answers, and whom they saw.
    fn reaches(&self, from: &Origin, to: (IpAddr, u16)) -> Peer {
        let outcomes = connect(self.lab, from, to, &ProbeProtocol::Tcp, (1, WAIT_MS));
        match outcomes.as_slice() {
            [
                ProbeOutcome::Reached {
                    peer: Some(peer), ..
                },
            ] => peer.clone(),
            other => panic!("{from:?} to {to:?}: {other:?}"),
        }
    }

    fn is_seen(&self, from: &Origin, to: (IpAddr, u16), source: IpAddr) {
        let peer = self.reaches(from, to);
        let seen = peer.source.ip().to_canonical();
        assert_eq!(seen, source, "{from:?} to {to:?}");
    }

    fn is_dropped(&self, from: &Origin, to: (IpAddr, u16)) {
        let outcomes = connect(self.lab, from, to, &ProbeProtocol::Tcp, (1, DROPPED_MS));
        assert_eq!(outcomes, [ProbeOutcome::TimedOut], "{from:?} to {to:?}");
    }

    /// Where the Service of both backends is dialled in the cluster.
    fn of_services(&self, family: usize) -> [(IpAddr, u16); 4] {
        let [own, other] = self.at.workers;
        [
            (self.at.cluster[family], 8080),
            (self.at.external[family], 8080),
            (own[family], 30080),
            (other[family], 30080),
        ]
    }

    /// The backends that are reached at an address of a Service, and whether some connections are dropped.
    fn of(&self, from: &Origin, port: (IpAddr, u16)) -> (BTreeSet<String>, bool) {
        let tcp = ProbeProtocol::Tcp;
        let outcomes = connect(self.lab, from, port, &tcp, (TIMES, DROPPED_MS));
        let mut pods = BTreeSet::new();
        let mut is_dropped = false;
        for outcome in outcomes {
            match outcome {
                ProbeOutcome::Reached {
                    peer: Some(peer), ..
                } => drop(pods.insert(peer.pod)),
                ProbeOutcome::TimedOut => is_dropped = true,
                other @ (ProbeOutcome::Reached { .. }
                | ProbeOutcome::Refused
                | ProbeOutcome::DnsFailed { .. }
                | ProbeOutcome::Other { .. }) => panic!("{port:?}: {other:?}"),
            }
        }
        (pods, is_dropped)
    }
}

pub(super) fn every_row(lab: &Lab, at: &Addresses) {
    let spread = ObjectName::new("default", "spread");
    let of_pod = |name: &str| by_family(&lab.pod(name).addresses);
    let world = World {
        lab,
        at,
        near: of_pod("near"),
        one: of_pod("one"),
        two: of_pod("two"),
        control_plane: Addresses::of_node(lab, "kind-control-plane"),
        spread: by_family(&lab.cluster().services[&spread].traffic.balanced),
    };
    egress(&world);
    ingress(&world);
    ingress_from_outside(&world);
    lab.delete(&policy("{}", "Ingress", "[]"));
}

fn egress(world: &World<'_>) {
    let [own, other] = world.at.workers;
    let near = pod("near");
    let selector = "{matchLabels: {role: near}}";
    // A backend is judged behind the Service: its own address and port.
    world.lab.apply(&policy(
        selector,
        "Egress",
        "[{to: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}]",
    ));
    for family in FAMILIES {
        let source = world.near[family];
        world.is_seen(&near, (world.one[family], 80), source);
        world.is_seen(&near, (world.two[family], 80), source);
        world.is_seen(&near, (world.at.cluster[family], 8080), source);
        world.is_seen(&near, (own[family], 30080), source);
        world.is_seen(&near, (other[family], 30080), source);
        for to in [
            (STRANGER[family].parse().unwrap(), 80),
            (own[family], HOSTED),
            (other[family], HOSTED),
        ] {
            world.is_dropped(&near, to);
        }
    }
    // Neither the Service's address nor that of a node is what counts; nodes and strangers are seen as they are.
    let allowed: Vec<IpAddr> = FAMILIES
        .into_iter()
        .flat_map(|family| {
            [
                world.at.cluster[family],
                own[family],
                other[family],
                STRANGER[family].parse().unwrap(),
            ]
        })
        .collect();
    let rules = format!("[{{to: [{}]}}]", blocks(&allowed));
    world.lab.apply(&policy(selector, "Egress", &rules));
    for family in FAMILIES {
        world.is_dropped(&near, (world.at.cluster[family], 8080));
        world.is_dropped(&near, (own[family], 30080));
        world.is_seen(&near, (own[family], HOSTED), world.near[family]);
        world.is_seen(&near, (other[family], HOSTED), world.near[family]);
        // Judged as the pod, and masqueraded after that.
        let stranger = STRANGER[family].parse().unwrap();
        world.is_seen(&near, (stranger, 80), own[family]);
    }
}

fn ingress(world: &World<'_>) {
    let [own, other] = world.at.workers;
    let [here, there] = ["kind-worker", "kind-worker2"].map(node);
    let control_plane = node("kind-control-plane");
    // Nobody is let in: but the pod itself, and its own node, a host pod of it included. Hosts are no pods.
    world.lab.apply(&policy("{}", "Ingress", "[]"));
    for family in FAMILIES {
        let (one, two) = ((world.one[family], 80), (world.two[family], 80));
        world.is_dropped(&pod("near"), one);
        assert_eq!(world.reaches(&here, one).pod, "one");
        assert_eq!(world.reaches(&pod("hosted-there"), two).pod, "two");
        for stranger in [&there, &control_plane, &pod("hosted-there")] {
            world.is_dropped(stranger, one);
        }
        for to in [(own[family], HOSTED), (other[family], HOSTED)] {
            world.reaches(&pod("near"), to);
        }
        // The pod sees its node, and is judged as itself.
        let seen = world.reaches(&pod("one"), (world.at.only[family], 8080));
        assert_eq!(seen.pod, "one");
        let seen = seen.source.ip().to_canonical();
        assert_ne!(seen, world.one[family]);
    }
    a_pod_is_judged_as_itself(world);
    // Other nodes come with their address.
    let nodes: Vec<IpAddr> = [other, world.control_plane].concat();
    let rules = format!("[{{from: [{}]}}]", blocks(&nodes));
    world.lab.apply(&policy("{}", "Ingress", &rules));
    for family in FAMILIES {
        let one = (world.one[family], 80);
        world.is_seen(&there, one, other[family]);
        world.is_seen(&pod("hosted-there"), one, other[family]);
        world.is_seen(&control_plane, one, world.control_plane[family]);
        world.is_dropped(&pod("near"), one);
    }
}

/// At whatever address it dials, on both nodes; a sibling behind the same Service is another pod.
fn a_pod_is_judged_as_itself(world: &World<'_>) {
    let rules = "[{from: [{podSelector: {matchLabels: {role: near}}}]}]";
    world.lab.apply(&policy("{}", "Ingress", rules));
    let both = BTreeSet::from(["one".to_owned(), "two".to_owned()]);
    for family in FAMILIES {
        for to in [(world.one[family], 80), (world.two[family], 80)] {
            world.is_seen(&pod("near"), to, world.near[family]);
        }
        world.is_dropped(&pod("one"), (world.two[family], 80));
        for to in world.of_services(family) {
            let (pods, seen) = answers(world.lab, &pod("near"), to, &ProbeProtocol::Tcp);
            assert_eq!(
                (pods, seen),
                (both.clone(), [world.near[family]].into()),
                "{to:?}"
            );
            let (pods, is_dropped) = world.of(&pod("one"), to);
            assert_eq!(
                (pods, is_dropped),
                (["one".to_owned()].into(), true),
                "{to:?}"
            );
        }
    }
}

fn ingress_from_outside(world: &World<'_>) {
    let [own, _] = world.at.workers;
    let one = || BTreeSet::from(["one".to_owned()]);
    let client = world.at.client;
    let rules = format!("[{{from: [{}]}}]", blocks(&client));
    world.lab.apply(&policy("{}", "Ingress", &rules));
    let mut entered = Vec::new();
    for family in FAMILIES {
        // Through the node to its own pod: the client. To a pod elsewhere: the node, which nobody allows.
        let found = world.of(&outside(), (own[family], 30080));
        assert_eq!(found, (one(), true), "{family}");
        let seen = world.reaches(&outside(), (own[family], 30081));
        assert_eq!(seen.pod, "one");
        assert_eq!(seen.source.ip().to_canonical(), client[family]);
        // At a load balancer's address the lab chooses the node.
        let (pods, is_dropped) = world.of(&outside(), (world.spread[family], 80));
        assert_eq!((pods.len(), is_dropped), (1, true), "{family}: {pods:?}");
        entered.push(pods == one());
    }
    let rules = format!("[{{from: [{}]}}]", blocks(&own));
    world.lab.apply(&policy("{}", "Ingress", &rules));
    for family in FAMILIES {
        let found = world.of(&outside(), (own[family], 30080));
        let two = BTreeSet::from(["two".to_owned()]);
        assert_eq!(found, (two.clone(), true), "{family}");
        let expected = if entered[family] {
            two
        } else {
            BTreeSet::new()
        };
        let found = world.of(&outside(), (world.spread[family], 80));
        assert_eq!(found, (expected, true), "{family}");
        world.is_dropped(&outside(), (own[family], 30081));
    }
}
