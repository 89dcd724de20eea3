//! RF008: a policy whose selector matches pods on their nodes' network, to which it does not apply (rules NP-53, CN-2).

use std::collections::BTreeSet;

use ringfence_model::{ClusterPolicy, NetworkPolicy};

use crate::lint::cluster_site::{as_peer, of_policy};
use crate::lint::context::{Context, PodGroup};
use crate::lint::peer::{Fate, fate};
use crate::lint::problem::{Place, Problem};
use crate::lint::words;

const HELP: &str = "without `hostNetwork: true` the policy applies; what such pods may do is a matter of their node's firewall";

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let mut told = BTreeSet::new();
    let policies = context.policies().filter(|policy| {
        // Of policies for every pod of a namespace one is enough to tell it.
        !policy.pod_selector.is_empty() || told.insert(&policy.name.namespace)
    });
    let problems = policies.filter_map(|policy| problem(context, policy));
    let subjects = context.cluster_policies();
    let subjects = subjects.filter_map(|policy| subject_problem(context, policy));
    problems.chain(subjects).collect()
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
    let place = Place::of_policy(policy, "spec.podSelector");
    Some(place.problem(message).with_help(HELP))
}

/// A subject that names pods by labels, and only pods of the host network have them.
fn subject_problem(context: &Context<'_>, policy: &ClusterPolicy) -> Option<Problem> {
    let subject = as_peer(&policy.subject);
    let is_picked = subject.pods.as_ref().is_some_and(|pods| !pods.is_empty());
    if !is_picked || fate(context, &subject, "") != Fate::HostPodsAlone {
        return None;
    }
    let message = format!(
        "only pods of the host network are selected, to which no policy applies: {}",
        words::pods(&context.like_peer(&subject, "").collect::<Vec<_>>())
    );
    let place = of_policy(policy, "spec.subject");
    Some(place.problem(message).with_help(HELP))
}
