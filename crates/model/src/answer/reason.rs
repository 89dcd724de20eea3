//! Rule Q-11: why a direction was decided as it was.

use std::fmt;

use super::{HostReason, Match, Party};
use crate::{
    ClusterAction, ClusterPolicyName, ClusterTier, Direction, NetworkPolicy, ObjectName,
    PolicyName, Source, Timestamp,
};

/// The answer of one direction, and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectionDecision {
    /// Egress of the source, or ingress of the destination.
    pub direction: Direction,
    /// The end whose policies were asked.
    pub subject: Party,
    /// The answer.
    pub verdict: DirectionVerdict,
    /// The cluster rules with `Pass` that it met on its way, in order (rule CN-25).
    pub passed: Vec<ClusterRuleRef>,
    /// What led to it.
    pub because: Because,
    /// What would be decided if no policy were in audit mode, where that is worse (rule AU-4).
    pub audited: Option<Box<Audited>>,
}

/// What policies in audit mode would change for the worse (rule AU-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// The policies in audit mode that would judge the pod in this direction, in order of name.
    pub by: Vec<AuditRef>,
    /// What would be decided if they enforced.
    pub decision: DirectionDecision,
}

/// A policy in audit mode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditRef {
    /// Which.
    pub policy: PolicyName,
    /// When it will enforce (rule AU-5).
    pub until: Timestamp,
    /// Where it was written.
    pub source: Option<Source>,
}

impl AuditRef {
    /// A policy, if it is in audit mode.
    #[must_use]
    pub fn of(policy: &NetworkPolicy) -> Option<Self> {
        let mode = policy.audit.filter(|mode| mode.is_in_force())?;
        Some(Self {
            policy: PolicyName::Network(policy.name.clone()),
            until: mode.until(),
            source: policy.source.clone(),
        })
    }
}

impl Audited {
    /// When the first of the policies will enforce.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.by.iter().map(|policy| policy.until).min()
    }
}

impl DirectionDecision {
    /// The same, with what `audited` policies would make of it, if that is worse (rule AU-4).
    #[must_use]
    pub fn beside(self, by: Vec<AuditRef>, strict: Self) -> Self {
        let is_worse = strict.verdict < self.verdict;
        let audited = is_worse.then(|| {
            Box::new(Audited {
                by,
                decision: strict,
            })
        });
        Self { audited, ..self }
    }
}

/// The answer of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectionVerdict {
    /// Policy refuses it.
    Deny,
    /// It depends on an address that is not known (rule AM-22).
    Unknown,
    /// Policy lets it pass.
    Allow,
}

/// What decided a direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// The end is no live pod of the pod network, so it has no policy (rules Q-9, NP-53).
    NoSubject,
    /// The connection stays inside its source (rule NP-61).
    Loopback,
    /// The pod dials its own address (rule NP-60).
    OwnAddress,
    /// The first rule of a cluster tier that matches decides (rules CN-21, CN-23, CN-24).
    ClusterRule(ClusterRuleRef),
    /// The pod's own node may always connect to it (rule NP-50).
    LocalNode {
        /// The policies that would have isolated it.
        isolated_by: Vec<PolicyRef>,
    },
    /// The pod reaches itself through a Service (rules NP-62, AM-4).
    OwnService {
        /// The policies that would have isolated it.
        isolated_by: Vec<PolicyRef>,
    },
    /// Rules match (rules NP-5, NP-10).
    Rules {
        /// Every rule that matches, in order of policy and index.
        allowed_by: Vec<RuleRef>,
    },
    /// Policies isolate the pod and no rule of theirs matches (rule NP-2).
    NoRuleMatched {
        /// These policies, in order of name.
        isolated_by: Vec<PolicyRef>,
        /// Every rule that could have matched, and what of it failed.
        rules: Vec<JudgedRule>,
        /// Whether the pod's node is unknown, so that rule NP-50 could not apply (rule OB-16).
        local_node_unknown: bool,
    },
    /// It depends on an address that is not known (rule AM-22).
    AddressUnknown {
        /// Whose address is missing.
        of: Party,
        /// The cluster rules that depend on it, in order of judgement.
        cluster_rules: Vec<ClusterRuleRef>,
        /// The NetworkPolicy rules that depend on it.
        rules: Vec<RuleRef>,
    },
    /// No NetworkPolicy isolates the pod in this direction and no cluster rule decides (rules NP-2, Q-10).
    NotIsolated,
    /// The end is a node that host firewalls close (rule HF-2).
    Host(HostReason),
}

/// A policy and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyRef {
    /// Namespace and name.
    pub name: ObjectName,
    /// Where it was written.
    pub source: Option<Source>,
}

/// A rule of a policy and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleRef {
    /// The policy.
    pub policy: PolicyRef,
    /// In which of its two lists.
    pub direction: Direction,
    /// The place in that list, counted from 0.
    pub index: usize,
    /// Where it was written.
    pub source: Option<Source>,
}

/// A rule of a cluster-scoped policy and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterRuleRef {
    /// The policy.
    pub policy: ClusterPolicyName,
    /// Its tier.
    pub tier: ClusterTier,
    /// In which of its two lists.
    pub direction: Direction,
    /// The place in that list, counted from 0.
    pub index: usize,
    /// The rule's name, if it has one.
    pub name: Option<String>,
    /// What it does, as written. A rule with an unknown kind of peer denies instead of passing on (rule CN-38).
    pub action: ClusterAction,
    /// Where the rule was written.
    pub source: Option<Source>,
}

/// How one rule fared: a rule matches only if both its parts do (rule NP-10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedRule {
    /// The rule.
    pub rule: RuleRef,
    /// Whether `from` or `to` matches the peer.
    pub peer: Match,
    /// Whether `ports` matches.
    pub port: Match,
}

impl JudgedRule {
    /// NP-10: both parts must match.
    #[must_use]
    pub fn matches(&self) -> Match {
        self.peer.and(self.port)
    }
}

impl PolicyRef {
    /// The policy's name and place.
    #[must_use]
    pub fn of(policy: &NetworkPolicy) -> Self {
        Self {
            name: policy.name.clone(),
            source: policy.source.clone(),
        }
    }
}

impl Because {
    /// The rules of the specification that this reason rests on.
    #[must_use]
    pub const fn rule_ids(&self) -> &'static [&'static str] {
        match self {
            Self::NoSubject => &["Q-9", "NP-53"],
            Self::Loopback => &["NP-61"],
            Self::OwnAddress => &["NP-60"],
            Self::ClusterRule(_) => &["CN-21", "CN-30"],
            Self::LocalNode { .. } => &["NP-50", "AM-2"],
            Self::OwnService { .. } => &["NP-62", "AM-4"],
            Self::Rules { .. } => &["NP-5", "NP-10"],
            Self::NoRuleMatched { .. } => &["NP-2", "NP-10"],
            Self::AddressUnknown { .. } => &["AM-22"],
            Self::NotIsolated => &["NP-2", "Q-10"],
            Self::Host(reason) => reason.rule_ids(),
        }
    }
}

impl fmt::Display for DirectionDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            DirectionVerdict::Allow => "allowed",
            DirectionVerdict::Deny => "denied",
            DirectionVerdict::Unknown => "unknown",
        };
        let preposition = match self.direction {
            Direction::Ingress => "to",
            Direction::Egress => "from",
        };
        let Self {
            direction,
            subject,
            because,
            ..
        } = self;
        write!(f, "{verdict}: {direction} {preposition} {subject}: ")?;
        for rule in &self.passed {
            write!(f, "{rule} passes on; ")?;
        }
        match because {
            Because::NotIsolated => write!(f, "no policy isolates it for {direction}"),
            Because::NoSubject
            | Because::Loopback
            | Because::OwnAddress
            | Because::ClusterRule(_)
            | Because::LocalNode { .. }
            | Because::OwnService { .. }
            | Because::Rules { .. }
            | Because::NoRuleMatched { .. }
            | Because::AddressUnknown { .. }
            | Because::Host(_) => write!(f, "{because}"),
        }?;
        match &self.audited {
            Some(audited) => write!(f, "; {audited}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Audited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.decision.verdict {
            DirectionVerdict::Allow => "allowed",
            DirectionVerdict::Deny => "denied",
            DirectionVerdict::Unknown => "unknown",
        };
        write!(
            f,
            "audited: it would be {verdict}: {}",
            self.decision.because
        )?;
        match self.until() {
            Some(until) => write!(f, "; passes until {until}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSubject => f.write_str("policy applies to pods on the pod network only"),
            Self::Loopback => f.write_str("the connection stays inside its source (NP-61)"),
            Self::OwnAddress => f.write_str("a pod may always reach its own address (NP-60)"),
            Self::ClusterRule(rule) => write!(f, "decided by {rule}"),
            Self::LocalNode { isolated_by } => write!(
                f,
                "a pod's own node may always reach it (NP-50), although isolated by {}",
                Listed(isolated_by)
            ),
            Self::OwnService { isolated_by } => write!(
                f,
                "a pod may reach itself through a Service (NP-62), although isolated by {}",
                Listed(isolated_by)
            ),
            Self::Rules { allowed_by } => write!(f, "allowed by {}", Listed(allowed_by)),
            Self::NoRuleMatched {
                isolated_by,
                rules,
                local_node_unknown,
            } => {
                write!(
                    f,
                    "isolated by {}; {}",
                    Listed(isolated_by),
                    Failures(rules)
                )?;
                if *local_node_unknown {
                    f.write_str("; the pod's node is not known, so NP-50 cannot apply")?;
                }
                Ok(())
            }
            Self::AddressUnknown {
                of,
                cluster_rules,
                rules,
            } => {
                write!(f, "the address of {of} is not known, and ")?;
                let both = !cluster_rules.is_empty() && !rules.is_empty();
                let separator = if both { ", " } else { "" };
                let (first, second) = (Listed(cluster_rules), Listed(rules));
                write!(f, "{first}{separator}{second} depends on it")
            }
            Self::NotIsolated => f.write_str("no policy isolates it"),
            Self::Host(reason) => write!(f, "{reason}"),
        }
    }
}

impl fmt::Display for PolicyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        in_parentheses(self.source.as_ref(), f)
    }
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}[{}]", self.policy.name, self.direction, self.index)?;
        in_parentheses(self.source.as_ref(), f)
    }
}

impl ClusterRuleRef {
    /// What it does, as written, and which rule it is: `Deny by ClusterNetworkPolicy/base egress[0]`.
    #[must_use]
    pub fn deed(&self) -> String {
        let Self {
            policy,
            direction,
            index,
            action,
            ..
        } = self;
        let action = action.written_in(policy.kind);
        format!("{action} by {policy} {direction}[{index}]")
    }
}

impl fmt::Display for ClusterRuleRef {
    /// `Admin Deny by ClusterNetworkPolicy/base egress[0] "no-metadata" (base.yaml:9:5)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tier, self.deed())?;
        if let Some(name) = &self.name {
            write!(f, " \"{name}\"")?;
        }
        in_parentheses(self.source.as_ref(), f)
    }
}

/// What a rule with such a peer and port is to a connection, in words.
pub(super) const fn matching(peer: Match, port: Match) -> &'static str {
    match (peer, port) {
        (Match::No, Match::No) => "neither peer nor port matches",
        (Match::No, Match::Yes | Match::Unknown) => "peer does not match",
        (Match::Yes | Match::Unknown, Match::No) => "port does not match",
        (Match::Unknown, _) | (_, Match::Unknown) => "depends on an unknown address",
        (Match::Yes, Match::Yes) => "matches",
    }
}

impl fmt::Display for JudgedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}: {}", self.rule, matching(self.peer, self.port))
    }
}

pub(super) fn in_parentheses(source: Option<&Source>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    source.map_or(Ok(()), |source| write!(f, " ({source})"))
}

/// Items with commas between them.
pub(super) struct Listed<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, item) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{item}")?;
        }
        Ok(())
    }
}

/// What became of each rule, or that there was none.
struct Failures<'a>(&'a [JudgedRule]);

impl fmt::Display for Failures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("there is no rule that could allow it");
        }
        for (place, failure) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{failure}")?;
        }
        Ok(())
    }
}
