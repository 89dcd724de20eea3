//! Pods that are isolated, and no rule lets in or out what was asked (rules NP-2, NP-10).

use ringfence_model::{Direction, JudgedRule, NetworkPolicy, PolicyRef};
use ringfence_reach::matching::Step;

use super::{Decided, Reason, few, rule};
use crate::commands::explain::excerpt::{Marked, Quote};

/// Isolating policies that are shown.
const MOST_POLICIES: usize = 3;

/// First the policies that isolate the pod, then the rules that could have matched.
pub(super) fn refused(
    decided: Decided<'_>,
    isolated_by: &[PolicyRef],
    rules: &[JudgedRule],
    local_node_unknown: bool,
) -> Vec<Reason> {
    let by = match isolated_by {
        [policy] => policy.name.to_string(),
        several => format!("{} policies", several.len()),
    };
    let why = match rules {
        [] => "no rule could allow anything".to_owned(),
        _ => format!(
            "no rule matches {} on {}",
            match decided.decision.direction {
                Direction::Ingress => &decided.connection.source,
                Direction::Egress => &decided.connection.destination,
            },
            decided.asked()
        ),
    };
    let title = format!("{}: isolated by {by}, and {why}", decided.headline());
    let mut refusal = Reason::new(decided.tone(), title).quoting(policies(decided, isolated_by));
    let (_, more) = few(isolated_by, MOST_POLICIES, decided.context.all);
    if more > 0 {
        let policies = if more == 1 {
            "policy isolates"
        } else {
            "policies isolate"
        };
        refusal
            .notes
            .push(format!("{more} more {policies} it; --all shows them"));
    }
    if local_node_unknown {
        let subject = &decided.decision.subject;
        refusal.notes.push(format!(
            "the node of {subject} is not known, so that nobody can be its own node, which always gets in (NP-50, OB-16)"
        ));
        refusal
            .help
            .push("give the pod's `spec.nodeName` or `status.hostIP`".to_owned());
    }
    [refusal]
        .into_iter()
        .chain(rule::missed(decided, rules))
        .collect()
}

/// The place in each policy that selects the pod.
pub(super) fn policies(decided: Decided<'_>, isolated_by: &[PolicyRef]) -> Vec<Quote> {
    let (shown, _) = few(isolated_by, MOST_POLICIES, decided.context.all);
    shown
        .iter()
        .filter_map(|policy| {
            let found = decided.context.cluster.network_policies.get(&policy.name)?;
            let selector = [
                Step::Field("spec".to_owned()),
                Step::Field("podSelector".to_owned()),
            ];
            let mark = Marked {
                place: selector.to_vec(),
                label: isolates(found, decided),
                primary: true,
            };
            let source = policy.source.as_ref()?;
            decided.context.excerpts.part(source, &selector, &[mark])
        })
        .collect()
}

fn isolates(policy: &NetworkPolicy, decided: Decided<'_>) -> String {
    let direction = decided.decision.direction;
    let subject = &decided.decision.subject;
    let rules = match policy.rules(direction).len() {
        0 => format!(", and has no {direction} rule"),
        _ => String::new(),
    };
    format!("{} selects {subject} for {direction}{rules}", policy.name)
}
