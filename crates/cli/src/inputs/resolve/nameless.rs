//! Pods that do not exist yet, and what they will call their ports.

use std::collections::BTreeSet;

use ringfence_model::{Cluster, ClusterPort, Direction, Endpoint, Pod, PolicyPort, PortMatch};

use crate::inputs::endpoint::EndpointArgument;

/// What to know of an answer about a pod of which only labels are given: it declares no ports, and a policy names some
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
    let mut names = BTreeSet::new();
    names.extend(of_policies(cluster, pod, Direction::Ingress));
    for source in sources.iter().filter_map(|source| cluster.pod_of(source)) {
        names.extend(of_policies(cluster, source, Direction::Egress));
    }
    names.extend(of_cluster_policies(cluster));
    if names.is_empty() {
        return None;
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Some(format!(
        "{destination} is known by its labels alone, and judged as a pod that declares no ports: rules for the port {} may \
         let more pass once it does",
        names.join(", ")
    ))
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
