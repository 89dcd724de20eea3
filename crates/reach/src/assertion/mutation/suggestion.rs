//! An assertion that would have noticed a mistake.

use std::net::IpAddr;

use ringfence_model::{
    Cluster, ContainerPort, Endpoint, Expected, ObjectName, Outcome, Owner, Pod, Query,
    WorkloadKind,
};
use ringfence_net::{ConnectionSet, IpProtocol, Protocol};
use ringfence_policy::{ClassId, ClassKind, ClassSet, Engine};

use super::effect::Effect;

/// An assertion that holds, and does not hold with a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What becomes of it now.
    pub expected: Expected,
    /// Who opens the connection.
    pub source: SuggestedEnd,
    /// To whom.
    pub destination: SuggestedEnd,
    /// Its IP protocol.
    pub protocol: IpProtocol,
    /// Its port, for protocols that have one.
    pub port: Option<u16>,
}

/// An end of a suggested assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuggestedEnd {
    /// All pods of a workload.
    Workload {
        /// The namespace.
        namespace: String,
        /// Kind and name.
        workload: Owner,
    },
    /// A pod, a node or an address.
    Endpoint(Endpoint),
}

/// Ports that are asked for before others where no end says which it has.
const USUAL: [(Protocol, u16); 5] = [
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 443),
    (Protocol::Tcp, 8080),
    (Protocol::Udp, 53),
    (Protocol::Tcp, 22),
];

/// The kinds of workloads that can be named as an end.
const NAMED: [WorkloadKind; 7] = [
    WorkloadKind::Deployment,
    WorkloadKind::ReplicaSet,
    WorkloadKind::ReplicationController,
    WorkloadKind::StatefulSet,
    WorkloadKind::DaemonSet,
    WorkloadKind::Job,
    WorkloadKind::CronJob,
];

/// An assertion that shows one of `effects`; pods rather than nodes, nodes rather than addresses. `None` if no connection
/// that somebody could open shows any.
pub(super) fn suggest(plain: &Engine, changed: &Engine, effects: &[Effect]) -> Option<Suggestion> {
    let search = Search { plain, changed };
    RANKS.iter().find_map(|rank| {
        effects
            .iter()
            .find_map(|effect| search.in_effect(effect, *rank))
    })
}

/// How good it is to have a class at an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Pods,
    Node,
    Addresses,
}

/// The worse of the two ends of a suggestion.
const RANKS: [Rank; 3] = [Rank::Pods, Rank::Node, Rank::Addresses];

struct Search<'a> {
    plain: &'a Engine,
    changed: &'a Engine,
}

impl Search<'_> {
    fn in_effect(&self, effect: &Effect, rank: Rank) -> Option<Suggestion> {
        let sources = self.ranked(&effect.sources, rank);
        let destinations = self.ranked(&effect.destinations, rank);
        for source in &sources {
            for destination in &destinations {
                let worse = self.rank(*source).max(self.rank(*destination));
                if worse != rank {
                    continue;
                }
                let found = self.between(*source, *destination, &effect.connections);
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    fn ranked(&self, classes: &ClassSet, worst: Rank) -> Vec<ClassId> {
        classes
            .iter()
            .filter(|class| self.rank(*class) <= worst)
            .collect()
    }

    fn rank(&self, class: ClassId) -> Rank {
        match &self.plain.class(class).kind {
            ClassKind::Pods { .. } => Rank::Pods,
            ClassKind::Node { .. } => Rank::Node,
            ClassKind::Addresses { .. } => Rank::Addresses,
        }
    }

    fn between(
        &self,
        source: ClassId,
        destination: ClassId,
        connections: &ConnectionSet,
    ) -> Option<Suggestion> {
        let (protocol, port) = self.port(destination, connections)?;
        for from in self.members(source) {
            for to in self
                .members(destination)
                .into_iter()
                .filter(|to| *to != from)
            {
                let found = self.ends(&from, &to).into_iter();
                let mut found = found.filter_map(|(source, destination)| {
                    self.verified(source, destination, protocol, port)
                });
                if let Some(found) = found.next() {
                    return Some(found);
                }
            }
        }
        None
    }

    /// A member or two: a class has no more kinds of them.
    fn members(&self, class: ClassId) -> Vec<Endpoint> {
        match &self.plain.class(class).kind {
            ClassKind::Pods { members, .. } => {
                members.iter().take(2).cloned().map(Endpoint::Pod).collect()
            }
            kind @ ClassKind::Node { .. } => kind.node().into_iter().collect(),
            ClassKind::Addresses { example, .. } => vec![Endpoint::Address(*example)],
        }
    }

    /// A port that the destination declares, else a usual one, else the first.
    fn port(
        &self,
        destination: ClassId,
        connections: &ConnectionSet,
    ) -> Option<(IpProtocol, Option<u16>)> {
        let declared: &[ContainerPort] = match &self.plain.class(destination).kind {
            ClassKind::Pods { ports, .. } => ports,
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => &[],
        };
        let declared = declared.iter().map(|port| (port.protocol, port.port));
        let mut good = declared
            .chain(USUAL)
            .map(|(protocol, port)| (IpProtocol::from(protocol), Some(port)))
            .filter(|(protocol, port)| connections.allows(*protocol, *port));
        good.next().or_else(|| connections.witness())
    }

    /// Ways to name both ends: the workloads, the ends themselves, and one address of the destination or of the node that is
    /// the source, for policies that treat their addresses differently.
    fn ends(&self, from: &Endpoint, to: &Endpoint) -> Vec<(SuggestedEnd, SuggestedEnd)> {
        let whole = self.workloads(from, to).into_iter();
        let addresses = self.addresses(to).iter();
        let by_address =
            addresses.map(|address| (single(from), single(&Endpoint::Address(*address))));
        let of_node = matches!(from, Endpoint::Node(_)).then(|| self.addresses(from));
        let from_address = of_node.into_iter().flatten();
        let from_address =
            from_address.map(|address| (single(&Endpoint::Address(*address)), single(to)));
        whole
            .chain([(single(from), single(to))])
            .chain(by_address)
            .chain(from_address)
            .collect()
    }

    fn addresses(&self, end: &Endpoint) -> &[IpAddr] {
        let cluster = self.plain.cluster();
        let found = match end {
            Endpoint::Pod(name) => cluster.pods.get(name).map(|pod| &pod.addresses),
            Endpoint::Node(name) => cluster.nodes.get(name).map(|node| &node.addresses),
            Endpoint::Address(_) | Endpoint::Service(_) => None,
        };
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// Both ends as workloads as far as they belong to one.
    fn workloads(&self, from: &Endpoint, to: &Endpoint) -> Option<(SuggestedEnd, SuggestedEnd)> {
        let cluster = self.plain.cluster();
        let (source, destination) = (workload(cluster, from), workload(cluster, to));
        let any = source.is_some() || destination.is_some();
        any.then(|| {
            let source = source.unwrap_or_else(|| single(from));
            (source, destination.unwrap_or_else(|| single(to)))
        })
    }

    /// The assertion, if it holds for all of both ends and the mistake breaks it for some.
    fn verified(
        &self,
        source: SuggestedEnd,
        destination: SuggestedEnd,
        protocol: IpProtocol,
        port: Option<u16>,
    ) -> Option<Suggestion> {
        let cluster = self.plain.cluster();
        let queries = queries(cluster, &source, &destination, protocol, port);
        let expected = expected(self.plain, queries.first()?)?;
        let holds =
            |engine: &Engine, query: &Query| self::expected(engine, query) == Some(expected);
        let noticed = queries.iter().all(|query| holds(self.plain, query))
            && !queries.iter().all(|query| holds(self.changed, query));
        noticed.then_some(Suggestion {
            expected,
            source,
            destination,
            protocol,
            port,
        })
    }
}

impl Suggestion {
    /// The connections that it is about.
    #[must_use]
    pub fn queries(&self, cluster: &Cluster) -> Vec<Query> {
        queries(
            cluster,
            &self.source,
            &self.destination,
            self.protocol,
            self.port,
        )
    }
}

fn queries(
    cluster: &Cluster,
    source: &SuggestedEnd,
    destination: &SuggestedEnd,
    protocol: IpProtocol,
    port: Option<u16>,
) -> Vec<Query> {
    let pairs =
        crate::assertion::pairs(cluster, &ends(cluster, source), &ends(cluster, destination));
    let query = |(source, destination)| Query {
        source,
        destination,
        protocol,
        port,
    };
    pairs.into_iter().map(query).collect()
}

fn expected(engine: &Engine, query: &Query) -> Option<Expected> {
    match engine.answer(query).ok()?.outcome {
        Outcome::Allow => Some(Expected::Allow),
        Outcome::Deny => Some(Expected::Deny),
        Outcome::Partial | Outcome::NoEndpoints | Outcome::Unknown { .. } => None,
    }
}

fn single(endpoint: &Endpoint) -> SuggestedEnd {
    SuggestedEnd::Endpoint(endpoint.clone())
}

/// The workload of a pod, if it is of a kind that can be named.
fn workload(cluster: &Cluster, endpoint: &Endpoint) -> Option<SuggestedEnd> {
    let Endpoint::Pod(name) = endpoint else {
        return None;
    };
    let workload = cluster.pods.get(name)?.workload.clone()?;
    let known = NAMED.iter().any(|kind| kind.to_string() == workload.kind);
    let namespace = name.namespace.clone();
    known.then_some(SuggestedEnd::Workload {
        namespace,
        workload,
    })
}

fn ends(cluster: &Cluster, end: &SuggestedEnd) -> Vec<Endpoint> {
    match end {
        SuggestedEnd::Endpoint(endpoint) => vec![endpoint.clone()],
        SuggestedEnd::Workload {
            namespace,
            workload,
        } => {
            let first = ObjectName::new(namespace, "");
            let of_namespace = cluster.pods.range(first..);
            let of_namespace = of_namespace.take_while(|(name, _)| name.namespace == *namespace);
            let belongs = |(_, pod): &(&ObjectName, &Pod)| {
                pod.is_live() && pod.workload.as_ref() == Some(workload)
            };
            let pods = of_namespace.filter(belongs);
            pods.map(|(name, _)| Endpoint::Pod(name.clone())).collect()
        }
    }
}
