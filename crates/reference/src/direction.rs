//! Rule Q-10: one direction of one connection attempt, for the pod that policy protects.

use ringfence_model::{
    AuditRef, Because, Cluster, ClusterTier, Direction, DirectionDecision, DirectionVerdict,
    JudgedRule, Match, NetworkPolicy, Party, Pod, PolicyRef, RuleRef,
};
use ringfence_net::IpProtocol;

use crate::course::Course;
use crate::node::{has_local_node, is_local_node};
use crate::peer::peers_match;
use crate::port::ports_match;
use crate::selector::selects;
use crate::tier::tier;

/// What one direction is judged on: a pod, its peer, and what is dialled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) direction: Direction,
    /// The live pod of the pod network that the policies select: source of egress, destination of ingress.
    pub(crate) subject: &'a Pod,
    /// The same as a party.
    pub(crate) own: &'a Party,
    /// The other end.
    pub(crate) peer: &'a Party,
    pub(crate) dialled: Dialled,
    /// Whether policies in audit mode count as if they enforced (rules AU-3, AU-4).
    pub(crate) strict: bool,
}

/// What is dialled, after a Service's target port is resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialled {
    pub(crate) protocol: IpProtocol,
    pub(crate) port: Option<u16>,
    /// Whether it is reached through a Service address (rules Q-8, AM-4).
    pub(crate) via_service: bool,
}

impl Attempt<'_> {
    /// The end that is dialled (rule NP-34).
    pub(crate) fn destination(&self) -> &Party {
        match self.direction {
            Direction::Ingress => self.own,
            Direction::Egress => self.peer,
        }
    }

    fn is_self(&self) -> bool {
        matches!(self.peer, Party::Pod { name, .. } if *name == self.subject.name)
    }
}

/// AU-3: policies in audit mode decide nothing. AU-4: where they would deny it, that is said.
pub(crate) fn decide(attempt: &Attempt<'_>) -> DirectionDecision {
    let by = audited_policies(attempt);
    let decision = judge(attempt);
    if by.is_empty() {
        return decision;
    }
    let strict = Attempt {
        strict: true,
        ..*attempt
    };
    decision.beside(by, judge(&strict))
}

/// The policies in audit mode that would isolate the pod in this direction.
fn audited_policies(attempt: &Attempt<'_>) -> Vec<AuditRef> {
    let all = selecting_policies(attempt).into_iter();
    all.filter_map(AuditRef::of).collect()
}

/// the steps in order; the first that has an answer decides. Told from the last one back, because each
/// of the tiers goes on with what comes after it (CN-20).
fn judge(attempt: &Attempt<'_>) -> DirectionDecision {
    if is_own_address(attempt) {
        return conclude(attempt, DirectionVerdict::Allow, Because::OwnAddress);
    }
    let open = conclude(attempt, DirectionVerdict::Allow, Because::NotIsolated);
    let baseline = tier(attempt, ClusterTier::Baseline, &Course::certain(open));
    let network_policy = network_policy_tier(attempt).unwrap_or(baseline);
    tier(attempt, ClusterTier::Admin, &network_policy).settle(attempt.peer)
}

/// Q-10 step 1, NP-60, CN-40: a pod that dials its own address is never judged; through a Service it is.
fn is_own_address(attempt: &Attempt<'_>) -> bool {
    attempt.is_self() && !attempt.dialled.via_service
}

/// Q-10 step 3, CN-26: final if any NetworkPolicy isolates the pod in this direction (NP-2, AM-14), silent otherwise.
fn network_policy_tier(attempt: &Attempt<'_>) -> Option<Course> {
    let isolating = isolating_policies(attempt);
    if isolating.is_empty() {
        return None;
    }
    let isolated_by = isolating
        .iter()
        .map(|policy| PolicyRef::of(policy))
        .collect();
    let allowed = |because| Course::certain(conclude(attempt, DirectionVerdict::Allow, because));
    Some(if is_exempt_local_node(attempt) {
        allowed(Because::LocalNode { isolated_by })
    } else if attempt.is_self() {
        allowed(Because::OwnService { isolated_by })
    } else {
        union_of_rules(attempt, &isolating, isolated_by)
    })
}

/// NP-2: those that isolate the pod in this direction. AU-3: in audit mode a policy does not.
fn isolating_policies<'a>(attempt: &Attempt<'a>) -> Vec<&'a NetworkPolicy> {
    let all = selecting_policies(attempt).into_iter();
    all.filter(|policy| attempt.strict || AuditRef::of(policy).is_none())
        .collect()
}

/// NP-1, NP-3: the policies of the pod's namespace that select it and speak of this direction, in order of name.
fn selecting_policies<'a>(attempt: &Attempt<'a>) -> Vec<&'a NetworkPolicy> {
    let policies = attempt.cluster.network_policies.values();
    policies
        .filter(|policy| isolates(policy, attempt.direction))
        .filter(|policy| policy.name.namespace == attempt.subject.name.namespace)
        .filter(|policy| selects(&policy.pod_selector, &attempt.subject.labels))
        .collect()
}

/// NP-3: the effective policy types.
fn isolates(policy: &NetworkPolicy, direction: Direction) -> bool {
    match direction {
        Direction::Ingress => policy.isolates_ingress,
        Direction::Egress => policy.isolates_egress,
    }
}

/// NP-50: the pod's own node gets in. NP-52: nothing exempts the way to it. NP-51: nor any other node.
fn is_exempt_local_node(attempt: &Attempt<'_>) -> bool {
    match attempt.direction {
        Direction::Ingress => is_local_node(attempt.cluster, attempt.subject, attempt.peer),
        Direction::Egress => false,
    }
}

/// NP-5: any rule of any isolating policy is enough. NP-4: rules of the other direction do not count.
fn union_of_rules(
    attempt: &Attempt<'_>,
    isolating: &[&NetworkPolicy],
    isolated_by: Vec<PolicyRef>,
) -> Course {
    let judged: Vec<JudgedRule> = isolating
        .iter()
        .flat_map(|policy| judge_rules(attempt, policy))
        .collect();
    let having = |wanted: Match| -> Vec<RuleRef> {
        judged
            .iter()
            .filter(|rule| rule.matches() == wanted)
            .map(|rule| rule.rule.clone())
            .collect()
    };
    let (allowed_by, open) = (having(Match::Yes), having(Match::Unknown));
    if !allowed_by.is_empty() {
        let because = Because::Rules { allowed_by };
        return Course::certain(conclude(attempt, DirectionVerdict::Allow, because));
    }
    let because = Because::NoRuleMatched {
        isolated_by,
        rules: judged,
        local_node_unknown: local_node_unknown(attempt),
    };
    let denied = Course::certain(conclude(attempt, DirectionVerdict::Deny, because));
    if open.is_empty() {
        return denied;
    }
    denied.unless_allowed_by(open)
}

/// OB-16: nobody can be the local node of a pod of which no node is known.
fn local_node_unknown(attempt: &Attempt<'_>) -> bool {
    let peer_may_be_node = match attempt.peer {
        Party::Node { .. } | Party::Other(_) => true,
        Party::Pod { .. } | Party::Loopback(_) => false,
    };
    attempt.direction == Direction::Ingress && peer_may_be_node && !has_local_node(attempt.subject)
}

/// NP-10: peers and ports of each rule of the policy in this direction.
fn judge_rules(attempt: &Attempt<'_>, policy: &NetworkPolicy) -> Vec<JudgedRule> {
    let rules = match attempt.direction {
        Direction::Ingress => &policy.ingress,
        Direction::Egress => &policy.egress,
    };
    let judged = rules.iter().enumerate().map(|(index, rule)| JudgedRule {
        rule: RuleRef {
            policy: PolicyRef::of(policy),
            direction: attempt.direction,
            index,
            source: rule.source.clone(),
        },
        peer: peers_match(rule, attempt),
        port: Match::from(ports_match(rule, attempt)),
    });
    judged.collect()
}

pub(crate) fn conclude(
    attempt: &Attempt<'_>,
    verdict: DirectionVerdict,
    because: Because,
) -> DirectionDecision {
    DirectionDecision {
        direction: attempt.direction,
        subject: attempt.own.clone(),
        verdict,
        passed: Vec::new(),
        because,
        audited: None,
    }
}
