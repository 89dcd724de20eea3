//! RF025, RF026: a namespace with pods that no policy isolates, so that they are open (rules NP-2, Q-10).

use std::collections::BTreeSet;

use ringfence_model::{
    Because, ClusterAction, Direction, DirectionDecision, Endpoint, Expected, ObjectKey,
    ObjectKind, Pod,
};
use ringfence_net::ConnectionSet;

use crate::assertion::{Claim, questions};

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
    let may_be = || may_be_denied(context, group, direction);
    !(isolated || may_be() && is_denied(context, group, direction))
}

fn may_be_denied(context: &Context<'_>, group: &PodGroup<'_>, direction: Direction) -> bool {
    context.cluster_policies().any(|policy| {
        let mut rules = policy.rules(direction).iter();
        context.is_in(&policy.subject, group)
            && rules.any(|rule| rule.action == ClusterAction::Deny)
    })
}

/// Whether policies of the whole cluster leave nothing between the pods and a stranger that nobody has decided about.
fn is_denied(context: &Context<'_>, group: &PodGroup<'_>, direction: Direction) -> bool {
    let (engine, stranger) = context.with_stranger();
    let Some(pod) = group.pods.first() else {
        return false;
    };
    let claim = claim(pod, stranger.clone(), direction);
    let mut parts = questions(engine.cluster(), &claim).into_iter();
    parts.all(|part| {
        let answer = engine.answer(&part.query);
        answer.is_ok_and(|answer| {
            let mut decisions = answer.connections.iter().map(|found| match direction {
                Direction::Ingress => &found.ingress,
                Direction::Egress => &found.egress,
            });
            decisions.all(is_decided)
        })
    })
}

fn claim(pod: &Pod, stranger: Endpoint, direction: Direction) -> Claim {
    let pod = Endpoint::Pod(pod.name.clone());
    let (source, destination) = match direction {
        Direction::Ingress => (stranger, pod),
        Direction::Egress => (pod, stranger),
    };
    Claim {
        expected: Expected::Allow,
        source,
        destination,
        connections: ConnectionSet::all(),
    }
}

fn is_decided(decision: &DirectionDecision) -> bool {
    decision.because != Because::NotIsolated
}
