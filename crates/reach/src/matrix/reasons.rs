//! Connections by the reasons that engines give for them.

use ringfence_model::{Answer, Because, Cluster, DirectionDecision, Endpoint, Query};
use ringfence_net::{ConnectionSet, IpProtocol, PortRange, PortSet, Protocol};
use ringfence_policy::{Engine, SharedFamily};

use super::like::Asked;

/// Two ends, the engine to ask about them, and the family that the connection is to take. If both are the same pod, it
/// and another one like it are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) source: &'a Endpoint,
    pub(crate) destination: &'a Endpoint,
    pub(crate) shared: SharedFamily,
}

/// Connections, and one of them to show for all as each engine judges it.
pub(crate) type Shown<const N: usize> = (ConnectionSet, [Option<(Query, Answer)>; N]);

/// `connections` in parts for which every engine gives the same reasons, as far as these are told apart by the bounds of
/// ports.
pub(crate) fn by_reason<const N: usize>(
    ends: [Ends<'_>; N],
    connections: &ConnectionSet,
) -> Vec<Shown<N>> {
    if connections.is_empty() {
        return Vec::new();
    }
    let asked = ends.map(Asked::of);
    let ends = asked.each_ref().map(Asked::ends);
    let mut parts: Vec<Shown<N>> = Vec::new();
    for range in ranges(connections) {
        let answers = answers(ends, &range);
        let alike = |part: &&mut Shown<N>| same_reasons(&part.1, &answers);
        match parts.iter_mut().find(alike) {
            Some(part) => part.0 = part.0.union(&range),
            None => parts.push((range, answers)),
        }
    }
    parts
}

/// One of `connections` as each engine judges it.
pub(crate) fn judged<const N: usize>(
    ends: [Ends<'_>; N],
    connections: &ConnectionSet,
) -> [Option<(Query, Answer)>; N] {
    let asked = ends.map(Asked::of);
    answers(asked.each_ref().map(Asked::ends), connections)
}

fn answers<const N: usize>(
    ends: [Ends<'_>; N],
    connections: &ConnectionSet,
) -> [Option<(Query, Answer)>; N] {
    let shown = ends
        .last()
        .and_then(|ends| preferred(ends.engine.cluster(), ends.destination, connections));
    ends.map(|ends| {
        let query = ends.query(shown?)?;
        let answer = ends.engine.answer(&query).ok()?;
        Some((query, answer))
    })
}

impl Ends<'_> {
    /// `None` of an only pod and another one like it, if there could be no such pod.
    fn query(self, (protocol, port): (IpProtocol, Option<u16>)) -> Option<Query> {
        if self.source == self.destination {
            return None;
        }
        let ends = self
            .engine
            .ends_in(self.shared, self.source, self.destination);
        let (source, destination) = ends?;
        Some(Query {
            source,
            destination,
            protocol,
            port,
        })
    }
}

/// Whether the same was decided at both ends, apart from the port that was asked about.
fn same_reasons(one: &[Option<(Query, Answer)>], other: &[Option<(Query, Answer)>]) -> bool {
    one.iter().map(decisions).eq(other.iter().map(decisions))
}

fn decisions(judged: &Option<(Query, Answer)>) -> Vec<DirectionDecision> {
    let answer = judged.iter().map(|(_, answer)| answer);
    answer
        .flat_map(|answer| &answer.connections)
        .flat_map(|connection| [&connection.egress, &connection.ingress])
        .map(without_near_misses)
        .collect()
}

/// How near the rules of a refusal came depends on the port, and is no part of its reason.
fn without_near_misses(decision: &DirectionDecision) -> DirectionDecision {
    let mut decision = decision.clone();
    if let Because::NoRuleMatched { rules, .. } = &mut decision.because {
        rules.clear();
    }
    if let Some(audited) = &mut decision.audited {
        audited.decision = without_near_misses(&audited.decision);
    }
    decision
}

/// Each range of ports by itself, and the other protocols.
fn ranges(connections: &ConnectionSet) -> Vec<ConnectionSet> {
    let of = |protocol: Protocol, ports: &PortSet| -> Vec<ConnectionSet> {
        let alone = |range: &PortRange| ConnectionSet::of(protocol, PortSet::from_range(*range));
        ports.ranges().iter().map(alone).collect()
    };
    let other = connections
        .allows_other()
        .then(ConnectionSet::other_protocols);
    connections
        .iter()
        .flat_map(|(protocol, ports)| of(protocol, ports))
        .chain(other)
        .collect()
}

/// Ports that people know, to show for many.
const WELL_KNOWN: [(Protocol, u16); 4] = [
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 443),
    (Protocol::Tcp, 8080),
    (Protocol::Udp, 53),
];

/// One of `connections` to show for all: a port that `destination` declares, one that people know, or the first.
fn preferred(
    cluster: &Cluster,
    destination: &Endpoint,
    connections: &ConnectionSet,
) -> Option<(IpProtocol, Option<u16>)> {
    let declared = cluster
        .pod_of(destination)
        .into_iter()
        .flat_map(|pod| &pod.ports);
    declared
        .map(|port| (port.protocol, port.port))
        .chain(WELL_KNOWN)
        .map(|(protocol, port)| (protocol.into(), Some(port)))
        .find(|(protocol, port)| connections.allows(*protocol, *port))
        .or_else(|| connections.witness())
}
