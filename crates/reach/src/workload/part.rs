//! Units in parts of one class each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Endpoint, ObjectName};
use ringfence_net::Family;
use ringfence_policy::{ClassId, ClassKind, Engine, SharedFamily};

use super::meeting::Homes;
use super::{Member, Outside, Place, Span, Speaks, Unit, overlay};

/// Members of one unit that nothing tells apart: they are of one class and speak the same families.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) class: ClassId,
    pub(crate) speaks: Speaks,
    /// The family that the members prefer, if they have addresses of both.
    pub(crate) of_both: Option<Family>,
    /// Pods or a node, in order; of a place one address to show for all.
    pub(crate) members: Vec<Endpoint>,
    /// Every address of a place, in order; empty for others.
    pub(crate) spans: Vec<Span>,
    /// Of pods the nodes that all of them run on.
    homes: BTreeSet<String>,
    /// The node that the member is, and its address if it is known.
    pub(crate) node: Option<(String, Option<IpAddr>)>,
}

impl Part {
    pub(crate) fn clone_without_spans(&self) -> Self {
        Self {
            members: self.members.clone(),
            spans: Vec::new(),
            homes: self.homes.clone(),
            node: self.node.clone(),
            ..*self
        }
    }

    /// The name of the node that the member is.
    pub(crate) fn node_name(&self) -> Option<&str> {
        self.node.as_ref().map(|(name, _)| name.as_str())
    }

    /// Whether there are members of both, this one's as source, that [`super::may_meet`]. `other` is of the same groups.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.speaks.meets(other.speaks) && self.has_pair_with(other)
    }

    /// Whether members of both have the families that `shared` asks for. Those of which no address is known go along with
    /// those that have both (rules Q-7, AM-22).
    pub(crate) const fn shares(&self, shared: SharedFamily, other: &Self) -> bool {
        match shared {
            SharedFamily::First => true,
            SharedFamily::Second => {
                let one_has = self.of_both.is_some() || other.of_both.is_some();
                one_has && self.speaks.both() && other.speaks.both()
            }
        }
    }

    fn has_pair_with(&self, other: &Self) -> bool {
        match (self.members.first(), other.members.first()) {
            (Some(Endpoint::Pod(_)), Some(Endpoint::Pod(_))) => {
                !std::ptr::eq(self, other) || self.members.len() > 1
            }
            (Some(Endpoint::Node(_) | Endpoint::Address(_)), Some(Endpoint::Pod(_))) => {
                let node = self.node_name();
                node.is_none_or(|node| !other.homes.contains(node))
            }
            (Some(Endpoint::Pod(_)), Some(Endpoint::Node(_) | Endpoint::Address(_))) => true,
            (Some(Endpoint::Node(_) | Endpoint::Address(_)), _)
            | (Some(Endpoint::Service(_)) | None, _)
            | (_, Some(Endpoint::Service(_)) | None) => false,
        }
    }
}

/// What parts are told apart by.
type Key = (Unit, ClassId, Speaks);

/// Every member of the cluster and of `outside` by unit, class and families.
pub(crate) fn parts(
    engine: &Engine,
    outside: &Outside,
    by: impl Fn(&Member<'_>) -> Unit,
) -> Vec<(Unit, Part)> {
    let mut parts: BTreeMap<Key, Vec<Endpoint>> = BTreeMap::new();
    for (class, kind) in engine.classes() {
        match &kind.kind {
            ClassKind::Pods { members, .. } => {
                for (key, endpoint) in pods(engine, class, members, &by) {
                    parts.entry(key).or_default().push(endpoint);
                }
            }
            node @ ClassKind::Node { name, address, .. } => {
                let speaks = Speaks::of(address);
                let key = (by(&Member::Node(name)), class, speaks);
                parts.entry(key).or_default().extend(node.node());
            }
            ClassKind::Addresses { .. } => {}
        }
    }
    let homes = Homes::of(engine.cluster());
    let inside = parts.into_iter().map(|part| inside(engine, &homes, part));
    inside.chain(places(engine, outside, &by)).collect()
}

fn inside(
    engine: &Engine,
    homes: &Homes<'_>,
    ((unit, class, speaks), members): (Key, Vec<Endpoint>),
) -> (Unit, Part) {
    let part = Part {
        class,
        speaks,
        of_both: engine.preferred_of_both(class),
        homes: homes.of_all(&members),
        members,
        spans: Vec::new(),
        node: node_of(engine, class),
    };
    (unit, part)
}

fn node_of(engine: &Engine, class: ClassId) -> Option<(String, Option<IpAddr>)> {
    match &engine.class(class).kind {
        ClassKind::Node { name, address, .. } => Some((name.clone(), *address)),
        ClassKind::Pods { .. } | ClassKind::Addresses { .. } => None,
    }
}

fn pods(
    engine: &Engine,
    class: ClassId,
    members: &[ObjectName],
    by: &impl Fn(&Member<'_>) -> Unit,
) -> Vec<(Key, Endpoint)> {
    let known = members
        .iter()
        .filter_map(|name| engine.cluster().pods.get(name));
    known
        .map(|pod| {
            let key = (by(&Member::Pod(pod)), class, Speaks::of(&pod.addresses));
            (key, Endpoint::Pod(pod.name.clone()))
        })
        .collect()
}

/// Every address outside of the cluster by place and class.
fn places(
    engine: &Engine,
    outside: &Outside,
    by: &impl Fn(&Member<'_>) -> Unit,
) -> Vec<(Unit, Part)> {
    let mut pieces: BTreeMap<(Place, ClassId), Vec<Span>> = BTreeMap::new();
    for (span, (place, class)) in overlay(&outside.places(), &classes_of_addresses(engine)) {
        pieces.entry((place, class)).or_default().push(span);
    }
    pieces
        .into_iter()
        .filter_map(|((place, class), spans)| {
            let example = example(engine, class, &spans)?;
            let part = Part {
                class,
                speaks: Speaks::of([&example]),
                of_both: None,
                members: vec![Endpoint::Address(example)],
                spans,
                homes: BTreeSet::new(),
                node: None,
            };
            Some((by(&Member::Place(&place)), part))
        })
        .collect()
}

/// Every address in order, with the class that it has if it is no pod's and no node's.
fn classes_of_addresses(engine: &Engine) -> Vec<(Span, ClassId)> {
    let mut classes = Vec::new();
    for (id, class) in engine.classes() {
        if let ClassKind::Addresses { ranges, .. } = &class.kind {
            let spans = ranges
                .iter()
                .map(|(first, last)| Span::between(*first, *last));
            classes.extend(spans.map(|span| (span, id)));
        }
    }
    classes.sort();
    classes
}

/// What the outside of clusters is often called in examples.
const WELL_KNOWN: [&str; 2] = ["1.1.1.1", "2606:4700:4700::1111"];

/// An address that is good to show for all of `spans`: what its class would show, a well-known one, or the first that
/// nobody in the cluster has. `None` if pods and nodes have them all.
fn example(engine: &Engine, class: ClassId, spans: &[Span]) -> Option<IpAddr> {
    let of_class = match &engine.class(class).kind {
        ClassKind::Addresses { example, .. } => Some(*example),
        ClassKind::Pods { .. } | ClassKind::Node { .. } => None,
    };
    let known = WELL_KNOWN.iter().filter_map(|text| text.parse().ok());
    let inside = |address: &IpAddr| spans.iter().any(|span| span.has(*address));
    let shown = of_class.into_iter().chain(known).filter(inside);
    let others = spans.iter().flat_map(|span| span.addresses());
    shown
        .chain(others)
        .find(|address| engine.class_of_address(*address) == class)
}
