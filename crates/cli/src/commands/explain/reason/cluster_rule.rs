//! Rules of the Admin and Baseline tiers (rules CN-20 to CN-25).

use ringfence_model::ClusterRuleRef;
use ringfence_reach::matching::{self, Step};

use super::{Decided, Reason, Tone, rule};
use crate::commands::explain::excerpt::{Marked, Quote};

/// CN-21: the first rule that matches.
pub(super) fn deciding(decided: Decided<'_>, rule: &ClusterRuleRef) -> Reason {
    let title = format!("{} by {}", decided.headline(), name(rule));
    Reason::new(decided.tone(), title).quoting(quote(decided, rule))
}

/// CN-25: the rest of the tier is not asked.
pub(super) fn passed(decided: Decided<'_>, rule: &ClusterRuleRef) -> Reason {
    let title = format!(
        "{} by {}, so that the rest of the {} tier is not asked",
        decided.headline(),
        name(rule),
        rule.tier
    );
    Reason::new(Tone::Passed, title).quoting(quote(decided, rule))
}

/// `ClusterNetworkPolicy/base egress[0] "no-metadata"`
pub(super) fn name(rule: &ClusterRuleRef) -> String {
    let ClusterRuleRef {
        policy,
        direction,
        index,
        ..
    } = rule;
    let called = rule
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!(" \"{name}\""));
    format!("{policy} {direction}[{index}]{called}")
}

fn quote(decided: Decided<'_>, cluster_rule: &ClusterRuleRef) -> Option<Quote> {
    let context = decided.context;
    let matching = matching::of_cluster_rule(context.cluster, decided.connection, cluster_rule);
    let mut marks = vec![Marked {
        place: vec![Step::Field("action".to_owned())],
        label: format!("tier {}", cluster_rule.tier),
        primary: true,
    }];
    marks.extend(
        matching
            .iter()
            .flat_map(|found| rule::matches(decided, found, false)),
    );
    context
        .excerpts
        .whole(cluster_rule.source.as_ref()?, &marks)
}
