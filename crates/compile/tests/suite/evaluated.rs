//! The compiled tables as a decider.

use std::net::IpAddr;

use ringfence_compile::Enforcement;
use ringfence_model::{
    Answer, Cluster, ClusterIp, DirectionVerdict, Endpoint, Outcome, Party, Pod, Service,
    TrafficPolicy,
};
use ringfence_net::Family;
use ringfence_reference::answer;
use ringfence_testkit::decider::{Decider, Decision, Verdict};
use ringfence_testkit::flows::ProbeFlow;

use crate::world::{Arrival, Place, World, node_of, opening};

/// Compiles the tables of all nodes and sends packets through them. Addresses are chosen here by rules,
/// apart from the reference; from it comes only whether a question makes sense at all.
pub(crate) struct EvaluatedDecider {
    enforcement: Enforcement,
    world: Option<World>,
}

/// One end of a flow.
struct End {
    place: Place,
    addresses: Vec<IpAddr>,
}

impl EvaluatedDecider {
    pub(crate) fn new(enforcement: Enforcement) -> Self {
        Self {
            enforcement,
            world: None,
        }
    }

    /// The world of `cluster`, compiled once for many flows.
    pub(crate) fn world(&mut self, cluster: &Cluster) -> &World {
        if self
            .world
            .as_ref()
            .is_none_or(|world| world.cluster != *cluster)
        {
            self.world = None;
        }
        let enforcement = self.enforcement;
        self.world
            .get_or_insert_with(|| World::new(cluster, enforcement))
    }
}

impl Decider for EvaluatedDecider {
    fn name(&self) -> &'static str {
        "evaluated ruleset"
    }

    fn decide(&mut self, cluster: &Cluster, flow: &ProbeFlow) -> Decision {
        let verdict = match answer(cluster, flow) {
            Err(_) => Verdict::Error,
            Ok(answer) => {
                let judged = judge(self.world(cluster), flow, &answer);
                judged.unwrap_or_else(|| Verdict::from(&answer.outcome))
            }
        };
        Decision {
            verdict,
            because: String::new(),
        }
    }
}

/// What becomes of a flow; `None` if no packet can be made for it: a Service without address cannot be dialled, and
/// nobody dials an address of a family that he has not.
pub(crate) fn judge(world: &World, flow: &ProbeFlow, answer: &Answer) -> Option<Verdict> {
    if Verdict::from(&answer.outcome) == Verdict::Unknown {
        return None;
    }
    if is_closed_to_its_node(world, flow, answer) {
        return None;
    }
    let source = end(world, &flow.source);
    let destination = end(world, &flow.destination);
    let is_outside = source.place == Place::Outside;
    let is_at_node = matches!(destination.place, Place::Node(_));
    if is_outside && !is_at_node && depends_on_entry(world, answer) {
        return None;
    }
    if destination.addresses.iter().any(IpAddr::is_loopback) {
        return Some(Verdict::Allow);
    }
    let families: Vec<Family> = source.addresses.iter().copied().map(Family::of).collect();
    let to = destination
        .addresses
        .iter()
        .find(|to| families.contains(&Family::of(**to)))?;
    let from = source
        .addresses
        .iter()
        .find(|from| Family::of(**from) == Family::of(*to))?;
    let mut reached = answer
        .connections
        .iter()
        .filter_map(|found| found.destination.address());
    if reached.any(|address| Family::of(address) != Family::of(*to)) {
        return None;
    }
    if source.place == destination.place && !is_outside && answer.service.is_none() {
        return Some(Verdict::Allow);
    }
    let packet = opening(*from, *to, flow.protocol, flow.port);
    let mut backends = 1;
    let mut arrivals = Vec::new();
    let mut number = 0;
    while number < backends {
        let arrival = world.send(&source.place, packet.clone(), &mut |modulus| {
            backends = modulus;
            number
        });
        arrivals.push(arrival);
        number += 1;
    }
    match (verdict(&arrivals), &answer.outcome) {
        (Verdict::Deny, Outcome::NoEndpoints) if is_outside && keeps_to_nodes(world, answer) => {
            Some(Verdict::NoEndpoints)
        }
        (found, _) => Some(found),
    }
}

/// Whether it depends on the node at which somebody from outside comes in where the Service leads (rules OB-18, OB-19).
fn depends_on_entry(world: &World, answer: &Answer) -> bool {
    let services = &world.cluster.services;
    let is_open = |service: &Service| {
        let mut ports = service.ports.iter();
        !service.external_addresses.is_empty() || ports.any(|port| port.node_port.is_some())
    };
    let service = answer.service.as_ref().and_then(|name| services.get(name));
    service.is_some_and(|service| {
        service.traffic.internal == TrafficPolicy::Local || services.values().any(is_open)
    })
}

/// Whether the Service keeps those from outside on their node: without backend there they are dropped (rule OB-19).
fn keeps_to_nodes(world: &World, answer: &Answer) -> bool {
    let service = answer.service.as_ref();
    let service = service.and_then(|name| world.cluster.services.get(name));
    service.is_some_and(|service| service.traffic.external == TrafficPolicy::Local)
}

/// Whether a pod denies its own node, as a peer of unknown kind makes it do (rule CN-38). No rule of ours stands between
/// a node and its pods: the kubelet always gets in.
fn is_closed_to_its_node(world: &World, flow: &ProbeFlow, answer: &Answer) -> bool {
    let Place::Node(node) = end(world, &flow.source).place else {
        return false;
    };
    answer.connections.iter().any(|found| {
        let Party::Pod { name, .. } = &found.destination else {
            return false;
        };
        found.ingress.verdict == DirectionVerdict::Deny
            && node_of(&world.cluster.pods[name]) == node
    })
}

fn verdict(arrivals: &[Arrival]) -> Verdict {
    let all = |wanted: Arrival| arrivals.iter().all(|arrival| *arrival == wanted);
    if all(Arrival::Delivered) {
        Verdict::Allow
    } else if all(Arrival::Dropped) {
        Verdict::Deny
    } else if all(Arrival::Rejected) {
        Verdict::NoEndpoints
    } else {
        Verdict::Partial
    }
}

fn end(world: &World, endpoint: &Endpoint) -> End {
    let cluster = &world.cluster;
    match endpoint {
        Endpoint::Address(address) => End {
            place: world.place(address.to_canonical()),
            addresses: vec![address.to_canonical()],
        },
        Endpoint::Pod(name) => pod_end(cluster, &cluster.pods[name]),
        Endpoint::Node(name) => End {
            place: Place::Node(name.clone()),
            addresses: node_addresses(cluster, name),
        },
        Endpoint::Service(name) => match &cluster.services[name].cluster_ip {
            ClusterIp::Assigned(addresses) => End {
                place: Place::Outside,
                addresses: addresses.clone(),
            },
            ClusterIp::Headless | ClusterIp::Unassigned => End {
                place: Place::Outside,
                addresses: Vec::new(),
            },
        },
    }
}

fn pod_end(cluster: &Cluster, pod: &Pod) -> End {
    let node = node_of(pod).to_owned();
    if !pod.host_network {
        return End {
            place: Place::Pod {
                node,
                name: pod.name.clone(),
            },
            addresses: pod.addresses.clone(),
        };
    }
    let mut addresses = [pod.addresses.clone(), pod.host_addresses.clone()].concat();
    if addresses.is_empty() {
        addresses = node_addresses(cluster, &node);
    }
    End {
        place: Place::Node(node),
        addresses,
    }
}

fn node_addresses(cluster: &Cluster, name: &str) -> Vec<IpAddr> {
    let of_object = cluster.nodes.get(name).into_iter();
    let live = cluster.pods.values().filter(|pod| pod.is_live());
    let reported = live
        .filter(|pod| node_of(pod) == name)
        .flat_map(|pod| pod.host_addresses.clone());
    of_object
        .flat_map(|node| node.addresses.clone())
        .chain(reported)
        .collect()
}
