//! Of ends that nothing tells apart, a few that stand for all.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Endpoint, Service, TrafficPolicy};
use ringfence_policy::{ClassId, ClassKind, Engine};
use ringfence_reach::assertion::services;

/// Pods that nothing tells apart of which more are left out: two, so that they can speak to each other.
const KEPT: usize = 2;

/// What tells pods of the pod network apart: what policies see of them, and their node where it matters.
pub(super) type Kind<'a> = (ClassId, Option<&'a str>);

/// Ends, and of each kind of pods a few.
pub(super) struct Few<'a> {
    engine: &'a Engine,
    nodes: Nodes<'a>,
    ends: Vec<&'a Endpoint>,
    /// Of each kind, those that are kept first.
    members: BTreeMap<Kind<'a>, Vec<&'a Endpoint>>,
}

impl<'a> Few<'a> {
    /// Those of `all` that are asked about together with `others`.
    pub(super) fn of(engine: &'a Engine, all: &'a [Endpoint], others: &'a [Endpoint]) -> Self {
        let mut few = Self {
            engine,
            nodes: Nodes::told_apart_by(engine, others),
            ends: Vec::new(),
            members: BTreeMap::new(),
        };
        for end in all {
            let known = few.kind(end).map_or(0, |kind| {
                let members = few.members.entry(kind).or_default();
                members.push(end);
                members.len() - 1
            });
            if known < KEPT {
                few.ends.push(end);
            }
        }
        few
    }

    pub(super) fn kept(&self) -> Vec<Endpoint> {
        self.ends.iter().map(|end| (*end).clone()).collect()
    }

    /// The kind of a pod of the pod network that is named. Others are told apart one by one.
    pub(super) fn kind(&self, end: &Endpoint) -> Option<Kind<'a>> {
        let Endpoint::Pod(name) = end else {
            return None;
        };
        let class = self.engine.class_of_pod(name)?;
        let pod = self.engine.cluster().pods.get(name)?;
        let node = pod.node.as_deref().filter(|node| self.nodes.matter(node));
        Some((class, node))
    }

    pub(super) fn members(&self, kind: Option<Kind<'a>>) -> usize {
        self.of_kind(kind).map_or(1, Vec::len)
    }

    fn of_kind(&self, kind: Option<Kind<'a>>) -> Option<&Vec<&'a Endpoint>> {
        kind.and_then(|kind| self.members.get(&kind))
    }

    /// How many ends a kept one stands for: the first of a kind for all that are left out.
    pub(super) fn share(&self, end: &Endpoint) -> usize {
        match self.of_kind(self.kind(end)) {
            Some(members) if members.first() == Some(&end) => {
                (members.len() + 1).saturating_sub(KEPT).max(1)
            }
            Some(_) | None => 1,
        }
    }

    /// How many ways lead from one kind to one of `other`: nobody is asked about himself.
    pub(super) fn pairs_with(
        &self,
        other: &Self,
        (from, to): (Option<Kind<'a>>, Option<Kind<'a>>),
    ) -> usize {
        let own: BTreeSet<_> = self.of_kind(from).into_iter().flatten().collect();
        let in_both = other.of_kind(to).into_iter().flatten();
        let in_both = in_both.filter(|end| own.contains(end)).count();
        (self.members(from) * other.members(to))
            .saturating_sub(in_both)
            .max(1)
    }
}

/// The nodes whose pods are told apart from other pods by whom they are asked about with.
enum Nodes<'a> {
    Every,
    These(BTreeSet<&'a str>),
}

impl<'a> Nodes<'a> {
    /// Rule NP-50: a node is its own pods' own node. Rules OB-18, OB-19, OB-22: a Service may look for a backend near the
    /// client's node.
    fn told_apart_by(engine: &'a Engine, ends: &'a [Endpoint]) -> Self {
        let mut nodes = BTreeSet::new();
        for end in ends {
            if services(engine.cluster(), end).into_iter().any(looks_near) {
                return Self::Every;
            }
            nodes.extend(node_of(engine, end));
        }
        Self::These(nodes)
    }

    fn matter(&self, node: &str) -> bool {
        match self {
            Self::Every => true,
            Self::These(nodes) => nodes.contains(node),
        }
    }
}

/// The node that `end` is, or whose network it is on.
fn node_of<'a>(engine: &'a Engine, end: &'a Endpoint) -> Option<&'a str> {
    match end {
        Endpoint::Node(name) => Some(name),
        Endpoint::Pod(name) => {
            let pod = engine.cluster().pods.get(name)?;
            pod.node.as_deref().filter(|_| pod.host_network)
        }
        Endpoint::Address(address) => match &engine.class(engine.class_of_address(*address)).kind {
            ClassKind::Node { name, .. } => Some(name),
            ClassKind::Pods { .. } | ClassKind::Addresses { .. } => None,
        },
        Endpoint::Service(_) => None,
    }
}

/// Whether connections to it depend on the node that they come from.
fn looks_near(service: &Service) -> bool {
    let traffic = &service.traffic;
    [traffic.internal, traffic.external].contains(&TrafficPolicy::Local) || service.prefers_some()
}
