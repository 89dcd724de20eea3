//! Why a direction was decided as it was: a headline, and the lines of manifests behind it.

use std::fmt;

use ringfence_model::{
    Because, ClusterRuleRef, Direction, DirectionDecision, DirectionVerdict, JudgedRule, Match,
    Party, PolicyRef, RuleRef, Source,
};

use crate::inputs::manifests::POD_CIDR_HINT;
use crate::output::plain::plain;

/// A reason in words.
#[derive(Debug)]
pub(crate) struct Told {
    /// `yes`, `no` or `perhaps`.
    pub(crate) verdict: &'static str,
    pub(crate) headline: String,
    pub(crate) lines: Vec<Line>,
}

/// A policy or rule, and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) source: Option<Source>,
}

pub(crate) fn told(decision: &DirectionDecision) -> Told {
    let (word, verdict) = match decision.verdict {
        DirectionVerdict::Allow => ("allowed", "yes"),
        DirectionVerdict::Deny => ("denied", "no"),
        DirectionVerdict::Unknown => ("unknown", "perhaps"),
    };
    let end = match decision.direction {
        Direction::Egress => "Egress",
        Direction::Ingress => "Ingress",
    };
    let passed = decision
        .passed
        .iter()
        .map(|rule| cluster_line(rule, "passes on: "));
    Told {
        verdict,
        headline: format!(
            "{end} {word}: {}",
            summary(&decision.because, decision.direction)
        ),
        lines: passed.chain(lines(&decision.because)).collect(),
    }
}

/// The reason in one line: `ingress denied: isolated by shop/closed (shop.yaml:12:1), and no rule matches`.
pub(crate) fn one_line(decision: &DirectionDecision) -> String {
    let told = told(decision);
    let headline = told.headline.to_lowercase();
    let isolating = isolating_lines(&decision.because);
    let (shown, last) = if isolating.is_empty() {
        (told.lines.as_slice(), "")
    } else {
        (isolating.as_slice(), ", and no rule matches")
    };
    let Some((verdict, _)) = headline.split_once(": ").filter(|_| !shown.is_empty()) else {
        return headline;
    };
    let more = shown.len().saturating_sub(SHOWN);
    let mut words: Vec<String> = shown.iter().take(SHOWN).map(Line::to_string).collect();
    words.extend((more > 0).then(|| format!("{more} more")));
    let by = if last.is_empty() { "" } else { "isolated by " };
    format!("{verdict}: {by}{}{last}", words.join(", "))
}

/// How many lines of a reason are named in one line.
const SHOWN: usize = 3;

/// The policies of a refusal that no rule lifts.
fn isolating_lines(because: &Because) -> Vec<Line> {
    match because {
        Because::NoRuleMatched { isolated_by, .. } => isolated_by
            .iter()
            .map(|policy| Line {
                text: plain(&policy.name.to_string()),
                source: policy.source.clone(),
            })
            .collect(),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::ClusterRule(_)
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => Vec::new(),
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        let source = self.source.as_ref();
        source.map_or(Ok(()), |source| write!(f, " ({source})"))
    }
}

/// The reason without names.
fn summary(because: &Because, direction: Direction) -> String {
    let text = match because {
        Because::NoSubject => "policy applies to pods only",
        Because::Host(_) => "a host firewall decides",
        Because::Loopback => "it stays inside the pod",
        Because::OwnAddress => "a pod may always reach itself",
        Because::ClusterRule(_) => "a rule of the cluster decides",
        Because::LocalNode { .. } => "a pod's own node may always reach it",
        Because::OwnService { .. } => "a pod may reach itself through a Service",
        Because::Rules { allowed_by } if allowed_by.len() > 1 => "rules match",
        Because::Rules { .. } => "a rule matches",
        Because::NoRuleMatched { .. } => "isolated, and no rule matches",
        Because::AddressUnknown { of, .. } => {
            let hint = match of {
                Party::Pod { .. } => format!(" ({POD_CIDR_HINT})"),
                Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => String::new(),
            };
            let of = plain(&of.to_string());
            return format!("it depends on the address of {of}, which is not known{hint}");
        }
        Because::NotIsolated => return format!("no policy isolates it for {direction}"),
    };
    text.to_owned()
}

fn lines(because: &Because) -> Vec<Line> {
    match because {
        Because::NoSubject | Because::Loopback | Because::OwnAddress | Because::NotIsolated => {
            Vec::new()
        }
        Because::Host(reason) => vec![Line {
            text: plain(&reason.to_string()),
            source: None,
        }],
        Because::ClusterRule(rule) => vec![cluster_line(rule, "")],
        Because::LocalNode { isolated_by } | Because::OwnService { isolated_by } => {
            isolated_by.iter().map(isolating).collect()
        }
        Because::Rules { allowed_by } => allowed_by.iter().map(rule_line).collect(),
        Because::NoRuleMatched {
            isolated_by, rules, ..
        } => {
            let policies = isolated_by.iter().map(isolating);
            policies.chain(rules.iter().map(judged)).collect()
        }
        Because::AddressUnknown {
            cluster_rules,
            rules,
            ..
        } => {
            let of_cluster = cluster_rules.iter().map(|rule| cluster_line(rule, ""));
            of_cluster.chain(rules.iter().map(rule_line)).collect()
        }
    }
}

fn isolating(policy: &PolicyRef) -> Line {
    Line {
        text: plain(&format!("isolated by {}", policy.name)),
        source: policy.source.clone(),
    }
}

fn rule_line(rule: &RuleRef) -> Line {
    Line {
        text: plain(&rule_name(rule)),
        source: rule.source.clone(),
    }
}

fn rule_name(rule: &RuleRef) -> String {
    format!("{} {}[{}]", rule.policy.name, rule.direction, rule.index)
}

fn judged(judged: &JudgedRule) -> Line {
    let failed = match (judged.peer, judged.port) {
        (Match::No, Match::No) => "neither peer nor port matches",
        (Match::No, Match::Yes | Match::Unknown) => "peer does not match",
        (Match::Yes | Match::Unknown, Match::No) => "port does not match",
        (Match::Unknown, _) | (_, Match::Unknown) => "depends on an unknown address",
        (Match::Yes, Match::Yes) => "matches",
    };
    Line {
        text: plain(&format!("{}: {failed}", rule_name(&judged.rule))),
        source: judged.rule.source.clone(),
    }
}

fn cluster_line(rule: &ClusterRuleRef, before: &str) -> Line {
    let name = rule
        .name
        .as_ref()
        .map(|name| format!(" \"{name}\""))
        .unwrap_or_default();
    let (tier, deed) = (rule.tier, rule.deed());
    Line {
        text: plain(&format!("{before}{tier} {deed}{name}")),
        source: rule.source.clone(),
    }
}
