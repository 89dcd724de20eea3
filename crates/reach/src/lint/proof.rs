//! Proofs by the engine: whether a change of policies changes anything that may be connected.
//!
//! The engine's classes hold every pod, node and address of a kind. A change that only takes away rules, or gives them other
//! actions, makes classes coarser, so that one member of each class of before stands for all of them afterwards, too.

use std::net::IpAddr;

use ringfence_model::{Cluster, Direction, Node, ObjectName, Pod};
use ringfence_policy::{Change, ClassId, ClassKind, Engine, Reach, SharedFamily, SpareRules};

use super::quotient::Quotient;

/// A cluster in which changes are tried.
#[derive(Debug)]
pub(super) struct Trial {
    engine: Engine,
    /// One member of each class.
    ends: Vec<End>,
}

/// One end of a connection, for all ends that are like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Pod(ObjectName),
    Node(String),
    Address(IpAddr),
}

impl Trial {
    /// `cluster` as it is.
    pub(super) fn new(cluster: Cluster) -> Self {
        let engine = Engine::new(cluster);
        let ends = engine.classes().map(|(_, class)| End::of(&class.kind));
        let ends = ends.collect();
        Self { engine, ends }
    }

    /// The cluster as far as it matters to the pods of `namespace`.
    pub(super) fn of_namespace(quotient: &Quotient, namespace: &str) -> Self {
        Self::new(quotient.seen_from(namespace))
    }

    pub(super) fn cluster(&self) -> &Cluster {
        self.engine.cluster()
    }

    /// Leaves aside ends whose addresses are not known. For a rule that matches by address alone they tell nothing that an
    /// address does not: wherever such an end reached the rule, the address alone would.
    pub(super) fn retain_addressed(&mut self) {
        let cluster = self.engine.cluster();
        self.ends.retain(|end| match end {
            End::Pod(name) => {
                let pod = cluster.pods.get(name);
                pod.is_some_and(|pod| !pod.addresses.is_empty())
            }
            End::Node(name) => {
                let node = cluster.nodes.get(name);
                node.is_some_and(|node| !node.addresses.is_empty())
            }
            End::Address(_) => true,
        });
    }

    /// Pods, one of each class, for which `picks` says so.
    pub(super) fn pods(&self, picks: impl Fn(&Pod) -> bool) -> Vec<ObjectName> {
        let classes = self.engine.classes().map(|(_, class)| End::of(&class.kind));
        let pods = classes.filter_map(|end| match end {
            End::Pod(name) => Some(name),
            End::Node(_) | End::Address(_) => None,
        });
        pods.filter(|name| self.cluster().pods.get(name).is_some_and(&picks))
            .collect()
    }

    /// The same cluster after `changes`.
    pub(super) fn after(&self, changes: impl IntoIterator<Item = Change>) -> Engine {
        let mut engine = self.engine.clone();
        changes.into_iter().for_each(|change| engine.apply(change));
        engine
    }

    /// To find the rules of NetworkPolicies without which nothing is judged otherwise.
    pub(super) fn spare_rules(&self) -> SpareRules {
        self.engine.spare_rules()
    }

    /// The first of `subjects` and an end for which `other` judges `direction` otherwise.
    pub(super) fn difference(
        &self,
        other: &Engine,
        direction: Direction,
        subjects: &[ObjectName],
    ) -> Option<Difference> {
        let placed = self.ends.iter().filter_map(|end| {
            let classes = [end.class(&self.engine)?, end.class(other)?];
            Some((end, classes))
        });
        let ends: Vec<(&End, [ClassId; 2])> = placed.collect();
        subjects
            .iter()
            .find_map(|subject| self.difference_of(other, direction, (subject, &ends)))
    }

    /// `ends` are those to look at, with their classes here and in `other`.
    fn difference_of(
        &self,
        other: &Engine,
        direction: Direction,
        (subject, ends): (&ObjectName, &[(&End, [ClassId; 2])]),
    ) -> Option<Difference> {
        let classes = [
            self.engine.class_of_pod(subject)?,
            other.class_of_pod(subject)?,
        ];
        // A pod at both ends stands for two that are alike: somebody else is easier to understand.
        let own = End::Pod(subject.clone());
        let others = ends.iter().filter(|(end, _)| **end != own);
        let ends = others.chain(ends.iter().filter(|(end, _)| **end == own));
        let mut ways = ends.flat_map(|end| SharedFamily::ALL.map(|shared| (end, shared)));
        ways.find_map(|((end, peers), shared)| {
            let ([before, after], [peer_before, peer_after]) = (classes, *peers);
            let before = self
                .engine
                .one_way_in(shared, direction, before, peer_before)?;
            let after = other.one_way_in(shared, direction, after, peer_after)?;
            (before != after).then(|| Difference {
                subject: subject.clone(),
                end: (*end).clone(),
                before,
                after,
            })
        })
    }
}

/// Where two judgements part.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) subject: ObjectName,
    pub(super) end: End,
    pub(super) before: Reach,
    pub(super) after: Reach,
}

impl End {
    fn of(kind: &ClassKind) -> Self {
        match kind {
            ClassKind::Pods { members, .. } => members
                .first()
                .map_or_else(|| Self::Node(String::new()), |name| Self::Pod(name.clone())),
            ClassKind::Node {
                address: Some(address),
                by_name: false,
                ..
            } => Self::Address(*address),
            ClassKind::Node { name, .. } => Self::Node(name.clone()),
            ClassKind::Addresses { example, .. } => Self::Address(*example),
        }
    }

    fn class(&self, engine: &Engine) -> Option<ClassId> {
        match self {
            Self::Pod(name) => engine.class_of_pod(name),
            Self::Node(name) => engine.class_of_node(name),
            Self::Address(address) => Some(engine.class_of_address(*address)),
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pod(name) => write!(f, "{name}"),
            Self::Node(name) => write!(f, "node {name}"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// The cluster with what tells ends apart and no more: the first pod of each class, and no Services, which no policy sees (rule
/// OB-14). The engine judges a node and a pod by one address of a family; here each further address has a node or pod of its
/// own, so that addresses are shared and single questions make no sense (rule Q-6).
pub(super) fn thinned(engine: &Engine) -> Cluster {
    let cluster = engine.cluster();
    let first = engine.classes().filter_map(|(_, class)| match &class.kind {
        ClassKind::Pods { members, .. } => members.first(),
        ClassKind::Node { .. } | ClassKind::Addresses { .. } => None,
    });
    let pods = first
        .filter_map(|name| cluster.pods.get(name))
        .flat_map(by_address);
    let nodes = cluster.nodes.values().flat_map(node_by_address);
    Cluster {
        pods: pods.map(|pod| (pod.name.clone(), pod)).collect(),
        nodes: nodes.map(|node| (node.name.clone(), node)).collect(),
        services: std::collections::BTreeMap::new(),
        ..cluster.clone()
    }
}

/// `pod`, and one like it for each address after the first. Where it runs matters to no one but its own node (rule NP-50).
fn by_address(pod: &Pod) -> Vec<Pod> {
    let bare = Pod {
        node: None,
        host_addresses: Vec::new(),
        ..pod.clone()
    };
    let further = pod.addresses.iter().enumerate().skip(1);
    let further = further.map(|(place, address)| {
        let mut twin = bare.clone();
        // No pod's name has such a character (rule OB-15).
        twin.name.name = format!("{}~{place}", pod.name.name);
        twin.addresses = vec![*address];
        twin
    });
    std::iter::once(bare.clone()).chain(further).collect()
}

fn node_by_address(node: &Node) -> Vec<Node> {
    let further = node.addresses.iter().enumerate().skip(1);
    let further = further.map(|(place, address)| Node {
        name: format!("{}~{place}", node.name),
        addresses: vec![*address],
        ..node.clone()
    });
    let first = Node {
        addresses: node.addresses.iter().take(1).copied().collect(),
        ..node.clone()
    };
    std::iter::once(first).chain(further).collect()
}
