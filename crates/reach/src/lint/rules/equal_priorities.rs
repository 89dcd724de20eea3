//! RF030: two cluster-scoped policies of one priority, where it matters which is asked first (rules CN-22, AM-13), proven by the
//! engine.

use std::collections::BTreeSet;

use ringfence_model::{ClusterAction, ClusterPolicy, Direction};
use ringfence_policy::{Change, Engine};

use crate::lint::cluster_site::of_policy;
use crate::lint::context::Context;
use crate::lint::problem::Problem;
use crate::lint::proof::{Difference, End, Trial};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let policies: Vec<&ClusterPolicy> = context.cluster_policies().collect();
    let pairs = policies.iter().enumerate();
    let pairs = pairs.flat_map(|(place, first)| {
        let later = policies.iter().skip(place + 1);
        later.map(move |second| (*first, *second))
    });
    pairs
        .filter(|(first, second)| {
            first.priority.is_some()
                && (first.tier, first.priority) == (second.tier, second.priority)
        })
        .filter_map(|(first, second)| problem(context, first, second))
        .collect()
}

fn problem(
    context: &Context<'_>,
    first: &ClusterPolicy,
    second: &ClusterPolicy,
) -> Option<Problem> {
    let directions = Direction::ALL.into_iter();
    let mut directions = directions.filter(|direction| may_contradict(first, second, *direction));
    let (direction, difference) = directions.find_map(|direction| {
        let mut namespaces = shared(context, first, second).into_iter();
        let difference = namespaces
            .find_map(|namespace| differ(context, namespace, first, second, direction))?;
        Some((direction, difference))
    })?;
    let message = format!(
        "{} has the same tier and priority, and which of them is asked first decides about {}",
        first.name,
        changed(direction, &difference)
    );
    let help = "give them different priorities: with equal ones the order is the plugin's own, here that of their names";
    let place = of_policy(second, "spec.priority");
    Some(place.problem(message).with_help(help))
}

/// Rules that all do the same do it in any order.
fn may_contradict(first: &ClusterPolicy, second: &ClusterPolicy, direction: Direction) -> bool {
    let rules = first.rules(direction).iter().chain(second.rules(direction));
    let actions: BTreeSet<ClusterAction> = rules.map(|rule| rule.action).collect();
    let both = [first, second]
        .iter()
        .all(|policy| !policy.rules(direction).is_empty());
    both && actions.len() > 1
}

/// The namespaces with pods that are subjects of both.
fn shared<'a>(
    context: &Context<'a>,
    first: &ClusterPolicy,
    second: &ClusterPolicy,
) -> BTreeSet<&'a str> {
    let pods = context.in_scope(&first.subject).into_iter();
    let pods = pods.filter(|group| context.is_in(&second.subject, group));
    pods.map(|group| group.namespace).collect()
}

/// A connection of a pod of `namespace` that comes out otherwise if `second` is asked first.
fn differ(
    context: &Context<'_>,
    namespace: &str,
    first: &ClusterPolicy,
    second: &ClusterPolicy,
    direction: Direction,
) -> Option<Difference> {
    let seen = Trial::of_namespace(context.quotient(), namespace);
    let trial = Trial::new(ordered(&seen, first, second).into_cluster());
    let other = ordered(&seen, second, first);
    let subjects = trial.pods(|pod| pod.name.namespace == namespace);
    trial.difference(&other, direction, &subjects)
}

/// The cluster with `first` asked before `second`, and nobody else at their priority.
fn ordered(trial: &Trial, first: &ClusterPolicy, second: &ClusterPolicy) -> Engine {
    let pair = |policy: &ClusterPolicy| policy.name == first.name || policy.name == second.name;
    let policies = trial.cluster().cluster_policies.values();
    let changes = policies.map(|policy| {
        let equal = (policy.tier, policy.priority) == (first.tier, first.priority);
        if equal && !pair(policy) {
            return Change::RemoveClusterPolicy(policy.name.clone());
        }
        let later = u16::from(policy.name == second.name);
        let doubled = |priority: u16| priority.saturating_mul(2).saturating_add(later);
        Change::SetClusterPolicy(ClusterPolicy {
            priority: policy.priority.map(doubled),
            ..policy.clone()
        })
    });
    trial.after(changes)
}

fn changed(direction: Direction, difference: &Difference) -> String {
    let Difference {
        subject,
        end,
        before,
        after,
    } = difference;
    let gone = before.allowed.difference(&after.allowed);
    let come = after.allowed.difference(&before.allowed);
    let connections = gone.union(&come);
    if *end == End::Pod(subject.clone()) {
        return format!("{connections} between pods like {subject}");
    }
    match direction {
        Direction::Ingress => format!("{connections} from {end} to {subject}"),
        Direction::Egress => format!("{connections} from {subject} to {end}"),
    }
}
