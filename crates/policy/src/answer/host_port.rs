//! Rule OB-24: ports of a node that lead to pods on it.

use ringfence_model::{Connection, Direction, Entry, Party, Query, QueryError};

use super::end::End;
use super::{Dialled, Facts, dialled_directly, judge, no_common_family};

/// A port of a node that was dialled, and where it leads.
#[derive(Clone, Debug)]
pub(super) struct Door {
    node: End,
    pod: End,
    port: u16,
}

impl Door {
    /// The pod that `node` leads the port of `query` to, the first by name.
    pub(super) fn find(facts: Facts<'_>, query: &Query, source: &End, node: &End) -> Option<Self> {
        let family = source.common_family(node).ok()?;
        let Party::Node {
            name: Some(name),
            address,
            ..
        } = node.in_family(family)
        else {
            return None;
        };
        let pods = facts.index.nodes.pods_on(&name);
        let mut pods = pods.filter_map(|pod| facts.cluster.pods.get(pod));
        pods.find_map(|pod| {
            let mut ports = pod.host_ports.iter();
            let own = ports.find(|own| own.is_dialled(address, query.protocol, query.port))?;
            let end = End::of_pod(facts, pod);
            let is_reached = pod.is_on_pod_network() && family.is_none_or(|it| end.can_speak(it));
            is_reached.then(|| Self {
                node: node.clone(),
                pod: end,
                port: own.container_port,
            })
        })
    }

    /// The node of the pod is where the packet becomes one to the pod: policies on other nodes see one to the node.
    pub(super) fn connect(
        &self,
        facts: Facts<'_>,
        query: &Query,
        source: &End,
    ) -> Result<Connection, QueryError> {
        let family = source.common_family(&self.node);
        let family = family.map_err(|_| no_common_family(query))?;
        let [source, node, destination] =
            [source, &self.node, &self.pod].map(|end| end.in_family(family));
        let is_local = home(facts, &source).is_some_and(|home| home_is(&node, home));
        let behind = Dialled {
            port: Some(self.port),
            via_service: true,
            ..dialled_directly(query)
        };
        let egress = if is_local {
            judge(facts, Direction::Egress, &source, &destination, behind)
        } else {
            let directly = dialled_directly(query);
            judge(facts, Direction::Egress, &source, &node, directly)
        };
        Ok(Connection {
            egress,
            ingress: judge(facts, Direction::Ingress, &destination, &source, behind),
            protocol: query.protocol,
            port: Some(self.port),
            entry: query.port.map(|port| Entry {
                node,
                port,
                is_local,
            }),
            source,
            destination,
        })
    }
}

/// The name of the node that `party` is on.
fn home<'a>(facts: Facts<'a>, party: &'a Party) -> Option<&'a str> {
    match party {
        Party::Pod { name, .. } => facts.cluster.pods.get(name)?.node.as_deref(),
        Party::Node { name, .. } => name.as_deref(),
        Party::Other(_) | Party::Loopback(_) => None,
    }
}

fn home_is(node: &Party, home: &str) -> bool {
    matches!(node, Party::Node { name: Some(name), .. } if name == home)
}
