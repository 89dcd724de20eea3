//! Cluster-scoped policies (rules CN-51, AN-1 to AN-4).

mod dialect;
mod peers;
mod ports;

use dialect::Dialect;

use super::pod::owned;
use super::{Context, audit, host_pod, meta};
use crate::report::Report;
use crate::validate::{limits, names, quote};
use crate::view::View;
use crate::{
    ClusterAction, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, ClusterRule, ClusterTier,
    Direction,
};

/// The priorities there are (rule CN-21).
const PRIORITIES: std::ops::RangeInclusive<i64> = 0..=1000;
/// Characters that the name of a rule may have.
const RULE_NAME: usize = 100;

pub(super) fn cluster_policy(
    context: &mut Context<'_>,
    kind: ClusterPolicyKind,
    root: &View<'_>,
) -> Option<ClusterPolicy> {
    let name = meta::cluster_scoped(context, root, names::dns_subdomain).name;
    let report = &mut *context.report;
    audit::refuse(report, root);
    let dialect = Dialect::of(kind);
    if kind == ClusterPolicyKind::BaselineAdminNetworkPolicy {
        only_default(report, &root.field("metadata").field("name"), &name);
    }
    let spec = root.field("spec");
    if !spec.is_set() {
        report.required(dialect.shape, &spec, "");
        return None;
    }
    let tier = tier(report, &dialect, &spec.field("tier"));
    let priority = priority(report, &dialect, &spec.field("priority"));
    let subject = peers::subject(report, &dialect, &spec.field("subject"));
    let ingress = rules(report, &dialect, &spec.field("ingress"), Direction::Ingress);
    let egress = rules(report, &dialect, &spec.field("egress"), Direction::Egress);
    let judges_host_pods = host_pod::is_judged(report, root, tier);
    Some(ClusterPolicy {
        name: ClusterPolicyName { kind, name },
        tier: tier?,
        priority,
        subject: subject?,
        ingress,
        egress,
        judges_host_pods,
        source: report.source(root.span),
    })
}

/// Rule AN-1.
fn only_default(report: &mut Report, at: &View<'_>, name: &str) {
    const ONLY: &str = "default";
    if !name.is_empty() && name != ONLY {
        let detail = "a cluster has one BaselineAdminNetworkPolicy, which is named \"default\"";
        report.invalid("AN-1", at, &quote(name), detail);
    }
}

fn tier(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Option<ClusterTier> {
    const TIERS: [(&str, ClusterTier); 2] = [
        ("Admin", ClusterTier::Admin),
        ("Baseline", ClusterTier::Baseline),
    ];
    match dialect.tier {
        Some(tier) => Some(tier),
        None => one_of(report, dialect.shape, at, &TIERS),
    }
}

fn priority(report: &mut Report, dialect: &Dialect, at: &View<'_>) -> Option<u16> {
    if !dialect.has_priority {
        return None;
    }
    let number = limits::number(report, dialect.limits, at, PRIORITIES)?;
    u16::try_from(number).ok()
}

fn rules(
    report: &mut Report,
    dialect: &Dialect,
    at: &View<'_>,
    direction: Direction,
) -> Vec<ClusterRule> {
    limits::at_most(report, dialect.limits, at, dialect.most);
    at.items()
        .filter_map(|item| rule(report, dialect, &item, direction))
        .collect()
}

fn rule(
    report: &mut Report,
    dialect: &Dialect,
    at: &View<'_>,
    direction: Direction,
) -> Option<ClusterRule> {
    let name_at = at.field("name");
    limits::length(report, dialect.limits, &name_at, RULE_NAME);
    let action = one_of(
        report,
        dialect.actions_rule,
        &at.field("action"),
        dialect.actions,
    );
    let peers_at = at.field(match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    });
    let peers = peers::peers(report, dialect, &peers_at, direction);
    let ports_at = at.field(dialect.ports);
    let ports = ports::ports(report, dialect, &ports_at);
    ports::named_with_addresses(report, dialect, &ports_at, &peers_at);
    if action.is_some_and(|action| action != ClusterAction::Accept) {
        peers::no_domain_names(report, dialect, &peers_at);
    }
    Some(ClusterRule {
        name: owned(&name_at),
        action: action?,
        peers,
        ports,
        source: report.source(at.span),
    })
}

/// The value that the text at `at`, which is required, stands for.
fn one_of<T: Copy>(
    report: &mut Report,
    rule: &'static str,
    at: &View<'_>,
    values: &[(&'static str, T)],
) -> Option<T> {
    let Some(text) = at.text() else {
        report.required(rule, at, "");
        return None;
    };
    let found = values.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        report.not_supported(rule, at, text, &names);
    }
    found.map(|(_, value)| *value)
}
