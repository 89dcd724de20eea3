//! RF007: a selector that no labels can satisfy (rule NP-23).

use ringfence_model::{LabelSelector, NetworkPolicy, PolicyPeer};

use crate::lint::context::{Context, rules};
use crate::lint::problem::{Place, Problem};
use crate::lint::requirement::contradiction;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    context
        .policies()
        .flat_map(selectors)
        .filter_map(|(selector, place)| {
            let key = contradiction(selector)?;
            let message = format!("nothing can match: the requirements on `{key}` exclude each other");
            let help = "all requirements of a selector must hold at once; alternatives are several items, or several values of `In`";
            Some(place.problem(message).with_help(help))
        })
        .collect()
}

fn selectors(policy: &NetworkPolicy) -> Vec<(&LabelSelector, Place)> {
    let mut selectors = vec![(
        &policy.pod_selector,
        Place::of_policy(policy, "spec.podSelector"),
    )];
    for site in rules(policy) {
        for (index, peer) in site.peers() {
            let PolicyPeer::Pods(peer) = peer else {
                continue;
            };
            let fields = [
                (&peer.namespaces, "namespaceSelector"),
                (&peer.pods, "podSelector"),
            ];
            for (selector, field) in fields {
                let mut place = site.peer(index);
                place.path = format!("{}.{field}", place.path);
                selectors.extend(selector.as_ref().map(|selector| (selector, place)));
            }
        }
    }
    selectors
}
