//! RF025, RF026: a namespace with pods that no policy isolates, so that they are open (rules NP-2, Q-10).

use std::collections::BTreeSet;

use ringfence_model::{ClusterAction, Direction, ObjectKey, ObjectKind};

use crate::lint::context::{Context, PodGroup};
use crate::lint::problem::{Place, Problem};
use crate::lint::words;

/// The cluster's own namespaces, which are not for its users to close.
const SYSTEM: [&str; 3] = ["kube-node-lease", "kube-public", "kube-system"];

pub(in crate::lint) fn ingress(context: &Context<'_>) -> Vec<Problem> {
    problems(context, Direction::Ingress)
}

pub(in crate::lint) fn egress(context: &Context<'_>) -> Vec<Problem> {
    problems(context, Direction::Egress)
}

fn problems(context: &Context<'_>, direction: Direction) -> Vec<Problem> {
    let names: BTreeSet<&str> = context.pods().map(|group| group.namespace).collect();
    let names = names.into_iter().filter(|name| !SYSTEM.contains(name));
    names
        .filter_map(|name| problem(context, name, direction))
        .collect()
}

fn problem(context: &Context<'_>, namespace: &str, direction: Direction) -> Option<Problem> {
    let pods = context
        .groups_in(namespace)
        .iter()
        .filter(|group| !group.on_host);
    let open: Vec<&PodGroup<'_>> = pods
        .filter(|group| is_open(context, group, direction))
        .collect();
    if open.is_empty() {
        return None;
    }
    let pods = words::pods(&open);
    let so = match direction {
        Direction::Ingress => format!("anybody may connect to {pods}"),
        Direction::Egress => format!("{pods} may connect to anybody"),
    };
    let message = format!("Namespace {namespace} has no default deny for {direction}: {so}");
    let listed = match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    };
    let help = format!(
        "add a NetworkPolicy with `podSelector: {{}}` and `policyTypes: [{listed}]`, then allow what is needed"
    );
    let place = Place {
        object: ObjectKey::cluster(ObjectKind::Namespace, namespace),
        source: context
            .cluster
            .namespaces
            .get(namespace)
            .and_then(|found| found.source.clone()),
        path: "metadata.name".to_owned(),
    };
    Some(Problem::new(place, message).with_help(help))
}

fn is_open(context: &Context<'_>, group: &PodGroup<'_>, direction: Direction) -> bool {
    let mut policies = context.policies_of(group.namespace);
    let isolated = policies
        .any(|policy| policy.isolates(direction) && policy.pod_selector.matches(group.labels));
    !isolated && !is_denied_something(context, group, direction)
}

/// Whether somebody has thought of these pods in a cluster-scoped policy.
fn is_denied_something(context: &Context<'_>, group: &PodGroup<'_>, direction: Direction) -> bool {
    context.cluster_policies().any(|policy| {
        let mut rules = policy.rules(direction).iter();
        context.is_in(&policy.subject, group)
            && rules.any(|rule| rule.action == ClusterAction::Deny)
    })
}
