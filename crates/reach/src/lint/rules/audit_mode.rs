//! RF037 to RF039: audit mode that is over, soon will be, or is to come (rules AU-1, AU-5).

use ringfence_model::{AUDIT_ANNOTATION, AuditMode, AuditPhase, NetworkPolicy};

use crate::lint::context::Context;
use crate::lint::problem::{Place, Problem};

/// RF037.
pub(in crate::lint) fn over(context: &Context<'_>) -> Vec<Problem> {
    in_phase(context, AuditPhase::Over)
        .map(|(policy, until)| {
            let message = format!("audit mode ended at {until}: the policy enforces");
            let help =
                "remove the annotation, or give it another time if it is to be watched again";
            at(policy).problem(message).with_help(help)
        })
        .collect()
}

/// RF038.
pub(in crate::lint) fn ending(context: &Context<'_>) -> Vec<Problem> {
    in_phase(context, AuditPhase::Ending)
        .map(|(policy, until)| {
            let message =
                format!("audit mode ends at {until}, within a week: from then on it denies");
            let help =
                "look at what it would deny (`ringfence flows --verdict audit`) before it does";
            at(policy).problem(message).with_help(help)
        })
        .collect()
}

/// RF039.
pub(in crate::lint) fn ahead(context: &Context<'_>) -> Vec<Problem> {
    context
        .policies()
        .filter_map(|policy| {
            let ahead = |mode: &AuditMode| mode.phase() == Some(AuditPhase::Ahead);
            let mode = policy.audit.filter(ahead)?;
            let message = format!(
                "audit mode begins at {}: from then on the policy denies nothing, until {}",
                mode.since(),
                mode.until()
            );
            let help = "let it begin when it is meant to, or remove the annotation";
            Some(at(policy).problem(message).with_help(help))
        })
        .collect()
}

fn in_phase<'a>(
    context: &'a Context<'_>,
    phase: AuditPhase,
) -> impl Iterator<Item = (&'a NetworkPolicy, String)> {
    context.policies().filter_map(move |policy| {
        let mode = policy.audit.filter(|mode| mode.phase() == Some(phase))?;
        Some((policy, mode.until().to_string()))
    })
}

fn at(policy: &NetworkPolicy) -> Place {
    Place::of_policy(policy, format!("metadata.annotations[{AUDIT_ANNOTATION}]"))
}
