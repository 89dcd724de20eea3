//! RF001: a policy whose selector matches no pod of its namespace (rule NP-1).

use ringfence_model::{ClusterPolicy, Labels, NetworkPolicy};

use crate::lint::cluster_site::{as_peer, of_policy};
use crate::lint::context::{Context, PodGroup};
use crate::lint::peer::{Fate, fate};
use crate::lint::problem::{Place, Problem};
use crate::lint::requirement::{asks_controllers, why_none};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let policies = context.policies();
    let problems = policies.filter_map(|policy| problem(context, policy));
    let subjects = context.cluster_policies();
    let subjects = subjects.filter_map(|policy| subject_problem(context, policy));
    problems.chain(subjects).collect()
}

fn problem(context: &Context<'_>, policy: &NetworkPolicy) -> Option<Problem> {
    let selector = &policy.pod_selector;
    let namespace = policy.name.namespace.as_str();
    let selects = !context.labelled(policy).is_empty() || context.idle(None, namespace, selector);
    let is_known = !asks_controllers(context.cluster, selector);
    if selects || !is_known || selector.is_empty() || selector.contradiction().is_some() {
        return None;
    }
    let place = Place::of_policy(policy, "spec.podSelector");
    let problem = place.problem(format!("no pod of namespace `{namespace}` is selected"));
    let here = context.groups_in(namespace);
    if here.is_empty() {
        return in_wrong_namespace(context, policy);
    }
    let what = format!("pod of `{namespace}`");
    let why = why_none(selector, &what, here.iter().map(|group| group.labels));
    let help = "select by labels that the pods have, or remove the policy";
    let maker = context.maker([namespace]);
    Some(
        problem
            .with_label(why)
            .with_help(help)
            .unless_made_by(maker),
    )
}

/// The policy names no namespace, and pods with its labels are in another one.
fn in_wrong_namespace(context: &Context<'_>, policy: &NetworkPolicy) -> Option<Problem> {
    let source = policy.source.as_ref()?;
    let written = context.documents.field(source, "metadata.namespace");
    let matching = |group: &&PodGroup<'_>| policy.pod_selector.matches(group.labels);
    let elsewhere: Vec<&PodGroup<'_>> = context.pods().filter(matching).collect();
    let first = elsewhere.first().filter(|_| written.is_none())?;
    let message = format!(
        "no namespace is written, so it is in `{}`, which has no pods; pods with these labels are {}",
        policy.name.namespace,
        words::pods(&elsewhere)
    );
    let help = format!("add `namespace: {}` to `metadata`", first.namespace);
    Some(
        Place::of_policy(policy, "metadata")
            .problem(message)
            .with_help(help),
    )
}

/// The subject of a cluster-scoped policy spans namespaces.
fn subject_problem(context: &Context<'_>, policy: &ClusterPolicy) -> Option<Problem> {
    let subject = as_peer(&policy.subject);
    let (what, selector, all): (_, _, Vec<&Labels>) = match fate(context, &subject, "") {
        Fate::NoNamespace | Fate::NamespaceLabelMissing(_) => {
            let namespaces = context.cluster.namespaces.values();
            let labels = namespaces.map(|namespace| &namespace.labels).collect();
            ("namespace", subject.namespaces, labels)
        }
        Fate::NoPod | Fate::PodLabelMissing(_) => (
            "pod",
            subject.pods,
            context.pods().map(|group| group.labels).collect(),
        ),
        Fate::Pods
        | Fate::HostPodsAlone
        | Fate::Contradiction
        | Fate::Elsewhere(_)
        | Fate::Unknown => return None,
    };
    let maker = (what == "pod")
        .then(|| context.maker(context.namespaces(policy.subject.namespaces.as_ref(), "")));
    let why = why_none(&selector?, what, all.into_iter());
    let problem = of_policy(policy, "spec.subject").problem("no pod is selected");
    let help = "select by labels that are there, or remove the policy";
    let problem = problem.with_label(why).with_help(help);
    Some(problem.unless_made_by(maker.flatten()))
}
