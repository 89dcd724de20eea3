//! Peers that name more in one cluster than the same policy does in another.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Cluster, LabelSelector, Labels, METADATA_NAME_LABEL, Namespace, PeerSelector, Requirement,
    SelectorOperator, in_brackets,
};

use super::naming::{Census, List, Named, Naming, UNNAMED, pods, rules, units};
use super::{Imagined, fitting};

impl Imagined {
    /// For each peer of `wide` of which its policy does not say the same in `narrow` a pod that it matches, and none of the peers
    /// of which the policy does say it there. Where a pod of the manifests is such a one, that stands for it; but no pod stands for those of any namespace.
    pub(crate) fn widened(narrow: &Cluster, wide: &Cluster) -> Self {
        let mut all: BTreeMap<List, Vec<Named<'_>>> = BTreeMap::new();
        for named in rules(narrow) {
            all.entry(named.rule.list()).or_default().push(named);
        }
        let mut census = Census::of(wide);
        let mut imagined = Self::default();
        for named in rules(wide) {
            let alike = all.get(&named.rule.list()).into_iter().flatten();
            let alike = alike.filter(|known| known.said == named.said);
            let known: BTreeSet<&PeerSelector> = alike.flat_map(|known| &known.peers).collect();
            let new = named.peers.iter().filter(|peer| !known.contains(peer));
            let found = new.flat_map(|peer| strangers(&mut census, &named, peer, &known));
            let found: Vec<(Namespace, Labels)> = found.collect();
            if found.is_empty() {
                continue;
            }
            let mut naming = Naming {
                pods: BTreeSet::new(),
                units: units(wide, &named.subject, named.namespace),
            };
            for (namespace, labels) in found {
                naming.pods.insert(imagined.add_pod(&namespace, labels));
            }
            if !naming.units.is_empty() {
                imagined.rules.insert(named.rule, naming);
            }
        }
        imagined
    }
}

/// Pods that `peer` matches and none of `known`, if no pod of the manifests stands for them.
fn strangers(
    census: &mut Census<'_>,
    named: &Named<'_>,
    peer: &PeerSelector,
    known: &BTreeSet<&PeerSelector>,
) -> Vec<(Namespace, Labels)> {
    let home = named.namespace;
    let narrowed = known.iter().flat_map(|other| without(peer, other, home));
    let candidates = std::iter::once(peer.clone()).chain(narrowed);
    for candidate in candidates {
        let mut found = match anywhere(&candidate) {
            Some(found) => vec![found],
            None if census.has(&candidate, home) => continue,
            None => pods(census.cluster, &candidate, home, named.rule.direction),
        };
        found.retain(|pod| !known.iter().any(|other| matches(other, home, pod)));
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// A pod in a namespace that is not there, if `peer` asks for no label of namespaces.
fn anywhere(peer: &PeerSelector) -> Option<(Namespace, Labels)> {
    let asked = peer.namespaces.as_ref()?.requirements();
    let is_positive = |one: &Requirement| match one.operator {
        SelectorOperator::In | SelectorOperator::Exists => true,
        SelectorOperator::NotIn | SelectorOperator::DoesNotExist => false,
    };
    if asked.iter().any(is_positive) {
        return None;
    }
    let namespace = Namespace::new(in_brackets(&Labels::new()), Labels::new());
    let is_meant = asked.iter().all(|one| one.matches(&namespace.labels));
    let wanted = peer.pods.as_ref().map(LabelSelector::requirements);
    let labels = fitting(&wanted.unwrap_or_default(), UNNAMED)?;
    is_meant.then_some((namespace, labels))
}

/// `peer` without what `other` matches: once for each requirement of that, which is not to hold.
fn without(peer: &PeerSelector, other: &PeerSelector, home: &str) -> Vec<PeerSelector> {
    let of_pods = other.pods.iter().flat_map(LabelSelector::requirements);
    let of_pods = of_pods.map(|one| PeerSelector {
        namespaces: peer.namespaces.clone(),
        pods: Some(with(peer.pods.as_ref(), opposite(one))),
    });
    let of_namespaces = match &other.namespaces {
        Some(namespaces) => namespaces.requirements(),
        None => vec![Requirement {
            key: METADATA_NAME_LABEL.to_owned(),
            operator: SelectorOperator::In,
            values: vec![home.to_owned()],
        }],
    };
    let of_namespaces = of_namespaces.into_iter().filter_map(|one| {
        let namespaces = peer.namespaces.as_ref()?;
        Some(PeerSelector {
            namespaces: Some(with(Some(namespaces), opposite(one))),
            pods: peer.pods.clone(),
        })
    });
    of_pods.chain(of_namespaces).collect()
}

fn with(selector: Option<&LabelSelector>, requirement: Requirement) -> LabelSelector {
    let mut narrower = selector.cloned().unwrap_or_default();
    narrower.match_expressions.push(requirement);
    narrower
}

/// What holds where `requirement` does not (rule NP-21).
fn opposite(requirement: Requirement) -> Requirement {
    let operator = match requirement.operator {
        SelectorOperator::In => SelectorOperator::NotIn,
        SelectorOperator::NotIn => SelectorOperator::In,
        SelectorOperator::Exists => SelectorOperator::DoesNotExist,
        SelectorOperator::DoesNotExist => SelectorOperator::Exists,
    };
    Requirement {
        operator,
        ..requirement
    }
}

/// Whether `peer` of a policy in `home` matches such a pod.
fn matches(peer: &PeerSelector, home: &str, (namespace, labels): &(Namespace, Labels)) -> bool {
    let selector = peer.namespaces.as_ref();
    let is_there = selector.map_or(namespace.name == home, |found| {
        found.matches(&namespace.labels)
    });
    let pods = peer.pods.as_ref();
    is_there && pods.is_none_or(|pods: &LabelSelector| pods.matches(labels))
}
