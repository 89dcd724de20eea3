//! Decisions that depend on an address that is not known (rule AM-22).

use ringfence_model::{ClusterRuleRef, Party, RuleRef};
use ringfence_reach::matching;

use super::{Decided, Reason, Tone, few, rule};
use crate::commands::explain::chain;
use crate::commands::explain::excerpt::{Marked, Quote};

/// Rules that may match and are shown.
const MOST_RULES: usize = 3;

/// Each rule that may or may not match.
pub(super) fn reasons(
    decided: Decided<'_>,
    of: &Party,
    cluster_rules: &[ClusterRuleRef],
    rules: &[RuleRef],
) -> Vec<Reason> {
    let of_tiers = cluster_rules.iter().map(|rule| {
        (
            super::cluster_rule::name(rule),
            cluster_quote(decided, rule),
        )
    });
    let of_policies = rules
        .iter()
        .map(|rule| (chain::name(rule), quote(decided, rule)));
    let found: Vec<(String, Option<Quote>)> = of_tiers.chain(of_policies).collect();
    let (shown, more) = few(&found, MOST_RULES, decided.context.all);
    let mut reasons: Vec<Reason> = shown
        .iter()
        .map(|(name, quote)| {
            let title = format!("{}: {name} may match, or may not", decided.headline());
            Reason::new(Tone::Unknown, title).quoting(quote.clone())
        })
        .collect();
    if let Some(last) = reasons.last_mut() {
        if more > 0 {
            last.notes
                .push(format!("so may {more} more; --all shows them"));
        }
        last.help.push(what_to_give(decided, of));
    }
    reasons
}

fn quote(decided: Decided<'_>, name: &RuleRef) -> Option<Quote> {
    let found = matching::of_rule(decided.context.cluster, decided.connection, name)?;
    let marks: Vec<Marked> = rule::misses(&found);
    decided
        .context
        .excerpts
        .whole(name.source.as_ref()?, &marks)
}

fn cluster_quote(decided: Decided<'_>, name: &ClusterRuleRef) -> Option<Quote> {
    let found = matching::of_cluster_rule(decided.context.cluster, decided.connection, name)?;
    let marks: Vec<Marked> = rule::misses(&found);
    decided
        .context
        .excerpts
        .whole(name.source.as_ref()?, &marks)
}

/// the fact that is missing, and where it would be read.
fn what_to_give(decided: Decided<'_>, of: &Party) -> String {
    let cluster = decided.context.cluster;
    match of {
        Party::Pod { name, .. } => {
            let owner = cluster.pods.get(name).and_then(|pod| pod.workload.as_ref());
            let blocks = decided.context.pod_blocks;
            match owner {
                Some(owner) => format!(
                    "{name} stands for the pods of {} {}: {blocks}; or give one of them with its `status.podIPs`, or ask about an address",
                    owner.kind, owner.name
                ),
                None => format!(
                    "{blocks}; or give the address of {name} in its `status.podIPs`, or ask about an address"
                ),
            }
        }
        Party::Node {
            name: Some(name), ..
        } => {
            format!("give the Node {name} with its `status.addresses`, or ask about an address")
        }
        Party::Node { name: None, .. } => {
            "give the pod's `spec.nodeName` and that Node with its `status.addresses`".to_owned()
        }
        Party::Other(_) | Party::Loopback(_) => "ask about an address".to_owned(),
    }
}
