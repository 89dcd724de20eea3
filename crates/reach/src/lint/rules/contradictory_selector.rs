//! RF007: a selector that no labels can satisfy (rule NP-23).

use ringfence_model::{ClusterPolicy, LabelSelector, NetworkPolicy};

use crate::lint::cluster_site::{as_peer, of_policy};
use crate::lint::context::Context;
use crate::lint::peer::PeerSite;
use crate::lint::problem::{Place, Problem};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let policies = context.policies().map(of_spec);
    let subjects = context.cluster_policies().flat_map(of_subject);
    let peers = context.peer_sites.iter().flat_map(of_peer);
    policies
        .chain(subjects)
        .chain(peers)
        .filter_map(|(selector, place)| problem(&selector, place))
        .collect()
}

fn problem(selector: &LabelSelector, place: Place) -> Option<Problem> {
    let key = selector.contradiction()?;
    let message = format!("nothing can match: the requirements on `{key}` exclude each other");
    let help = "all requirements of a selector must hold at once; alternatives are several items, or several values of `In`";
    Some(place.problem(message).with_help(help))
}

fn of_spec(policy: &NetworkPolicy) -> (LabelSelector, Place) {
    let place = Place::of_policy(policy, "spec.podSelector");
    (policy.pod_selector.clone(), place)
}

fn of_subject(policy: &ClusterPolicy) -> Vec<(LabelSelector, Place)> {
    let subject = as_peer(&policy.subject);
    let selectors = subject.namespaces.into_iter().chain(subject.pods);
    selectors
        .map(|selector| (selector, of_policy(policy, "spec.subject")))
        .collect()
}

fn of_peer(site: &PeerSite<'_>) -> Vec<(LabelSelector, Place)> {
    let fields = [
        (&site.selector.namespaces, "namespaceSelector"),
        (&site.selector.pods, "podSelector"),
    ];
    let selectors = fields.into_iter().filter_map(|(selector, field)| {
        let mut place = site.place.clone();
        if !site.namespace.is_empty() {
            place.path = format!("{}.{field}", place.path);
        }
        Some((selector.clone()?, place))
    });
    selectors.collect()
}
