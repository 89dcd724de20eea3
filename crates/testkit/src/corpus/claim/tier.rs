//! What a row says about cluster rules and tiers.

use std::fmt;

use ringfence_model::{
    Because, ClusterPolicyName, ClusterRuleRef, ClusterTier, Direction, DirectionDecision,
};

/// A rule of a cluster-scoped policy, and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRuleClaim {
    /// The policy.
    pub policy: ClusterPolicyName,
    /// The direction.
    pub direction: Direction,
    /// Its place, counted from 0.
    pub index: usize,
    /// What it did.
    pub part: Part,
}

/// What a cluster rule did for a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It decided.
    Decides,
    /// It passed it on.
    Passes,
    /// Whether it matches depends on an address that is not known.
    Open,
}

impl ClusterRuleClaim {
    /// `ClusterNetworkPolicy/base egress[0]`, and `passes` or `depends` after it.
    pub(super) fn parse(words: &[&str]) -> Option<Self> {
        let (policy, place, part) = match words {
            [policy, place] => (policy, place, Part::Decides),
            [policy, place, "passes"] => (policy, place, Part::Passes),
            [policy, place, "depends"] => (policy, place, Part::Open),
            _ => return None,
        };
        let (way, rest) = place.split_once('[')?;
        Some(Self {
            policy: policy.parse().ok()?,
            direction: super::direction(way)?,
            index: rest.strip_suffix(']')?.parse().ok()?,
            part,
        })
    }

    pub(super) fn is_true_of(&self, decision: &DirectionDecision) -> bool {
        let is_meant =
            |rule: &ClusterRuleRef| rule.policy == self.policy && rule.index == self.index;
        let rules: &[ClusterRuleRef] = match self.part {
            Part::Decides => deciding(&decision.because).map_or(&[], std::slice::from_ref),
            Part::Passes => &decision.passed,
            Part::Open => open(&decision.because),
        };
        self.direction == decision.direction && rules.iter().any(is_meant)
    }
}

/// Whether a rule of `tier` decided.
pub(super) fn decides(tier: ClusterTier, decision: &DirectionDecision) -> bool {
    deciding(&decision.because).is_some_and(|rule| rule.tier == tier)
}

/// `Admin` or `Baseline`.
pub(super) fn tier(word: &str) -> Option<ClusterTier> {
    [ClusterTier::Admin, ClusterTier::Baseline]
        .into_iter()
        .find(|tier| tier.to_string() == word)
}

fn deciding(because: &Because) -> Option<&ClusterRuleRef> {
    match because {
        Because::ClusterRule(rule) => Some(rule),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::NoRuleMatched { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => None,
    }
}

fn open(because: &Because) -> &[ClusterRuleRef] {
    match because {
        Because::AddressUnknown { cluster_rules, .. } => cluster_rules,
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::ClusterRule(_)
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::NoRuleMatched { .. }
        | Because::NotIsolated => &[],
    }
}

impl fmt::Display for ClusterRuleClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}[{}]", self.policy, self.direction, self.index)?;
        f.write_str(match self.part {
            Part::Decides => "",
            Part::Passes => " passes",
            Part::Open => " depends",
        })
    }
}
