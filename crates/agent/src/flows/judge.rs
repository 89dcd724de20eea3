use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_compile::{LocalEndpoint, Reason};
use ringfence_model::{
    Because, Cluster, Connection, Direction, DirectionDecision, DirectionVerdict, Endpoint,
    JudgedRule, Labels, Match, PolicyName, Query,
};
use ringfence_policy::{Engine, HostPodRule, host_pod_rule};

use super::aggregate::{Counted, Flow};
use super::record::{FlowEnd, FlowRecord, FlowVerdict, protocol_word};

/// What the agent knows at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Which moment: another number means that something may have changed.
    pub(crate) version: u64,
    pub(crate) cluster: Cluster,
    /// The pods that are wired here.
    pub(crate) endpoints: Vec<LocalEndpoint>,
}

/// Finds names and reasons in what was known at a moment.
pub(super) struct Judge {
    engine: Engine,
    ends: BTreeMap<IpAddr, FlowEnd>,
    /// Pods by host interface.
    interfaces: BTreeMap<String, String>,
}

/// What a flow is, but for time and count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    source: FlowEnd,
    destination: FlowEnd,
    policies: Vec<PolicyName>,
    because: Vec<String>,
    nearest: Option<String>,
}

impl Judge {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        let mut cluster = snapshot.cluster;
        let mut interfaces = BTreeMap::new();
        for endpoint in snapshot.endpoints {
            interfaces.insert(endpoint.host_interface, endpoint.pod.to_string());
            // What is wired here counts before it is in the pod's status, as in the table.
            if let Some(pod) = cluster.pods.get_mut(&endpoint.pod) {
                pod.addresses = endpoint.addresses;
            }
        }
        Self {
            ends: ends(&cluster),
            engine: Engine::new(cluster),
            interfaces,
        }
    }

    /// What is to be said of a flow; `interface` is the name of the one that it came in by.
    pub(super) fn find(&self, flow: &Flow, interface: Option<&str>) -> Finding {
        let header = &flow.header;
        let mut finding = Finding {
            source: self.end(header.source),
            destination: self.end(header.destination),
            policies: Vec::new(),
            because: Vec::new(),
            nearest: None,
        };
        match flow.reason {
            Reason::Egress => self.denied(flow, Direction::Egress, &mut finding),
            Reason::Ingress => self.denied(flow, Direction::Ingress, &mut finding),
            Reason::AuditEgress => self.audited(flow, Direction::Egress, &mut finding),
            Reason::AuditIngress => self.audited(flow, Direction::Ingress, &mut finding),
            Reason::Allowed => self.allowed(flow, &mut finding),
            Reason::Spoofed => finding.because.push(self.spoofed(header.source, interface)),
            Reason::Unwired => finding.because.push(format!(
                "no rules for a pod with address {} are in this node's table (yet)",
                header.destination
            )),
            Reason::Invalid | Reason::Midstream => finding.because.push(
                "it belongs to no connection that is tracked, and opens none: the connection was \
                 revoked or has timed out, or its beginning took another way"
                    .to_owned(),
            ),
            Reason::Elsewhere => finding.because.push(
                "the Service keeps connections from outside on the node that they come in at, and has no backend here"
                    .to_owned(),
            ),
            Reason::Unlisted => finding
                .because
                .push("the source is in no block of the Service's `loadBalancerSourceRanges`".to_owned()),
            Reason::Host => finding.because.push(self.shut_out(flow)),
            Reason::HostPod => self.kept_from(flow, &mut finding),
            Reason::Tunnel => finding
                .because
                .push("only nodes may use the port of the tunnels between nodes".to_owned()),
        }
        finding
    }

    /// Why a host firewall lets it in to no node.
    fn shut_out(&self, flow: &Flow) -> String {
        match self.connection(flow) {
            Ok(connection) => decision_of(&connection, Direction::Ingress).to_string(),
            Err(why) => why,
        }
    }

    /// What a pod in the network of this node was denied (rule HN-2). The packet does not say which pod sent it.
    fn kept_from(&self, flow: &Flow, finding: &mut Finding) {
        let header = &flow.header;
        let packet = (header.protocol, header.port);
        let rule = host_pod_rule(self.engine.cluster(), None, header.destination, packet);
        let denial = rule.filter(HostPodRule::denies);
        finding.because.push(match denial {
            Some(rule) => {
                let policy = &rule.policy.name;
                finding.policies.push(PolicyName::Cluster(policy.clone()));
                format!(
                    "{policy} egress[{}] denies it to a pod in the network of this node",
                    rule.index
                )
            }
            None => {
                "a policy of its moment denied it to a pod in the network of this node".to_owned()
            }
        });
    }

    fn denied(&self, flow: &Flow, direction: Direction, finding: &mut Finding) {
        let connection = match self.connection(flow) {
            Ok(connection) => connection,
            Err(why) => return finding.because.push(why),
        };
        let decision = decision_of(&connection, direction);
        finding.policies = policies(decision);
        finding.nearest = nearest(decision);
        finding.because.push(match decision.verdict {
            DirectionVerdict::Deny | DirectionVerdict::Unknown => decision.to_string(),
            DirectionVerdict::Allow => format!(
                "it is allowed by the policies as they are now ({decision}): those of its moment denied it, or the node leaves a rule out, which `ringfence verify` tells"
            ),
        });
    }

    /// AU-4: it passed, and would not if the policies in audit mode enforced.
    fn audited(&self, flow: &Flow, direction: Direction, finding: &mut Finding) {
        let connection = match self.connection(flow) {
            Ok(connection) => connection,
            Err(why) => return finding.because.push(why),
        };
        let decision = decision_of(&connection, direction);
        let Some(audited) = &decision.audited else {
            return finding.because.push(format!(
                "no policy in audit mode would deny it now ({decision}); those of its moment would have"
            ));
        };
        let by = audited.by.iter();
        finding.policies = by.map(|policy| policy.policy.clone()).collect();
        finding.nearest = nearest(&audited.decision);
        finding.because.push(audited.to_string());
    }

    fn allowed(&self, flow: &Flow, finding: &mut Finding) {
        match self.connection(flow) {
            Ok(connection) => {
                for decision in [&connection.egress, &connection.ingress] {
                    finding.policies.extend(policies(decision));
                    finding.because.push(decision.to_string());
                }
                finding.policies.sort();
                finding.policies.dedup();
            }
            Err(why) => finding.because.push(why),
        }
    }

    fn connection(&self, flow: &Flow) -> Result<Connection, String> {
        let header = &flow.header;
        let query = Query {
            source: Endpoint::Address(header.source),
            destination: Endpoint::Address(header.destination),
            protocol: header.protocol,
            port: header.port,
        };
        let answer = self
            .engine
            .answer(&query)
            .map_err(|error| format!("the policies cannot be asked about it as it is: {error}"))?;
        let mut connections = answer.connections.into_iter();
        let none = || "its destination is a Service address that nobody answers".to_owned();
        connections.next().ok_or_else(none)
    }

    fn spoofed(&self, source: IpAddr, interface: Option<&str>) -> String {
        let owner = |name| {
            self.interfaces
                .get(name)
                .map(|pod| format!(" of pod {pod}"))
        };
        let from = match interface {
            Some(name) => format!("interface {name}{}", owner(name).unwrap_or_default()),
            None => "an interface that is gone".to_owned(),
        };
        format!("source address {source} does not belong to {from}, from which it came")
    }

    fn end(&self, address: IpAddr) -> FlowEnd {
        let unknown = || FlowEnd {
            address,
            pod: None,
            labels: Labels::new(),
            node: None,
        };
        self.ends.get(&address).cloned().unwrap_or_else(unknown)
    }
}

impl Finding {
    /// Whether both ends are strangers: traffic that merely passes this machine.
    pub(super) fn concerns_no_pod(&self) -> bool {
        self.source.pod.is_none() && self.destination.pod.is_none()
    }

    /// Together with time and count.
    pub(super) fn into_record(self, node: &str, counted: &Counted<()>) -> FlowRecord {
        let Flow { reason, header, .. } = &counted.flow;
        FlowRecord {
            time: counted.first,
            node: node.to_owned(),
            number: 0,
            verdict: FlowVerdict::of(*reason),
            reason: *reason,
            source: self.source,
            destination: self.destination,
            protocol: protocol_word(header.protocol),
            port: header.port,
            count: counted.count,
            policies: self.policies,
            because: self.because,
            nearest: self.nearest,
        }
    }
}

/// Who has which address: nodes, and over them pods of the pod network.
fn ends(cluster: &Cluster) -> BTreeMap<IpAddr, FlowEnd> {
    let nodes = cluster.nodes.values().flat_map(|node| {
        node.addresses.iter().map(|address| FlowEnd {
            address: address.to_canonical(),
            pod: None,
            labels: Labels::new(),
            node: Some(node.name.clone()),
        })
    });
    let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
    let pods = pods.flat_map(|pod| {
        pod.addresses.iter().map(|address| FlowEnd {
            address: address.to_canonical(),
            pod: Some(pod.name.clone()),
            labels: pod.labels.clone(),
            node: pod.node.clone(),
        })
    });
    nodes.chain(pods).map(|end| (end.address, end)).collect()
}

const fn decision_of(connection: &Connection, direction: Direction) -> &DirectionDecision {
    match direction {
        Direction::Egress => &connection.egress,
        Direction::Ingress => &connection.ingress,
    }
}

/// The policies that decided.
fn policies(decision: &DirectionDecision) -> Vec<PolicyName> {
    let network = |name: &ringfence_model::ObjectName| PolicyName::Network(name.clone());
    let mut found: Vec<PolicyName> = match &decision.because {
        Because::NoRuleMatched { isolated_by, .. }
        | Because::LocalNode { isolated_by }
        | Because::OwnService { isolated_by } => isolated_by
            .iter()
            .map(|policy| network(&policy.name))
            .collect(),
        Because::Rules { allowed_by } => allowed_by
            .iter()
            .map(|rule| network(&rule.policy.name))
            .collect(),
        Because::ClusterRule(rule) => vec![PolicyName::Cluster(rule.policy.clone())],
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => Vec::new(),
    };
    found.dedup();
    found
}

/// The rule of which most matches, the first of equals.
fn nearest(decision: &DirectionDecision) -> Option<String> {
    let Because::NoRuleMatched { rules, .. } = &decision.because else {
        return None;
    };
    let best = rules.iter().map(closeness).max()?;
    let rule = rules.iter().find(|rule| closeness(rule) == best)?;
    Some(rule.to_string())
}

/// A rule that knows the peer is nearer than one that has the port.
fn closeness(rule: &JudgedRule) -> (Match, Match) {
    (rule.peer, rule.port)
}

#[cfg(test)]
mod tests;
