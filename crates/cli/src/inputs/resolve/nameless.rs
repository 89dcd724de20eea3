//! Pods that do not exist yet, and what they will call their ports.

use std::collections::BTreeSet;

use ringfence_model::{
    Answer, Cluster, ClusterPort, ContainerPort, Direction, DirectionDecision, DirectionVerdict,
    Endpoint, Outcome, Pod, PolicyPort, PortMatch, Query,
};
use ringfence_policy::{Change, Engine};

use crate::inputs::endpoint::EndpointArgument;

/// What to know of an answer about a pod of which only labels are given: nobody knows its ports, and a policy names some
/// (rule NP-34). `destination` is what `argument` stands for.
pub(crate) fn nameless(
    cluster: &Cluster,
    argument: &EndpointArgument,
    sources: &[Endpoint],
    destination: &Endpoint,
) -> Option<String> {
    if !matches!(argument, EndpointArgument::NewPod { .. }) {
        return None;
    }
    let pod = cluster.pod_of(destination)?;
    let names = names(cluster, sources, pod);
    if names.is_empty() {
        return None;
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Some(format!(
        "{destination} is known by its labels alone, and rules name the port {}: what depends on the ports that it will declare is \
         unknown",
        names.join(", ")
    ))
}

/// What of `answer` depends on the names that its destination gives to its ports, where nobody knows them: a pod that does not
/// exist yet declares what it will (rules NP-34, Q-13). Verdicts that do become unknown in `answer`; what comes back is whose
/// ports are missing.
pub(crate) fn leave_open(engine: &Engine, query: &Query, answer: &mut Answer) -> Option<String> {
    let cluster = engine.cluster();
    let pod = cluster.pod_of(&query.destination).filter(is_imagined)?;
    let (protocol, port) = (query.protocol.as_policy()?, query.port?);
    let names = names(cluster, std::slice::from_ref(&query.source), pod);
    let one = |name: &&str| ContainerPort {
        name: Some((*name).to_owned()),
        protocol,
        port,
    };
    let all: Vec<ContainerPort> = names.iter().map(one).collect();
    let each = all.iter().map(|port| vec![port.clone()]);
    let several = (all.len() > 1).then(|| all.clone());
    let mut is_open = false;
    for ports in each.chain(several) {
        let mut other = Engine::new(cluster.clone());
        let pod = pod.clone();
        other.apply(Change::SetPod(Pod { ports, ..pod }));
        let other = other.answer(query).ok()?;
        is_open |= other.outcome != answer.outcome;
        for (own, other) in answer.connections.iter_mut().zip(other.connections) {
            open(&mut own.egress, &other.egress);
            open(&mut own.ingress, &other.ingress);
        }
    }
    let missing = format!("the ports of {}", pod.name);
    is_open.then(|| {
        answer.outcome = Outcome::Unknown {
            missing: BTreeSet::from([missing.clone()]),
        };
        missing
    })
}

fn open(own: &mut DirectionDecision, other: &DirectionDecision) {
    if own.verdict != other.verdict {
        own.verdict = DirectionVerdict::Unknown;
    }
}

/// A pod of which only labels are given: its name is not one that a pod can have.
fn is_imagined(pod: &&Pod) -> bool {
    pod.name.name.starts_with('[')
}

/// The names of ports in rules about connections from `sources` to `pod`.
fn names<'a>(cluster: &'a Cluster, sources: &[Endpoint], pod: &'a Pod) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    names.extend(of_policies(cluster, pod, Direction::Ingress));
    for source in sources.iter().filter_map(|source| cluster.pod_of(source)) {
        names.extend(of_policies(cluster, source, Direction::Egress));
    }
    names.extend(of_cluster_policies(cluster));
    names
}

/// The names in rules of the NetworkPolicies that hold `subject`.
fn of_policies<'a>(
    cluster: &'a Cluster,
    subject: &'a Pod,
    direction: Direction,
) -> impl Iterator<Item = &'a str> {
    let policies = cluster.policies_selecting(subject);
    let rules = policies.flat_map(move |policy| policy.rules(direction));
    rules.flat_map(|rule| &rule.ports).filter_map(name)
}

fn name(port: &PolicyPort) -> Option<&str> {
    match &port.port {
        PortMatch::Name(name) => Some(name),
        PortMatch::Any | PortMatch::Range(_) => None,
    }
}

fn of_cluster_policies(cluster: &Cluster) -> impl Iterator<Item = &str> {
    let policies = cluster.cluster_policies.values();
    let rules = policies.flat_map(|policy| {
        let directions = Direction::ALL.into_iter();
        directions.flat_map(|direction| policy.rules(direction))
    });
    let ports = rules.flat_map(|rule| &rule.ports);
    ports.filter_map(|port| match port {
        ClusterPort::Name(name) => Some(name.as_str()),
        ClusterPort::Range(..) => None,
    })
}
