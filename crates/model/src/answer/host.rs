//! What decided whether a node lets somebody in (rules HF-*).

use std::fmt;

use super::reason::{Listed, in_parentheses, matching};
use crate::{HostFirewall, Match, Party, Source};

/// What decided, in the order in which it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostReason {
    /// A node reaches itself (rule HF-6).
    Itself,
    /// Neither TCP nor UDP nor SCTP: not judged (rule HF-6).
    OtherProtocol,
    /// Rules match (rule HF-5).
    Rules {
        /// Every rule that matches, in order of firewall and index.
        allowed_by: Vec<HostRuleRef>,
    },
    /// The port stays open until a rule names it (rule HF-7).
    Failsafe {
        /// The firewalls that close the node otherwise.
        closed_by: Vec<HostRef>,
    },
    /// It depends on an address that is not known (rule AM-22).
    AddressUnknown {
        /// Whose address is missing.
        of: Party,
        /// The rules that depend on it.
        rules: Vec<HostRuleRef>,
    },
    /// Firewalls close the node and no rule of theirs matches (rule HF-2).
    NoRuleMatched {
        /// These firewalls, in order of name.
        closed_by: Vec<HostRef>,
        /// Every rule that could have matched, and what of it failed.
        rules: Vec<JudgedHostRule>,
    },
}

/// A HostFirewall and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostRef {
    /// Its name.
    pub name: String,
    /// Where it was written.
    pub source: Option<Source>,
}

/// A rule of a HostFirewall and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostRuleRef {
    /// The firewall.
    pub firewall: HostRef,
    /// The place in its list, counted from 0.
    pub index: usize,
    /// The rule's name, if it has one.
    pub name: Option<String>,
    /// Where the rule was written.
    pub source: Option<Source>,
}

/// How one rule fared: it matches only if both its parts do (rule HF-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedHostRule {
    /// The rule.
    pub rule: HostRuleRef,
    /// Whether `from` matches the peer.
    pub peer: Match,
    /// Whether `ports` matches.
    pub port: Match,
}

impl JudgedHostRule {
    /// Whether both parts match.
    #[must_use]
    pub fn matches(&self) -> Match {
        self.peer.and(self.port)
    }
}

impl HostRef {
    /// The firewall's name and place.
    #[must_use]
    pub fn of(firewall: &HostFirewall) -> Self {
        Self {
            name: firewall.name.clone(),
            source: firewall.source.clone(),
        }
    }
}

impl HostReason {
    /// The rules of the specification that this reason rests on.
    #[must_use]
    pub const fn rule_ids(&self) -> &'static [&'static str] {
        match self {
            Self::Itself | Self::OtherProtocol => &["HF-6"],
            Self::Rules { .. } => &["HF-2", "HF-5"],
            Self::Failsafe { .. } => &["HF-7"],
            Self::AddressUnknown { .. } => &["AM-22"],
            Self::NoRuleMatched { .. } => &["HF-2"],
        }
    }

    /// The firewalls behind it.
    #[must_use]
    pub fn closed_by(&self) -> &[HostRef] {
        match self {
            Self::Failsafe { closed_by } | Self::NoRuleMatched { closed_by, .. } => closed_by,
            Self::Itself
            | Self::OtherProtocol
            | Self::Rules { .. }
            | Self::AddressUnknown { .. } => &[],
        }
    }
}

impl fmt::Display for HostReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => f.write_str("a node may always reach itself (HF-6)"),
            Self::OtherProtocol => {
                f.write_str("host firewalls judge TCP, UDP and SCTP alone (HF-6)")
            }
            Self::Rules { allowed_by } => write!(f, "allowed by {}", Listed(allowed_by)),
            Self::Failsafe { closed_by } => write!(
                f,
                "the port stays open until a rule names it (HF-7), although closed by {}",
                Listed(closed_by)
            ),
            Self::AddressUnknown { of, rules } => write!(
                f,
                "the address of {of} is not known, and {} depends on it",
                Listed(rules)
            ),
            Self::NoRuleMatched { closed_by, rules } => {
                write!(f, "closed by {}; ", Listed(closed_by))?;
                if rules.is_empty() {
                    return f.write_str("there is no rule that could allow it");
                }
                for (place, rule) in rules.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { "; " })?;
                    write!(f, "{rule}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for HostRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostFirewall {}", self.name)?;
        in_parentheses(self.source.as_ref(), f)
    }
}

impl fmt::Display for HostRuleRef {
    /// `HostFirewall workers ingress[0] "metrics" (hosts.yaml:9:5)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "HostFirewall {} ingress[{}]",
            self.firewall.name, self.index
        )?;
        if let Some(name) = &self.name {
            write!(f, " \"{name}\"")?;
        }
        in_parentheses(self.source.as_ref(), f)
    }
}

impl fmt::Display for JudgedHostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}: {}", self.rule, matching(self.peer, self.port))
    }
}
