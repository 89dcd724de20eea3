//! Which connections have to be asked about, so that the answers speak for all of a claim.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPort, Direction, Endpoint, Labels, Pod, PodScope, PortMatch,
    Query, Service,
};
use ringfence_net::{ConnectionSet, IpProtocol, PortRange, PortSet, Protocol};

use super::Claim;
use super::claim::is_node;

/// One connection to ask about, and all those that the answer speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The connection.
    pub query: Query,
    /// What no rule tells apart from it, of the claim that it was made for.
    pub connections: ConnectionSet,
}

/// Questions whose answers together say of every connection of `claim` whether it is as claimed.
///
/// Ports lie together if no policy that judges either end, no firewall of a node, no port name and no Service tells them apart.
/// Protocols other than TCP, UDP and SCTP lie together always, and ICMP is asked for them (rules Q-12, AM-9).
#[must_use]
pub fn questions(cluster: &Cluster, claim: &Claim) -> Vec<Question> {
    let cuts = Cuts::of(cluster, &claim.source, &claim.destination);
    let query = |protocol, port| Query {
        source: claim.source.clone(),
        destination: claim.destination.clone(),
        protocol,
        port,
    };
    let mut found = Vec::new();
    for (protocol, ports) in claim.connections.iter() {
        for range in cuts.split(protocol, ports) {
            found.push(Question {
                query: query(protocol.into(), Some(range.first())),
                connections: ConnectionSet::of(protocol, PortSet::from_range(range)),
            });
        }
    }
    if claim.connections.allows_other() {
        found.push(Question {
            query: query(IpProtocol::ICMP, None),
            connections: ConnectionSet::other_protocols(),
        });
    }
    found
}

/// Where the ports of each protocol may begin to be judged in another way.
#[derive(Debug, Default)]
struct Cuts(BTreeSet<(Protocol, u16)>);

impl Cuts {
    fn of(cluster: &Cluster, source: &Endpoint, destination: &Endpoint) -> Self {
        let mut cuts = Self::default();
        let (from, to) = (pods(cluster, source), pods(cluster, destination));
        for pod in &from {
            cuts.policies(cluster, pod, Direction::Egress, &to);
        }
        for pod in &to {
            cuts.policies(cluster, pod, Direction::Ingress, &to);
        }
        for service in services(cluster, destination) {
            for port in &service.ports {
                cuts.around(port.protocol, PortRange::single(port.port));
            }
        }
        if may_be_node(cluster, destination) {
            cuts.at_nodes(cluster);
            cuts.host_firewalls(cluster);
        }
        cuts
    }

    /// OB-19, OB-24: the ports that Services and pods have at nodes.
    fn at_nodes(&mut self, cluster: &Cluster) {
        for port in cluster.services.values().flat_map(|service| &service.ports) {
            if let Some(number) = port.node_port {
                self.around(port.protocol, PortRange::single(number));
            }
        }
        for port in cluster.pods.values().flat_map(|pod| &pod.host_ports) {
            self.around(port.protocol, PortRange::single(port.port));
        }
    }

    /// HF-5, HF-7: the ports that rules for nodes name, and those that stay open until one does.
    fn host_firewalls(&mut self, cluster: &Cluster) {
        let confirmed = cluster.host_firewalls.values();
        let confirmed = confirmed.filter_map(|firewall| firewall.confirmed.as_ref());
        let nodes = cluster.nodes.keys();
        let failsafes: BTreeSet<_> = nodes.flat_map(|node| cluster.failsafes(node)).collect();
        for rules in confirmed {
            for (protocol, port) in &failsafes {
                self.around(*protocol, PortRange::single(*port));
            }
            for port in rules.ingress.iter().flat_map(|rule| &rule.ports) {
                match port {
                    ClusterPort::Range(protocol, range) => self.around(*protocol, *range),
                    ClusterPort::Name(_) => {}
                }
            }
        }
    }

    /// The ports that the policies of `pod` name; `destinations` are the pods that port names are resolved on.
    fn policies(
        &mut self,
        cluster: &Cluster,
        pod: &Pod,
        direction: Direction,
        destinations: &[&Pod],
    ) {
        let policies = cluster.policies_selecting(pod);
        let isolating = policies.filter(|policy| policy.isolates(direction));
        for port in isolating
            .flat_map(|policy| policy.rules(direction))
            .flat_map(|rule| &rule.ports)
        {
            match &port.port {
                PortMatch::Any => {}
                PortMatch::Range(range) => self.around(port.protocol, *range),
                PortMatch::Name(name) => self.named(name, destinations),
            }
        }
        let namespace = if cluster.cluster_policies.is_empty() {
            Labels::new()
        } else {
            cluster.namespace_labels(&pod.name.namespace)
        };
        let cluster_policies = cluster.cluster_policies.values();
        let judging = cluster_policies.filter(|policy| is_subject(policy, pod, &namespace));
        for port in judging
            .flat_map(|policy| policy.rules(direction))
            .flat_map(|rule| &rule.ports)
        {
            match port {
                ClusterPort::Range(protocol, range) => self.around(*protocol, *range),
                ClusterPort::Name(name) => self.named(name, destinations),
            }
        }
    }

    fn named(&mut self, name: &str, destinations: &[&Pod]) {
        for port in destinations.iter().flat_map(|pod| &pod.ports) {
            if port.name.as_deref() == Some(name) {
                self.around(port.protocol, PortRange::single(port.port));
            }
        }
    }

    fn around(&mut self, protocol: Protocol, range: PortRange) {
        self.0.insert((protocol, range.first()));
        self.0
            .extend(range.last().checked_add(1).map(|after| (protocol, after)));
    }

    /// The ranges of `ports`, cut.
    fn split(&self, protocol: Protocol, ports: &PortSet) -> Vec<PortRange> {
        ports
            .ranges()
            .iter()
            .flat_map(|range| self.split_range(protocol, *range))
            .collect()
    }

    fn split_range(&self, protocol: Protocol, range: PortRange) -> Vec<PortRange> {
        let inside = (protocol, range.first())..=(protocol, range.last());
        let cuts = self.0.range(inside).map(|(_, port)| *port);
        let firsts: BTreeSet<u16> = cuts.chain([range.first()]).collect();
        let lasts = firsts
            .iter()
            .skip(1)
            .map(|first| first - 1)
            .chain([range.last()]);
        let pieces = firsts.iter().zip(lasts);
        pieces
            .filter_map(|(first, last)| PortRange::new(*first, last).ok())
            .collect()
    }
}

/// The pods that `endpoint` is; those behind a Service are asked about port by port.
fn pods<'a>(cluster: &'a Cluster, endpoint: &Endpoint) -> Vec<&'a Pod> {
    match endpoint {
        Endpoint::Pod(name) => cluster.pods.get(name).into_iter().collect(),
        Endpoint::Address(address) => {
            let has = |pod: &&Pod| pod.is_on_pod_network() && lists(&pod.addresses, *address);
            cluster.pods.values().filter(has).collect()
        }
        Endpoint::Node(_) | Endpoint::Service(_) => Vec::new(),
    }
}

/// Whether `endpoint` is a node, or may be the address of one: nothing else has it.
fn may_be_node(cluster: &Cluster, endpoint: &Endpoint) -> bool {
    let is_free = matches!(endpoint, Endpoint::Address(_)) && pods(cluster, endpoint).is_empty();
    is_free || is_node(cluster, endpoint)
}

/// The Services that `endpoint` may be an address of.
#[must_use]
pub fn services<'a>(cluster: &'a Cluster, endpoint: &Endpoint) -> Vec<&'a Service> {
    match endpoint {
        Endpoint::Service(name) => cluster.services.get(name).into_iter().collect(),
        Endpoint::Address(address) => {
            let has = |service: &&Service| {
                lists(&service.external_addresses, *address)
                    || lists(service.cluster_addresses(), *address)
            };
            cluster.services.values().filter(has).collect()
        }
        Endpoint::Pod(_) | Endpoint::Node(_) => Vec::new(),
    }
}

fn lists(addresses: &[IpAddr], address: IpAddr) -> bool {
    let wanted = address.to_canonical();
    addresses.iter().any(|own| own.to_canonical() == wanted)
}

/// CN-2 to CN-4: whether the pod is a subject of the policy.
pub(super) fn judges(cluster: &Cluster, policy: &ClusterPolicy, pod: &Pod) -> bool {
    let namespace = cluster.namespace_labels(&pod.name.namespace);
    is_subject(policy, pod, &namespace)
}

/// The same with the labels of the pod's namespace.
fn is_subject(policy: &ClusterPolicy, pod: &Pod, namespace: &Labels) -> bool {
    let PodScope { namespaces, pods } = &policy.subject;
    namespaces
        .as_ref()
        .is_none_or(|selector| selector.matches(namespace))
        && pods
            .as_ref()
            .is_none_or(|selector| selector.matches(&pod.labels))
}

#[cfg(test)]
mod tests;
