//! One direction in one line: what each tier said of it (rule Q-10).

use ringfence_model::{
    Because, Cluster, ClusterRuleRef, ClusterTier, DirectionDecision, HostReason, HostRuleRef,
    PolicyRef, RuleRef,
};

use super::verdict::Verdict;

/// The tiers around NetworkPolicy that hold a policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiers {
    admin: bool,
    baseline: bool,
}

impl Tiers {
    pub(super) const ALL: Self = Self {
        admin: true,
        baseline: true,
    };

    pub(super) fn of(cluster: &Cluster) -> Self {
        let has = |tier| {
            let mut policies = cluster.cluster_policies.values();
            policies.any(|policy| policy.tier == tier)
        };
        Self {
            admin: has(ClusterTier::Admin),
            baseline: has(ClusterTier::Baseline),
        }
    }

    const fn has(self, tier: ClusterTier) -> bool {
        match tier {
            ClusterTier::Admin => self.admin,
            ClusterTier::Baseline => self.baseline,
        }
    }
}

/// `Admin: no match -> NetworkPolicy: not isolated -> Baseline: no match -> allow`, without tiers that hold nothing.
pub(super) fn chain(tiers: Tiers, decision: &DirectionDecision) -> String {
    let mut steps = steps(tiers, decision);
    steps.push(Verdict::from(decision.verdict).word().to_owned());
    steps.join(" -> ")
}

fn steps(tiers: Tiers, decision: &DirectionDecision) -> Vec<String> {
    let passed = |tier| {
        let mut of_tier = decision.passed.iter().filter(|rule| rule.tier == tier);
        let silent = || tiers.has(tier).then(|| format!("{tier}: no match"));
        of_tier.next().map(by).or_else(silent)
    };
    let (admin, baseline) = (passed(ClusterTier::Admin), || passed(ClusterTier::Baseline));
    let open = || Some(NOT_ISOLATED.to_owned());
    let one = |text: &str| vec![Some(text.to_owned())];
    let steps = match &decision.because {
        Because::NoSubject => one("no policy applies"),
        Because::Host(reason) => vec![Some(host(reason))],
        Because::Loopback => one("stays inside of its source"),
        Because::OwnAddress => one("own address"),
        Because::ClusterRule(rule) => match rule.tier {
            ClusterTier::Admin => vec![Some(by(rule))],
            ClusterTier::Baseline => vec![admin, open(), Some(by(rule))],
        },
        Because::LocalNode { .. } => vec![admin, Some("NetworkPolicy: own node".to_owned())],
        Because::OwnService { .. } => vec![admin, Some("NetworkPolicy: own Service".to_owned())],
        Because::Rules { allowed_by } => vec![admin, Some(allowed(allowed_by))],
        Because::NoRuleMatched { isolated_by, .. } => vec![admin, Some(isolated(isolated_by))],
        Because::AddressUnknown {
            cluster_rules,
            rules,
            ..
        } => unknown(admin, cluster_rules, rules),
        Because::NotIsolated => vec![admin, open(), baseline()],
    };
    steps.into_iter().flatten().collect()
}

const NOT_ISOLATED: &str = "NetworkPolicy: not isolated";

/// `Admin: Deny by ClusterNetworkPolicy/base egress[0]`
fn by(rule: &ClusterRuleRef) -> String {
    format!("{}: {}", rule.tier, rule.deed())
}

fn allowed(rules: &[RuleRef]) -> String {
    match rules {
        [] => "NetworkPolicy: a rule".to_owned(),
        [rule] => format!("NetworkPolicy: {}", name(rule)),
        [first, rest @ ..] => {
            format!("NetworkPolicy: {} and {} more", name(first), rest.len())
        }
    }
}

/// `default/allow-dns egress[1]`
pub(super) fn name(rule: &RuleRef) -> String {
    format!("{} {}[{}]", rule.policy.name, rule.direction, rule.index)
}

fn isolated(policies: &[PolicyRef]) -> String {
    let by = match policies {
        [policy] => policy.name.to_string(),
        several => format!("{} policies", several.len()),
    };
    format!("NetworkPolicy: isolated by {by}, no rule matches")
}

/// `HostFirewall: workers ingress[0]`
fn host(reason: &HostReason) -> String {
    match reason {
        HostReason::Itself => "HostFirewall: the node itself".to_owned(),
        HostReason::OtherProtocol => "HostFirewall: not judged".to_owned(),
        HostReason::Rules { allowed_by } => match allowed_by.as_slice() {
            [] => "HostFirewall: a rule".to_owned(),
            [first, ..] => {
                let HostRuleRef {
                    firewall, index, ..
                } = first;
                format!("HostFirewall: {} ingress[{index}]", firewall.name)
            }
        },
        HostReason::Failsafe { .. } => "HostFirewall: failsafe port".to_owned(),
        HostReason::AddressUnknown { .. } => "HostFirewall: unknown address".to_owned(),
        HostReason::NoRuleMatched { closed_by, .. } => {
            let names: Vec<&str> = closed_by.iter().map(|by| by.name.as_str()).collect();
            format!(
                "HostFirewall: closed by {}, no rule matches",
                names.join(", ")
            )
        }
    }
}

/// The tiers up to the last one that may decide.
fn unknown(
    admin: Option<String>,
    cluster_rules: &[ClusterRuleRef],
    rules: &[RuleRef],
) -> Vec<Option<String>> {
    let maybe = |tier| {
        let mut of_tier = cluster_rules.iter().filter(|rule| rule.tier == tier);
        of_tier.next().map(|rule| format!("{} perhaps", by(rule)))
    };
    let of_policies = rules
        .first()
        .map(|rule| format!("NetworkPolicy: {} perhaps", name(rule)));
    let baseline = maybe(ClusterTier::Baseline);
    let open = || NOT_ISOLATED.to_owned();
    let of_policies = of_policies.or_else(|| baseline.as_ref().map(|_| open()));
    vec![maybe(ClusterTier::Admin).or(admin), of_policies, baseline]
}
