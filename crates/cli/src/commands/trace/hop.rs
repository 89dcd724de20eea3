//! From what nodes recorded of a connection attempt to the steps of its way.

use std::net::IpAddr;

use ringfence_agent::flows::{FlowEnd, FlowRecord, FlowVerdict};
use ringfence_model::{Cluster, ClusterIp, Endpoint};
use ringfence_net::Protocol;
use serde::Serialize;

/// What was tried.
pub(super) struct Asked {
    pub(super) source: Endpoint,
    /// The source's node.
    pub(super) node: Option<String>,
    pub(super) destination: Endpoint,
    /// The pods of a Service, else the destination itself.
    pub(super) behind: Vec<Endpoint>,
    pub(super) dialled: IpAddr,
    /// TCP or UDP.
    pub(super) protocol: Protocol,
    pub(super) port: u16,
}

/// One step, as a kernel saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hop {
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<String>,
    pub(super) step: Step,
    /// What happened there.
    pub(super) what: String,
    /// Whether the packet ended here.
    pub(super) ends: bool,
}

/// What kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    Sent,
    Translated,
    Egress,
    Ingress,
    Dropped,
    Unseen,
}

/// The steps in the order of the packet's way.
pub(super) fn hops(asked: &Asked, records: &[FlowRecord], reached: bool) -> Vec<Hop> {
    let mut seen: Vec<&FlowRecord> = records.iter().filter(|it| asked.is_about(it)).collect();
    // The source's node is first on the way, whatever its clock says.
    seen.sort_by_key(|record| (Some(&record.node) != asked.node.as_ref(), record.time));
    let mut found = vec![asked.sent()];
    found.extend(seen.first().and_then(|record| asked.translated(record)));
    for record in &seen {
        found.extend(judged(record));
    }
    if seen.is_empty() {
        found.push(unseen(reached));
    }
    found
}

impl Asked {
    fn sent(&self) -> Hop {
        let Self {
            source,
            destination,
            dialled,
            port,
            ..
        } = self;
        let protocol = self.word();
        Hop {
            node: self.node.clone(),
            step: Step::Sent,
            what: format!(
                "{source} sends {protocol} to {dialled} port {port}, which is {destination}"
            ),
            ends: false,
        }
    }

    /// The protocol as records name it.
    const fn word(&self) -> &'static str {
        match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }

    fn is_about(&self, record: &FlowRecord) -> bool {
        let to = |end: &Endpoint| is(end, &record.destination);
        let destination = self.behind.iter().any(to) || record.destination.address == self.dialled;
        // A Service may lead to another port.
        let port =
            matches!(self.destination, Endpoint::Service(_)) || record.port == Some(self.port);
        is(&self.source, &record.source) && destination && record.protocol == self.word() && port
    }

    fn translated(&self, record: &FlowRecord) -> Option<Hop> {
        let (address, port) = (record.destination.address, record.port?);
        if address == self.dialled && port == self.port {
            return None;
        }
        let end = crate::commands::flows::end_name(&record.destination);
        // Where it is sent, whoever records it.
        let node = self.node.as_ref().unwrap_or(&record.node);
        Some(Hop {
            node: Some(node.clone()),
            step: Step::Translated,
            what: format!("the Service's address becomes {address} port {port}, which is {end}"),
            ends: false,
        })
    }
}

/// What a node decided: for what it let pass, each direction that it judges.
fn judged(record: &FlowRecord) -> Vec<Hop> {
    let hop = |step, what: &String, ends| Hop {
        node: Some(record.node.clone()),
        step,
        what: what.clone(),
        ends,
    };
    match record.verdict {
        FlowVerdict::Deny | FlowVerdict::Drop => {
            let word = record.reason.word();
            let step = match word {
                "egress" => Step::Egress,
                "ingress" => Step::Ingress,
                _ => Step::Dropped,
            };
            record
                .because
                .iter()
                .map(|why| hop(step, why, true))
                .collect()
        }
        FlowVerdict::Audit => {
            let step = match record.reason.word() {
                "audit-egress" => Step::Egress,
                _ => Step::Ingress,
            };
            let why = record.because.iter();
            why.map(|why| hop(step, why, false)).collect()
        }
        FlowVerdict::Allow => {
            let here = |end: &FlowEnd| end.node.as_ref() == Some(&record.node);
            let sides = [
                (Step::Egress, here(&record.source)),
                (Step::Ingress, here(&record.destination)),
            ];
            let sides = sides.into_iter().zip(&record.because);
            let own = sides.filter(|((_, here), _)| *here);
            own.map(|((step, _), why)| hop(step, why, false)).collect()
        }
    }
}

fn unseen(reached: bool) -> Hop {
    let what = if reached {
        "no node dropped it; what nodes let pass is recorded where the lab was started with `--record-allowed`"
    } else {
        "no node recorded a packet of it: it was not judged, or it never left its source"
    };
    Hop {
        node: None,
        step: Step::Unseen,
        what: what.to_owned(),
        ends: false,
    }
}

fn is(wanted: &Endpoint, end: &FlowEnd) -> bool {
    match wanted {
        Endpoint::Pod(name) => end.pod.as_ref() == Some(name),
        Endpoint::Node(name) => end.pod.is_none() && end.node.as_ref() == Some(name),
        Endpoint::Address(address) => end.address == *address,
        Endpoint::Service(_) => false,
    }
}

/// The address that is dialled.
pub(super) fn address(cluster: &Cluster, end: &Endpoint) -> Option<IpAddr> {
    match end {
        Endpoint::Address(address) => Some(*address),
        Endpoint::Pod(name) => cluster.pods.get(name)?.addresses.first().copied(),
        Endpoint::Node(name) => cluster.nodes.get(name)?.addresses.first().copied(),
        Endpoint::Service(name) => match &cluster.services.get(name)?.cluster_ip {
            ClusterIp::Assigned(addresses) => addresses.first().copied(),
            ClusterIp::Unassigned | ClusterIp::Headless => None,
        },
    }
}

/// The pod that has an address of its own (rule Q-3), or else the end as it was named.
pub(super) fn owner(cluster: &Cluster, end: Endpoint) -> Endpoint {
    let Endpoint::Address(address) = end else {
        return end;
    };
    let owner = cluster.pod_at(address);
    owner.map_or(end, |pod| Endpoint::Pod(pod.name.clone()))
}

/// Where the source is.
pub(super) fn node(cluster: &Cluster, end: &Endpoint) -> Option<String> {
    match end {
        Endpoint::Pod(name) => cluster.pods.get(name)?.node.clone(),
        Endpoint::Node(name) => Some(name.clone()),
        Endpoint::Address(_) | Endpoint::Service(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use ringfence_model::ObjectName;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_is_translated_where_the_client_is() {
        let [client, server] = ["client", "server"].map(|name| ObjectName::new("default", name));
        let asked = Asked {
            source: Endpoint::Pod(client),
            node: Some("one".to_owned()),
            destination: Endpoint::Service(ObjectName::new("default", "web")),
            behind: vec![Endpoint::Pod(server)],
            dialled: [10, 96, 0, 9].into(),
            protocol: Protocol::Tcp,
            port: 8080,
        };
        let end = |address, name, node| {
            let pod = format!("default/{name}");
            json!({"address": address, "pod": pod, "labels": {}, "node": node})
        };
        let denied = json!({
            "time": "2026-11-25T20:15:51.827Z", "node": "two", "number": 0,
            "verdict": "deny", "reason": "ingress",
            "source": end("10.244.1.2", "client", "one"),
            "destination": end("10.244.2.2", "server", "two"),
            "protocol": "tcp", "port": 80, "count": 1, "because": ["nothing allows it"],
        });
        let records = [serde_json::from_value(denied).unwrap()];
        let steps = hops(&asked, &records, false)
            .into_iter()
            .map(|hop| (hop.step, hop.node.unwrap()))
            .collect::<Vec<_>>();
        let at = |step, node: &str| (step, node.to_owned());
        assert_eq!(
            steps,
            [
                at(Step::Sent, "one"),
                at(Step::Translated, "one"),
                at(Step::Ingress, "two"),
            ]
        );
    }
}
