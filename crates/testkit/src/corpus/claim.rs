//! What a row says about the reasons.
//!
//! | claim | it holds if |
//! | --- | --- |
//! | `NP-12` | the rule exists; NP-50, NP-60, NP-61, NP-62 and AM-22 must also have decided an end |
//! | `shop/db ingress[0]` | this rule allows it |
//! | `shop/db ingress[0] peer` | this rule could have allowed it, but its peers do not match; likewise `port`, `both` |
//! | `shop/db ingress` | this policy isolates the end, and the direction is denied |
//! | `ClusterNetworkPolicy/base egress[0]` | this cluster rule decides; likewise of the other two kinds |
//! | `ClusterNetworkPolicy/base egress[0] passes` | this cluster rule passed it on |
//! | `ClusterNetworkPolicy/base egress[0] depends` | this cluster rule may or may not match, which leaves it unknown |
//! | `ingress Admin`, `ingress Baseline` | a cluster rule of this tier decides |
//! | `ingress open` | no policy isolates the end in this direction, and no cluster rule decides |
//! | `ingress audited shop/db` | it passes, and this policy, which is in audit mode, would isolate the end and deny it |
//! | `ingress unaudited` | policies in audit mode would not change the decision for the worse |
//! | `ingress nobody` | the end is no pod that policy applies to |
//! | `"words"` | the explanation contains these words |

pub mod tier;

use std::fmt;

use ringfence_model::{
    Answer, Audited, Because, ClusterTier, Direction, DirectionDecision, Match, ObjectName,
    PolicyName, QueryError,
};

use self::tier::ClusterRuleClaim;

/// One claim of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A rule of the specification.
    RuleId(String),
    /// A policy's rule that allows, or that fails in a given part.
    Rule {
        /// The policy.
        policy: ObjectName,
        /// The direction.
        direction: Direction,
        /// Its place, counted from 0.
        index: usize,
        /// What of it fails; `None` if it allows.
        fails: Option<Failing>,
    },
    /// A policy that isolates an end, which is denied.
    Isolates(ObjectName, Direction),
    /// A cluster rule that decides, passes on or depends.
    ClusterRule(ClusterRuleClaim),
    /// A cluster rule of this tier decides.
    Tier(Direction, ClusterTier),
    /// Nothing isolates the end, and no cluster rule decides.
    Open(Direction),
    /// The end has no policy.
    Nobody(Direction),
    /// A policy in audit mode would deny it.
    Audited(ObjectName, Direction),
    /// No policy in audit mode would.
    Unaudited(Direction),
    /// Words of the explanation.
    Words(String),
}

/// The part of a rule that does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// `from` or `to` alone.
    Peer,
    /// `ports` alone.
    Port,
    /// Both.
    Both,
}

/// Rules that decide by themselves: a row that names one claims that it did.
pub const DECIDING: [&str; 5] = ["NP-50", "NP-60", "NP-61", "NP-62", "AM-22"];

impl Claim {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(words) = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
        {
            return Ok(Self::Words(words.to_owned()));
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        if let Some(claim) = ClusterRuleClaim::parse(&words) {
            return Ok(Self::ClusterRule(claim));
        }
        let unknown = || format!("`{text}` is no claim");
        match words.as_slice() {
            [id] if is_rule_id(id) => Ok(Self::RuleId((*id).to_owned())),
            [way, "open"] => direction(way).map(Self::Open).ok_or_else(unknown),
            [way, "unaudited"] => direction(way).map(Self::Unaudited).ok_or_else(unknown),
            [way, "audited", policy] => audited(way, policy).ok_or_else(unknown),
            [way, "nobody"] => direction(way).map(Self::Nobody).ok_or_else(unknown),
            [way, word] if tier::tier(word).is_some() => direction(way)
                .zip(tier::tier(word))
                .map(|(way, tier)| Self::Tier(way, tier))
                .ok_or_else(unknown),
            [policy, place] => about_policy(policy, place, None).ok_or_else(unknown),
            [policy, place, part] => failing(part)
                .and_then(|part| about_policy(policy, place, Some(part)))
                .ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }

    /// Whether the claim says more than that a rule exists.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        match self {
            Self::RuleId(id) => DECIDING.contains(&id.as_str()),
            Self::Rule { .. }
            | Self::Isolates(..)
            | Self::ClusterRule(_)
            | Self::Tier(..)
            | Self::Open(_)
            | Self::Nobody(_)
            | Self::Audited(..)
            | Self::Unaudited(_)
            | Self::Words(_) => true,
        }
    }

    /// Whether the claim is true of what the reference answers.
    #[must_use]
    pub fn holds(&self, answer: &Result<Answer, QueryError>) -> bool {
        match (self, answer) {
            (Self::RuleId(_), _) if !self.is_checked() => true,
            (Self::Words(words), Ok(answer)) => answer.to_string().contains(words),
            (Self::Words(words), Err(error)) => error.to_string().contains(words),
            (_, Ok(answer)) => directions(answer).any(|decision| self.is_true_of(decision)),
            (_, Err(_)) => false,
        }
    }

    fn is_true_of(&self, decision: &DirectionDecision) -> bool {
        match self {
            Self::RuleId(id) => decision.because.rule_ids().contains(&id.as_str()),
            Self::Open(way) => {
                *way == decision.direction && decision.because == Because::NotIsolated
            }
            Self::Audited(policy, way) => {
                let audited = decision.audited.as_ref();
                *way == decision.direction && audited.is_some_and(|it| is_by(it, policy))
            }
            Self::Unaudited(way) => *way == decision.direction && decision.audited.is_none(),
            Self::Nobody(way) => {
                *way == decision.direction && decision.because == Because::NoSubject
            }
            Self::ClusterRule(claim) => claim.is_true_of(decision),
            Self::Tier(way, tier) => *way == decision.direction && tier::decides(*tier, decision),
            Self::Isolates(policy, way) => {
                *way == decision.direction && isolated_by(&decision.because, policy)
            }
            Self::Rule {
                policy,
                direction,
                index,
                fails,
            } => {
                *direction == decision.direction
                    && rule_fared(&decision.because, policy, *index, *fails)
            }
            Self::Words(_) => false,
        }
    }
}

fn directions(answer: &Answer) -> impl Iterator<Item = &DirectionDecision> {
    answer
        .connections
        .iter()
        .flat_map(|connection| [&connection.egress, &connection.ingress])
}

fn is_by(audited: &Audited, policy: &ObjectName) -> bool {
    let name = PolicyName::Network(policy.clone());
    audited.by.iter().any(|by| by.policy == name) && isolated_by(&audited.decision.because, policy)
}

fn isolated_by(because: &Because, policy: &ObjectName) -> bool {
    match because {
        Because::NoRuleMatched { isolated_by, .. } => {
            isolated_by.iter().any(|found| found.name == *policy)
        }
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::ClusterRule(_)
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => false,
    }
}

fn rule_fared(
    because: &Because,
    policy: &ObjectName,
    index: usize,
    fails: Option<Failing>,
) -> bool {
    match because {
        Because::Rules { allowed_by } => {
            fails.is_none()
                && allowed_by
                    .iter()
                    .any(|rule| rule.policy.name == *policy && rule.index == index)
        }
        Because::NoRuleMatched { rules, .. } => rules.iter().any(|judged| {
            judged.rule.policy.name == *policy
                && judged.rule.index == index
                && fails.is_some_and(|part| fails_in(part, judged.peer, judged.port))
        }),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::ClusterRule(_)
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => false,
    }
}

fn fails_in(part: Failing, peer: Match, port: Match) -> bool {
    let (no_peer, no_port) = (peer == Match::No, port == Match::No);
    match part {
        Failing::Peer => no_peer && !no_port,
        Failing::Port => no_port && !no_peer,
        Failing::Both => no_peer && no_port,
    }
}

/// `NP-12`: an area in capitals and a number.
#[must_use]
pub fn is_rule_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        !area.is_empty()
            && area.chars().all(|c| c.is_ascii_uppercase())
            && number.parse::<u16>().is_ok()
    })
}

fn direction(word: &str) -> Option<Direction> {
    Direction::ALL
        .into_iter()
        .find(|direction| direction.to_string() == word)
}

fn failing(word: &str) -> Option<Failing> {
    match word {
        "peer" => Some(Failing::Peer),
        "port" => Some(Failing::Port),
        "both" => Some(Failing::Both),
        _ => None,
    }
}

fn audited(way: &str, policy: &str) -> Option<Claim> {
    Some(Claim::Audited(policy.parse().ok()?, direction(way)?))
}

/// `shop/db ingress` or `shop/db ingress[0]`.
fn about_policy(policy: &str, place: &str, fails: Option<Failing>) -> Option<Claim> {
    let policy: ObjectName = policy.parse().ok()?;
    let Some((way, rest)) = place.split_once('[') else {
        let isolates = direction(place).map(|way| Claim::Isolates(policy, way));
        return isolates.filter(|_| fails.is_none());
    };
    let index = rest.strip_suffix(']')?.parse().ok()?;
    Some(Claim::Rule {
        policy,
        direction: direction(way)?,
        index,
        fails,
    })
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuleId(id) => f.write_str(id),
            Self::ClusterRule(claim) => claim.fmt(f),
            Self::Tier(way, tier) => write!(f, "{way} {tier}"),
            Self::Open(way) => write!(f, "{way} open"),
            Self::Nobody(way) => write!(f, "{way} nobody"),
            Self::Audited(policy, way) => write!(f, "{way} audited {policy}"),
            Self::Unaudited(way) => write!(f, "{way} unaudited"),
            Self::Isolates(policy, way) => write!(f, "{policy} {way}"),
            Self::Words(words) => write!(f, "\"{words}\""),
            Self::Rule {
                policy,
                direction,
                index,
                fails,
            } => {
                write!(f, "{policy} {direction}[{index}]")?;
                match fails {
                    None => Ok(()),
                    Some(Failing::Peer) => f.write_str(" peer"),
                    Some(Failing::Port) => f.write_str(" port"),
                    Some(Failing::Both) => f.write_str(" both"),
                }
            }
        }
    }
}
