//! What may stand on the node of a pod at an address that no object tells of (rule HF-9).
//!
//! The firewall of the node judges it, and answers, which know of no such server, do not. [`doubt`] and [`doubt_of`] say where that
//! could make a difference.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ringfence_model::{Cluster, Connection, DirectionVerdict, Endpoint, Node, Party, Pod, Query};
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassId, Engine};

use crate::guard::ADDRESSES;
use crate::matrix::Matrix;
use crate::workload::{Groups, Span, Unit};

/// A pod that is let to such an address, and kept from its node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// The address; none where it is one of a whole place.
    pub address: Option<IpAddr>,
    /// The node, `node/n1`.
    pub node: Endpoint,
    /// The firewalls that close it.
    pub firewalls: Vec<String>,
    /// The pod.
    pub pod: Endpoint,
}

/// Whether `address` may be one that each node has: one of the link, or one at which a cloud serves its machines.
#[must_use]
pub fn is_of_nodes(address: IpAddr) -> bool {
    let is_of_link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    is_of_link || ADDRESSES.iter().any(|known| known.address == address)
}

/// The firewall of the pod's own node, where what is dialled is let pass and may stand there.
#[must_use]
pub fn doubt(engine: &Engine, connection: &Connection) -> Option<Doubt> {
    let cluster = engine.cluster();
    let (Party::Pod { name, .. }, Party::Other(address)) =
        (&connection.source, &connection.destination)
    else {
        return None;
    };
    if connection.verdict() == DirectionVerdict::Deny || !is_of_nodes(*address) {
        return None;
    }
    let pod = cluster.pods.get(name)?;
    let mut nodes = nodes_of(cluster, pod);
    let node = nodes.find(|node| {
        let query = Query {
            source: Endpoint::Pod(name.clone()),
            destination: Endpoint::Node(node.name.clone()),
            protocol: connection.protocol,
            port: connection.port,
        };
        keeps_out(engine, &query)
    })?;
    Some(of(cluster, pod, node, Some(*address)))
}

/// Whether the node that is asked about refuses what is dialled.
fn keeps_out(engine: &Engine, query: &Query) -> bool {
    let answer = engine.answer(query);
    let mut found = answer.iter().flat_map(|answer| &answer.connections);
    found.any(|found| {
        let is_node = matches!(found.destination, Party::Node { .. });
        is_node && found.ingress.verdict != DirectionVerdict::Allow
    })
}

/// A pod of `matrix` that one of its cells lets to such addresses, where the firewall of its own node would let in less.
#[must_use]
pub fn doubt_of(engine: &Engine, groups: &Groups, matrix: &Matrix) -> Option<Doubt> {
    let cluster = engine.cluster();
    if cluster.host_firewalls.is_empty() {
        return None;
    }
    let destinations = matrix.destinations.iter();
    let of_nodes: BTreeSet<&Unit> = destinations.filter(|to| holds(groups, to)).collect();
    let cells = matrix.cells();
    let mut cells = cells.filter(|(_, to, _)| of_nodes.contains(to));
    cells.find_map(|(from, _, cell)| {
        let mut asked: BTreeSet<(ClassId, &str)> = BTreeSet::new();
        let members = groups.members(from);
        let pods = members.filter_map(|member| cluster.pod_of(member));
        let allowed = cell.all.union(&cell.some);
        let mut pairs = pods.flat_map(|pod| nodes_of(cluster, pod).map(move |node| (pod, node)));
        let (pod, node) = pairs.find(|(pod, node)| {
            let class = engine.class_of_pod(&pod.name);
            let class = class.filter(|class| asked.insert((*class, &node.name)));
            class.is_some_and(|class| closes(engine, class, node, &allowed))
        })?;
        Some(of(cluster, pod, node, None))
    })
}

/// Whether `node` lets in less of `allowed` than all, where pods of `class` open it.
fn closes(engine: &Engine, class: ClassId, node: &Node, allowed: &ConnectionSet) -> bool {
    let node = engine.class_of_node(&node.name);
    node.is_some_and(|node| !allowed.is_subset(&engine.between(class, node).allowed))
}

/// Whether some address of `unit` may be one that each node has.
fn holds(groups: &Groups, unit: &Unit) -> bool {
    let link = ["169.254.0.0/16", "fe80::/10"].iter();
    let link = link.filter_map(|block| block.parse().ok());
    let links: Vec<Span> = link.map(Span::of_block).collect();
    let mut spans = groups.parts(unit).iter().flat_map(|part| &part.spans);
    let is_known = |span: &Span| ADDRESSES.iter().any(|known| span.has(known.address));
    spans.any(|span| is_known(span) || links.iter().any(|link| span.intersection(*link).is_some()))
}

/// Where the pod is. One of which no node is known may be on any.
fn nodes_of<'a>(cluster: &'a Cluster, pod: &'a Pod) -> impl Iterator<Item = &'a Node> {
    let nodes = cluster.nodes.values();
    nodes.filter(move |node| pod.node.as_ref().is_none_or(|own| *own == node.name))
}

fn of(cluster: &Cluster, pod: &Pod, node: &Node, address: Option<IpAddr>) -> Doubt {
    let firewalls = cluster.host_firewalls_of(&node.name);
    Doubt {
        address,
        node: Endpoint::Node(node.name.clone()),
        firewalls: firewalls.map(|(found, _)| found.name.clone()).collect(),
        pod: Endpoint::Pod(pod.name.clone()),
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, firewalls, pod) = (&self.node, self.firewalls.join(", "), &self.pod);
        match self.address {
            Some(address) => write!(
                f,
                "{address} may be an address of {node} itself, which HostFirewall {firewalls} closes to {pod} at that port"
            ),
            None => write!(
                f,
                "link-local addresses may be of {node} itself, which HostFirewall {firewalls} closes to {pod} at some of the ports shown"
            ),
        }
    }
}
