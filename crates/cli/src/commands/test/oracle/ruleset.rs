//! The compiled tables of every node, asked in memory with the packet that opens each connection.

mod journey;
mod wired;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use anyhow::Context as _;
use ringfence_compile::{
    Capacity, Compiled, Enforcement, LocalEndpoint, NetworkConfig, NodeView, compile,
};
use ringfence_model::{
    Answer, Cluster, ClusterIp, Connection, Endpoint, Outcome, Party, Pod, Query, TrafficPolicy,
    map_with,
};
use ringfence_net::Family;
use ringfence_policy::Engine;

use super::{Oracle, Verdict};
use crate::commands::test::judge::depends_on;
use crate::inputs::resolve::leave_open;
use crate::threads::{Threads, map_in_lots};
use journey::{Arrival, Place, World};
use wired::wired;

/// The tables of a cluster.
pub(crate) struct Tables {
    /// With an address for everybody.
    wired: Cluster,
    by_node: BTreeMap<String, Compiled>,
}

/// Packets on their way through the tables of a cluster.
pub(crate) struct Ruleset<'a> {
    /// As the manifests say.
    engine: &'a Engine,
    wired: &'a Cluster,
    /// Made once, and asked about every connection.
    world: World<'a>,
}

impl Tables {
    /// Compiles the table of every node; pods without node share one. Ends without address get one that is not among
    /// `taken`.
    pub(crate) fn new(cluster: &Cluster, taken: &BTreeSet<IpAddr>) -> anyhow::Result<Self> {
        let wired = wired(cluster, taken);
        let network = network(&wired);
        let endpoints = endpoints(&wired);
        let nodes: Vec<String> = node_names(&wired).into_iter().collect();
        let compiled = map_with(&Threads, &nodes, |node| {
            let on_it = endpoints.get(node.as_str());
            compile_node(&wired, node, on_it.map_or(&[], Vec::as_slice), &network)
        });
        let mut by_node = BTreeMap::new();
        for (node, compiled) in nodes.into_iter().zip(compiled) {
            let compiled = compiled
                .with_context(|| format!("the table of node `{node}` cannot be compiled"))?;
            by_node.insert(node, compiled);
        }
        Ok(Self { wired, by_node })
    }

    /// Rules that the tables leave out because they cost too much, each once.
    pub(crate) fn refused(&self) -> BTreeSet<String> {
        let refused = self.by_node.values().flat_map(|compiled| &compiled.refused);
        refused.map(ToString::to_string).collect()
    }
}

impl Oracle for Ruleset<'_> {
    fn ask(&mut self, queries: &[Query]) -> anyhow::Result<Vec<Verdict>> {
        Ok(map_in_lots(queries, |query| self.answer(query)))
    }
}

impl<'a> Ruleset<'a> {
    /// Judges connections of the cluster of `engine`, of which `tables` are.
    pub(crate) fn new(engine: &'a Engine, tables: &'a Tables) -> Self {
        Self {
            engine,
            wired: &tables.wired,
            world: World::new(&tables.wired, &tables.by_node),
        }
    }

    /// AM-22: what depends on addresses that nobody knows is not made known by making them up.
    fn answer(&self, query: &Query) -> Verdict {
        let mut answer = match self.engine.answer(query) {
            Err(error) => return Verdict::NoAnswer(error.to_string()),
            Ok(answer) => answer,
        };
        if let Some(missing) = leave_open(self.engine, query, &mut answer) {
            return Verdict::NoAnswer(depends_on(&missing));
        }
        match &answer.outcome {
            unknown @ Outcome::Unknown { .. } => Verdict::Found(unknown.clone()),
            Outcome::Allow | Outcome::Deny | Outcome::Partial | Outcome::NoEndpoints
                if self.is_headless(query) =>
            {
                self.send_to_pods(query, &answer.connections)
            }
            Outcome::NoEndpoints if self.keeps_outsiders(&answer) => {
                without_backend_here(self.send(query, &answer.connections))
            }
            Outcome::Allow | Outcome::Deny | Outcome::Partial | Outcome::NoEndpoints => {
                self.send(query, &answer.connections)
            }
        }
    }

    /// OB-19: whether connections from outside stay on the node that they come in at.
    fn keeps_outsiders(&self, answer: &Answer) -> bool {
        let services = &self.engine.cluster().services;
        let service = answer.service.as_ref().and_then(|name| services.get(name));
        service.is_some_and(|service| service.traffic.external == TrafficPolicy::Local)
    }

    fn is_headless(&self, query: &Query) -> bool {
        let service = match &query.destination {
            Endpoint::Service(name) => self.engine.cluster().services.get(name),
            Endpoint::Pod(_) | Endpoint::Node(_) | Endpoint::Address(_) => None,
        };
        service.is_some_and(|service| service.cluster_ip == ClusterIp::Headless)
    }

    /// OB-13: who dials a headless Service dials its pods.
    fn send_to_pods(&self, query: &Query, connections: &[Connection]) -> Verdict {
        let mut found = Vec::new();
        for connection in connections {
            let dialled = Query {
                destination: as_dialled(&connection.destination),
                port: connection.port,
                ..query.clone()
            };
            match self.send(&dialled, &[]) {
                Verdict::Found(outcome) => found.push(outcome),
                other @ (Verdict::NoAnswer(_) | Verdict::Skipped(_)) => return other,
            }
        }
        let all = |wanted: Outcome| found.iter().all(|outcome| *outcome == wanted);
        Verdict::Found(if found.is_empty() {
            Outcome::NoEndpoints
        } else if all(Outcome::Allow) {
            Outcome::Allow
        } else if all(Outcome::Deny) {
            Outcome::Deny
        } else {
            Outcome::Partial
        })
    }

    /// Opens the connection, which leads to these ends as far as the manifests say.
    fn send(&self, query: &Query, ends: &[Connection]) -> Verdict {
        let world = &self.world;
        let source = end(world, self.wired, &query.source);
        let destination = end(world, self.wired, &query.destination);
        if destination.addresses.iter().any(IpAddr::is_loopback) {
            return Verdict::Found(Outcome::Allow);
        }
        let found = if self.goes_along(&query.destination) {
            common(&destination.addresses, &source.addresses).map(|(to, from)| (from, to))
        } else {
            common(&source.addresses, &destination.addresses)
        };
        let Some((from, to)) = found else {
            return Verdict::Skipped(
                "there are no addresses to send a packet from and to".to_owned(),
            );
        };
        if world.is_shared(from) {
            return Verdict::Skipped(format!("{from} is an address of several nodes"));
        }
        if source.place == destination.place && matches!(source.place, Place::Pod(_)) {
            return Verdict::Found(Outcome::Allow);
        }
        let arrivals = if source.place == Place::Outside && destination.place == Place::Outside {
            let enter = |node| world.send_to_each(&Place::Uplink(node), from, to, query);
            self.ways_in(ends).into_iter().flat_map(enter).collect()
        } else {
            world.send_to_each(&source.place, from, to, query)
        };
        Verdict::Found(outcome(&arrivals))
    }

    /// OB-18, OB-19: where somebody from outside may come in who dials a Service: a node of each of its backends.
    fn ways_in(&self, ends: &[Connection]) -> BTreeSet<Option<String>> {
        let node = |connection: &Connection| match &connection.destination {
            Party::Pod { name, .. } => {
                let pod = self.wired.pods.get(name);
                pod.map(|pod| node_of(pod).to_owned())
            }
            Party::Node { name, .. } => name.clone(),
            Party::Other(_) | Party::Loopback(_) => None,
        };
        let mut found: BTreeSet<Option<String>> = ends.iter().map(node).collect();
        if found.is_empty() {
            found.insert(None);
        }
        found
    }

    /// an end of which the manifests know no address takes the family that the other end begins with.
    fn goes_along(&self, destination: &Endpoint) -> bool {
        match destination {
            Endpoint::Pod(_) | Endpoint::Node(_) => {
                let known = end(&self.world, self.engine.cluster(), destination);
                known.addresses.is_empty()
            }
            Endpoint::Address(_) | Endpoint::Service(_) => false,
        }
    }
}

/// The address that is dialled, or the pod that has none yet.
fn as_dialled(party: &Party) -> Endpoint {
    match (party, party.address()) {
        (_, Some(address)) => Endpoint::Address(address),
        (Party::Pod { name, .. }, None) => Endpoint::Pod(name.clone()),
        (Party::Node { name, .. }, None) => Endpoint::Node(name.clone().unwrap_or_default()),
        (Party::Other(address) | Party::Loopback(address), None) => Endpoint::Address(*address),
    }
}

/// OB-19: where only this node has no backend the packet is dropped, and no policy was asked.
fn without_backend_here(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Found(Outcome::Deny) => Verdict::Found(Outcome::NoEndpoints),
        other @ (Verdict::Found(_) | Verdict::NoAnswer(_) | Verdict::Skipped(_)) => other,
    }
}

fn outcome(arrivals: &[Arrival]) -> Outcome {
    let all = |wanted: Arrival| arrivals.iter().all(|arrival| *arrival == wanted);
    if all(Arrival::Delivered) {
        Outcome::Allow
    } else if all(Arrival::Dropped) {
        Outcome::Deny
    } else if all(Arrival::Rejected) {
        Outcome::NoEndpoints
    } else {
        Outcome::Partial
    }
}

/// One end of a connection: where it is, and under which addresses.
struct End {
    place: Place,
    addresses: Vec<IpAddr>,
}

fn end(world: &World<'_>, cluster: &Cluster, endpoint: &Endpoint) -> End {
    let at = |place, addresses| End { place, addresses };
    match endpoint {
        Endpoint::Address(address) => {
            let address = address.to_canonical();
            at(world.place(address), vec![address])
        }
        Endpoint::Node(name) => at(Place::Node(name.clone()), node_addresses(cluster, name)),
        Endpoint::Service(name) => {
            let service = cluster.services.get(name);
            at(
                Place::Outside,
                service.map(wired::cluster_addresses).unwrap_or_default(),
            )
        }
        Endpoint::Pod(name) => match cluster.pods.get(name) {
            Some(pod) if pod.host_network => {
                let node = node_of(pod);
                at(
                    Place::Node(node.to_owned()),
                    host_pod_addresses(cluster, pod),
                )
            }
            Some(pod) => at(Place::Pod(pod.name.clone()), pod.addresses.clone()),
            None => at(Place::Outside, Vec::new()),
        },
    }
}

/// the first address of `deciding` that `other` has one of the same family for, after that one.
fn common(other: &[IpAddr], deciding: &[IpAddr]) -> Option<(IpAddr, IpAddr)> {
    deciding.iter().find_map(|first| {
        let same =
            |one: &&IpAddr| Family::of(one.to_canonical()) == Family::of(first.to_canonical());
        let one = other.iter().find(same)?;
        Some((one.to_canonical(), first.to_canonical()))
    })
}

/// NP-53: what its status says, else what is known of its node.
fn host_pod_addresses(cluster: &Cluster, pod: &Pod) -> Vec<IpAddr> {
    let own = [pod.addresses.as_slice(), pod.host_addresses.as_slice()].concat();
    if own.is_empty() {
        node_addresses(cluster, node_of(pod))
    } else {
        own
    }
}

/// those of the object, and those that pods on it report.
fn node_addresses(cluster: &Cluster, name: &str) -> Vec<IpAddr> {
    let of_object = cluster
        .nodes
        .get(name)
        .into_iter()
        .flat_map(|node| node.addresses.clone());
    let on_it = cluster
        .pods
        .values()
        .filter(|pod| pod.is_live() && node_of(pod) == name);
    of_object
        .chain(on_it.flat_map(|pod| pod.host_addresses.clone()))
        .collect()
}

/// Where pods without a node are: on one of their own, which has no address.
const NOWHERE: &str = "(none)";

fn node_of(pod: &Pod) -> &str {
    pod.node.as_deref().unwrap_or(NOWHERE)
}

fn node_names(cluster: &Cluster) -> BTreeSet<String> {
    let of_pods = cluster.pods.values().map(|pod| node_of(pod).to_owned());
    cluster
        .nodes
        .keys()
        .cloned()
        .chain(of_pods)
        .chain([NOWHERE.to_owned()])
        .collect()
}

/// The pods of each node as it has wired them.
fn endpoints(cluster: &Cluster) -> BTreeMap<&str, Vec<LocalEndpoint>> {
    let mut found: BTreeMap<&str, Vec<LocalEndpoint>> = BTreeMap::new();
    let pods = cluster.pods.values().enumerate();
    for (index, pod) in pods.filter(|(_, pod)| pod.is_on_pod_network()) {
        found.entry(node_of(pod)).or_default().push(LocalEndpoint {
            pod: pod.name.clone(),
            host_interface: journey::interface(index),
            addresses: pod.addresses.clone(),
        });
    }
    found
}

fn compile_node(
    cluster: &Cluster,
    node: &str,
    endpoints: &[LocalEndpoint],
    network: &NetworkConfig,
) -> Result<Compiled, ringfence_compile::CompileError> {
    let view = NodeView {
        name: node,
        endpoints,
        network,
        enforcement: Enforcement::On,
    };
    compile(cluster, &view)
}

/// The blocks of the nodes, and every address of a pod or Service that is in none.
fn network(cluster: &Cluster) -> NetworkConfig {
    let blocks = cluster
        .nodes
        .values()
        .flat_map(|node| node.pod_cidrs.clone());
    let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
    let addresses = pods
        .flat_map(|pod| pod.addresses.clone())
        .map(ipnet::IpNet::from);
    let services = cluster.services.values().flat_map(wired::cluster_addresses);
    NetworkConfig {
        pod_cidrs: ipnet::IpNet::aggregate(&blocks.chain(addresses).collect()),
        service_cidrs: ipnet::IpNet::aggregate(&services.map(ipnet::IpNet::from).collect()),
        tunnel_port: None,
        record: ringfence_compile::Record::Denied,
        capacity: Capacity::default(),
    }
}

#[cfg(test)]
mod tests;
