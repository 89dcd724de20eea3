//! RF007: a selector that no labels can satisfy (rules NP-18, NP-23).

use ringfence_model::{ClusterPolicy, LabelSelector, NetworkPolicy, PeerSelector};

use crate::lint::cluster_site::{as_peer, of_policy};
use crate::lint::context::Context;
use crate::lint::peer::PeerSite;
use crate::lint::problem::{Place, Problem};
use crate::lint::requirement::namespace_contradiction;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let policies = context.policies().filter_map(of_spec);
    let subjects = context.cluster_policies().flat_map(of_subject);
    let peers = context.peer_sites.iter().flat_map(of_peer);
    policies.chain(subjects).chain(peers).collect()
}

fn of_spec(policy: &NetworkPolicy) -> Option<Problem> {
    let place = Place::of_policy(policy, "spec.podSelector");
    of_pods(&policy.pod_selector, place)
}

fn of_subject(policy: &ClusterPolicy) -> Vec<Problem> {
    let place = || of_policy(policy, "spec.subject");
    of_both(&as_peer(&policy.subject), |_| place())
}

fn of_peer(site: &PeerSite<'_>) -> Vec<Problem> {
    of_both(&site.selector, |field| {
        let mut place = site.place.clone();
        if !site.namespace.is_empty() {
            place.path = format!("{}.{field}", place.path);
        }
        place
    })
}

fn of_both(peer: &PeerSelector, place: impl Fn(&str) -> Place) -> Vec<Problem> {
    let namespaces = peer.namespaces.as_ref();
    let namespaces =
        namespaces.and_then(|selector| of_namespaces(selector, place("namespaceSelector")));
    let pods = peer.pods.as_ref();
    let pods = pods.and_then(|selector| of_pods(selector, place("podSelector")));
    namespaces.into_iter().chain(pods).collect()
}

fn of_pods(selector: &LabelSelector, place: Place) -> Option<Problem> {
    let key = selector.contradiction()?;
    let message = format!("nothing can match: the requirements on `{key}` exclude each other");
    let help = "all requirements of a selector must hold at once; alternatives are several items, or several values of `In`";
    Some(place.problem(message).with_help(help))
}

fn of_namespaces(selector: &LabelSelector, place: Place) -> Option<Problem> {
    if selector.contradiction().is_some() {
        return of_pods(selector, place);
    }
    let key = namespace_contradiction(selector)?;
    let message = format!("nothing can match: every namespace has the label `{key}`");
    let help = "ask for another label, or for namespaces by name: `operator: NotIn` with the names to leave out";
    Some(place.problem(message).with_help(help))
}
