//! Labels that policies ask for and that anybody may put on a pod.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{
    Cluster, LabelSelector, Labels, NetworkPolicy, PeerSelector, PolicyPeer, Requirement,
    SelectorOperator,
};

use super::mentioned::scopes;
use crate::imagined::fitting;

/// A value that nobody has named.
const UNNAMED: &str = "stranger";

/// What pods of other namespaces may call themselves: whoever may create a pod there chooses its labels. Those of its
/// namespace are an administrator's.
pub(super) fn of_foreigners(cluster: &Cluster) -> BTreeSet<Labels> {
    let policies = cluster.network_policies.values();
    let peers = policies.flat_map(peers);
    let foreign = peers.filter(|peer| peer.namespaces.is_some());
    let of_policies = foreign.filter_map(|peer| peer.pods.as_ref());
    let scopes = || scopes(cluster).filter_map(|scope| scope.pods.as_ref());
    let evasions = evasions(scopes());
    let plain = LabelSelector::default();
    let mut costumes = BTreeSet::new();
    for selector in of_policies.chain(scopes()).chain([&plain]) {
        let worn = worn(selector);
        let mut evading = evasions.clone();
        evading.extend(worn.clone());
        costumes.extend(
            [worn, evading]
                .into_iter()
                .filter(|worn| fits(selector, worn)),
        );
    }
    costumes
}

/// What pods of each namespace may call themselves to be let in by policies there that name nobody, but only that there
/// be a label.
pub(super) fn of_neighbours(cluster: &Cluster) -> BTreeMap<&str, BTreeSet<Labels>> {
    let mut costumes: BTreeMap<&str, BTreeSet<Labels>> = BTreeMap::new();
    for policy in cluster.network_policies.values() {
        let selectors = peers(policy).filter_map(|peer| peer.pods.as_ref());
        let nameless = selectors.filter(|selector| !names_values(selector));
        let worn = nameless.map(|selector| (selector, worn(selector)));
        let worn = worn.filter(|(selector, worn)| fits(selector, worn));
        let namespace = costumes.entry(policy.name.namespace.as_str());
        namespace.or_default().extend(worn.map(|(_, worn)| worn));
    }
    costumes
}

fn peers(policy: &NetworkPolicy) -> impl Iterator<Item = &PeerSelector> {
    let rules = policy.ingress.iter().chain(&policy.egress);
    let peers = rules.flat_map(|rule| &rule.peers);
    peers.filter_map(|peer| match peer {
        PolicyPeer::Pods(selector) => Some(selector),
        PolicyPeer::IpBlock(_) => None,
    })
}

fn names_values(selector: &LabelSelector) -> bool {
    let mut expressions = selector.match_expressions.iter();
    !selector.match_labels.is_empty() || expressions.any(|one| one.operator == SelectorOperator::In)
}

/// Labels that answer every requirement, unless these contradict each other.
fn worn(selector: &LabelSelector) -> Labels {
    fitting(&selector.requirements(), UNNAMED).unwrap_or_default()
}

/// Labels that keep a pod from what is selected by a label it lacks.
fn evasions<'a>(selectors: impl Iterator<Item = &'a LabelSelector>) -> Labels {
    let requirements = selectors.flat_map(|selector| &selector.match_expressions);
    let evaded = requirements.filter_map(|one| Some((one.key.clone(), evading(one)?)));
    evaded.collect()
}

fn evading(requirement: &Requirement) -> Option<String> {
    match requirement.operator {
        SelectorOperator::NotIn => requirement.values.first().cloned(),
        SelectorOperator::DoesNotExist => Some(UNNAMED.to_owned()),
        SelectorOperator::In | SelectorOperator::Exists => None,
    }
}

/// Whether it is worth trying on.
fn fits(selector: &LabelSelector, worn: &Labels) -> bool {
    !worn.is_empty() && selector.matches(worn)
}
