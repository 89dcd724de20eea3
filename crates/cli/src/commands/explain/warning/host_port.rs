//! Rule OB-24: ports of a node that lead to pods on it.

use ringfence_model::{Cluster, Connection, Party, Pod};

use super::Warning;
use crate::commands::explain::judge::Judged;
use crate::commands::explain::ports::dialled;

/// Who is judged instead of the node that was dialled.
pub(super) fn led_on(connection: &Connection) -> Option<Warning> {
    let entry = connection.entry.as_ref()?;
    let (node, pod) = (&entry.node, &connection.destination);
    let asked = dialled(connection.protocol, Some(entry.port));
    let behind = dialled(connection.protocol, connection.port);
    let where_from = match (&connection.source, entry.is_local) {
        (Party::Pod { .. }, false) => {
            "; egress is judged at the node, as only that node leads it on"
        }
        (Party::Pod { .. } | Party::Node { .. } | Party::Other(_) | Party::Loopback(_), _) => "",
    };
    Some(Warning {
        rule: "OB-24",
        message: format!(
            "{asked} of {node} is the hostPort of {pod}, and the pod is judged, at {behind}{where_from}"
        ),
        help: None,
    })
}

/// A pod that may be behind the port of a node, as nobody knows where it runs.
pub(super) fn homeless(cluster: &Cluster, asked: &Judged) -> Option<Warning> {
    let (protocol, port) = (asked.query.protocol, asked.query.port);
    let is_node = |found: &Connection| {
        matches!(found.destination, Party::Node { .. }) && found.entry.is_none()
    };
    if asked.answer.service.is_some() || !asked.answer.connections.iter().all(is_node) {
        return None;
    }
    let may_lead = |pod: &&Pod| {
        let mut ports = pod.host_ports.iter();
        pod.node.is_none()
            && pod.is_on_pod_network()
            && ports.any(|own| protocol.as_policy() == Some(own.protocol) && port == Some(own.port))
    };
    let pod = cluster.pods.values().find(may_lead)?;
    Some(Warning {
        rule: "OB-24",
        message: format!(
            "{} has the hostPort {}, and it is not known on which node it runs: on that one the pod is judged instead of the node",
            pod.name,
            dialled(protocol, port)
        ),
        help: Some("give the pod's `spec.nodeName`".to_owned()),
    })
}
