//! RF008: a policy whose selector matches pods on their nodes' network, to which it does not apply (rule NP-53).

use std::collections::BTreeSet;

use ringfence_model::NetworkPolicy;

use crate::lint::context::{Context, PodGroup};
use crate::lint::problem::{Place, Problem};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let mut told = BTreeSet::new();
    context
        .policies()
        .filter(|policy| {
            // Of policies for every pod of a namespace one is enough to tell it.
            !policy.pod_selector.is_empty() || told.insert(&policy.name.namespace)
        })
        .filter_map(|policy| problem(context, policy))
        .collect()
}

fn problem(context: &Context<'_>, policy: &NetworkPolicy) -> Option<Problem> {
    let mut selected = context.labelled(policy);
    let all = selected.len();
    selected.retain(|group: &&PodGroup<'_>| group.on_host);
    if selected.is_empty() {
        return None;
    }
    let only = if selected.len() == all {
        "only pods"
    } else {
        "pods"
    };
    let message = format!(
        "{only} of the host network are selected, to which no policy applies: {}",
        words::pods(&selected)
    );
    let help = "without `hostNetwork: true` the policy applies; what such pods may do is a matter of their node's firewall";
    let place = Place::of_policy(policy, "spec.podSelector");
    Some(place.problem(message).with_help(help))
}
