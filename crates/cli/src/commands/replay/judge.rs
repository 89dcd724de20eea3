//! What the candidate policies say of each recorded flow.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_agent::flows::{FlowEnd, FlowRecord, FlowVerdict};
use ringfence_compile::Reason;
use ringfence_model::{
    Because, Cluster, Connection, Direction, DirectionDecision, DirectionVerdict, Endpoint, Node,
    Outcome, Pod, PolicyName, Query, Source,
};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_policy::Engine;

/// A rule of a policy.
pub(super) type RuleName = (PolicyName, Direction, usize);

/// All recorded flows under the candidate policies.
pub(super) struct Replay {
    /// Those that policies judge, equal ones together, in order of their ends.
    pub(super) flows: Vec<Flow>,
    /// Records that no policy judged: dropped for other reasons.
    pub(super) other: usize,
    /// The rules that no flow used, with their place.
    pub(super) unobserved: Vec<(RuleName, Option<Source>)>,
}

/// Records that differ in time alone.
pub(super) struct Flow {
    pub(super) source: FlowEnd,
    pub(super) destination: FlowEnd,
    pub(super) protocol: String,
    pub(super) port: Option<u16>,
    /// How many packets or connections.
    pub(super) count: u64,
    /// Whether it passed.
    pub(super) passed: bool,
    pub(super) fate: Fate,
    /// Why, one line for each direction that decides.
    pub(super) because: Vec<String>,
}

/// What becomes of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It passed, and would not.
    Cut,
    /// It was denied, and would pass.
    Opened,
    /// It cannot be said.
    Unknown,
    /// It would pass, as it did.
    Passes,
    /// It would be denied, as it was.
    Denied,
}

impl Fate {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Opened => "opened",
            Self::Unknown => "unknown",
            Self::Passes => "passes",
            Self::Denied => "denied",
        }
    }

    fn of(passed: bool, passes: bool) -> Self {
        match (passed, passes) {
            (true, true) => Self::Passes,
            (true, false) => Self::Cut,
            (false, true) => Self::Opened,
            (false, false) => Self::Denied,
        }
    }
}

impl Replay {
    pub(super) fn of(records: &[FlowRecord], mut cluster: Cluster) -> Self {
        for record in records {
            know(&mut cluster, &record.source);
            know(&mut cluster, &record.destination);
        }
        let rules = rules(&cluster);
        let engine = Engine::new(cluster);
        let mut used = BTreeSet::new();
        let judged = records.iter().filter(|record| is_last_word(record));
        let dropped = |record: &&FlowRecord| record.verdict == FlowVerdict::Drop;
        let other = records.iter().filter(dropped).count();
        let mut flows: Vec<Flow> = together(judged)
            .into_iter()
            .map(|(record, count)| judge(&engine, record, count, &mut used))
            .collect();
        flows.sort_by_key(|flow| flow.fate);
        let unobserved = rules.into_iter().filter(|(rule, _)| !used.contains(rule));
        Self {
            flows,
            other,
            unobserved: unobserved.collect(),
        }
    }

    pub(super) fn changes_nothing(&self) -> bool {
        self.count(Fate::Cut) == 0 && self.count(Fate::Opened) == 0
    }

    pub(super) fn count(&self, fate: Fate) -> usize {
        self.flows.iter().filter(|flow| flow.fate == fate).count()
    }
}

/// Whether a record says what became of a connection in the end: a node that lets it pass to a pod of another node does
/// not know.
fn is_last_word(record: &FlowRecord) -> bool {
    let on_the_way = || {
        let node = record.destination.node.as_ref();
        record.destination.pod.is_some() && node.is_some_and(|node| *node != record.node)
    };
    match record.verdict {
        FlowVerdict::Allow => !on_the_way(),
        FlowVerdict::Audit => record.reason == Reason::AuditIngress || !on_the_way(),
        FlowVerdict::Deny => true,
        FlowVerdict::Drop => false,
    }
}

/// What makes records equal but for time.
type Key<'a> = (String, String, &'a str, Option<u16>, FlowVerdict);

fn together<'a>(records: impl Iterator<Item = &'a FlowRecord>) -> Vec<(&'a FlowRecord, u64)> {
    let mut found: BTreeMap<Key<'a>, (&'a FlowRecord, u64)> = BTreeMap::new();
    for record in records {
        let end = crate::commands::flows::end_name;
        let key = (
            end(&record.source),
            end(&record.destination),
            record.protocol.as_str(),
            record.port,
            record.verdict,
        );
        found.entry(key).or_insert((record, 0)).1 += record.count;
    }
    found.into_values().collect()
}

/// Pods and nodes that the manifests do not have are as they were recorded; where they have them, the manifests count.
fn know(cluster: &mut Cluster, end: &FlowEnd) {
    if let Some(name) = &end.pod {
        let pod = cluster.pods.entry(name.clone()).or_insert_with(|| Pod {
            node: end.node.clone(),
            ..Pod::new(name.clone(), end.labels.clone())
        });
        add(&mut pod.addresses, end.address);
    } else if let Some(name) = &end.node {
        let node = cluster.nodes.entry(name.clone()).or_insert_with(|| Node {
            name: name.clone(),
            labels: ringfence_model::Labels::new(),
            addresses: Vec::new(),
            pod_cidrs: Vec::new(),
            kubelet_port: None,
            source: None,
        });
        add(&mut node.addresses, end.address);
    }
}

fn add(addresses: &mut Vec<IpAddr>, address: IpAddr) {
    let same_family = |known: &IpAddr| known.is_ipv4() == address.is_ipv4();
    if !addresses.iter().any(same_family) {
        addresses.push(address);
    }
}

fn judge(engine: &Engine, record: &FlowRecord, count: u64, used: &mut BTreeSet<RuleName>) -> Flow {
    let passed = matches!(record.verdict, FlowVerdict::Allow | FlowVerdict::Audit);
    let (fate, because) = match ask(engine, record) {
        Ok((outcome, connection)) => {
            let decisions = [&connection.egress, &connection.ingress];
            for decision in decisions {
                used.extend(using(decision));
            }
            match outcome {
                Outcome::Unknown { .. } => (Fate::Unknown, vec![outcome.to_string()]),
                Outcome::Allow | Outcome::Deny | Outcome::Partial | Outcome::NoEndpoints => {
                    let fate = Fate::of(passed, outcome == Outcome::Allow);
                    (fate, deciding(decisions))
                }
            }
        }
        Err(why) => (Fate::Unknown, vec![why]),
    };
    Flow {
        source: record.source.clone(),
        destination: record.destination.clone(),
        protocol: record.protocol.clone(),
        port: record.port,
        count,
        passed,
        fate,
        because,
    }
}

fn ask(engine: &Engine, record: &FlowRecord) -> Result<(Outcome, Connection), String> {
    let protocol = protocol(&record.protocol)
        .ok_or_else(|| format!("`{}` is no protocol", record.protocol))?;
    let query = Query {
        source: endpoint(&record.source),
        destination: endpoint(&record.destination),
        protocol,
        port: record.port,
    };
    let answer = engine.answer(&query).map_err(|error| error.to_string())?;
    let mut connections = answer.connections.into_iter();
    let connection = connections.next();
    let connection = connection.ok_or_else(|| "its destination is nobody".to_owned())?;
    Ok((answer.outcome, connection))
}

fn endpoint(end: &FlowEnd) -> Endpoint {
    match (&end.pod, &end.node) {
        (Some(pod), _) => Endpoint::Pod(pod.clone()),
        (None, Some(node)) => Endpoint::Node(node.clone()),
        (None, None) => Endpoint::Address(end.address),
    }
}

fn protocol(word: &str) -> Option<IpProtocol> {
    let known = Protocol::ALL.into_iter();
    let mut known = known.filter(|known| known.name().eq_ignore_ascii_case(word));
    match word {
        "icmp" => Some(IpProtocol::ICMP),
        "icmpv6" => Some(IpProtocol::ICMPV6),
        _ => known
            .next()
            .map(IpProtocol::from)
            .or_else(|| word.parse().ok().map(IpProtocol)),
    }
}

/// The refusals, or if there is none both directions.
fn deciding(decisions: [&DirectionDecision; 2]) -> Vec<String> {
    let denied = |decision: &&&DirectionDecision| decision.verdict == DirectionVerdict::Deny;
    let refusals: Vec<String> = decisions
        .iter()
        .filter(denied)
        .map(ToString::to_string)
        .collect();
    if refusals.is_empty() {
        decisions.iter().map(ToString::to_string).collect()
    } else {
        refusals
    }
}

/// The rules that a decision used.
fn using(decision: &DirectionDecision) -> Vec<RuleName> {
    let direction = decision.direction;
    let passed = decision.passed.iter();
    let mut found: Vec<RuleName> = passed
        .map(|rule| {
            (
                PolicyName::Cluster(rule.policy.clone()),
                direction,
                rule.index,
            )
        })
        .collect();
    match &decision.because {
        Because::Rules { allowed_by } => found.extend(allowed_by.iter().map(|rule| {
            let policy = PolicyName::Network(rule.policy.name.clone());
            (policy, rule.direction, rule.index)
        })),
        Because::ClusterRule(rule) => {
            found.push((
                PolicyName::Cluster(rule.policy.clone()),
                direction,
                rule.index,
            ));
        }
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::NoRuleMatched { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => {}
    }
    found
}

/// Every rule that is in force.
fn rules(cluster: &Cluster) -> Vec<(RuleName, Option<Source>)> {
    let mut found = Vec::new();
    for policy in cluster.network_policies.values() {
        for direction in Direction::ALL.into_iter().filter(|it| policy.isolates(*it)) {
            let rules = policy.rules(direction).iter().enumerate();
            let name = PolicyName::Network(policy.name.clone());
            found.extend(
                rules.map(|(index, rule)| ((name.clone(), direction, index), rule.source.clone())),
            );
        }
    }
    for policy in cluster.cluster_policies.values() {
        for direction in Direction::ALL {
            let rules = policy.rules(direction).iter().enumerate();
            let name = PolicyName::Cluster(policy.name.clone());
            found.extend(
                rules.map(|(index, rule)| ((name.clone(), direction, index), rule.source.clone())),
            );
        }
    }
    found
}
