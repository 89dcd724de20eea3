//! Rule Q-10: one direction of one connection attempt, for the pod that policy protects.

use ringfence_model::{
    Because, Cluster, Direction, DirectionDecision, DirectionVerdict, JudgedRule, Match,
    NetworkPolicy, Party, Pod, PolicyRef, RuleRef,
};
use ringfence_net::IpProtocol;

use crate::node::{has_local_node, is_local_node};
use crate::peer::peers_match;
use crate::port::ports_match;
use crate::selector::selects;

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

/// the steps in order; the first that has an answer decides.
pub(crate) fn decide(attempt: &Attempt<'_>) -> DirectionDecision {
    own_address(attempt)
        .or_else(|| network_policy_tier(attempt))
        .unwrap_or_else(|| conclude(attempt, DirectionVerdict::Allow, Because::NotIsolated))
}

/// Q-10 step 1, NP-60: a pod that dials its own address is never judged.
fn own_address(attempt: &Attempt<'_>) -> Option<DirectionDecision> {
    (attempt.is_self() && !attempt.dialled.via_service)
        .then(|| conclude(attempt, DirectionVerdict::Allow, Because::OwnAddress))
}

/// Q-10 step 3: final if any NetworkPolicy isolates the pod in this direction (NP-2), silent otherwise.
fn network_policy_tier(attempt: &Attempt<'_>) -> Option<DirectionDecision> {
    let isolating = isolating_policies(attempt);
    if isolating.is_empty() {
        return None;
    }
    let isolated_by = isolating
        .iter()
        .map(|policy| PolicyRef::of(policy))
        .collect();
    Some(if is_exempt_local_node(attempt) {
        conclude(
            attempt,
            DirectionVerdict::Allow,
            Because::LocalNode { isolated_by },
        )
    } else if attempt.is_self() {
        conclude(
            attempt,
            DirectionVerdict::Allow,
            Because::OwnService { isolated_by },
        )
    } else {
        union_of_rules(attempt, &isolating, isolated_by)
    })
}

/// NP-1, NP-2: the policies of the pod's namespace that select it and isolate in this direction,
/// in order of name.
fn isolating_policies<'a>(attempt: &Attempt<'a>) -> Vec<&'a NetworkPolicy> {
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
) -> DirectionDecision {
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
    match Match::any(judged.iter().map(JudgedRule::matches)) {
        Match::Yes => conclude(
            attempt,
            DirectionVerdict::Allow,
            Because::Rules {
                allowed_by: having(Match::Yes),
            },
        ),
        Match::Unknown => conclude(
            attempt,
            DirectionVerdict::Unknown,
            Because::AddressUnknown {
                of: attempt.peer.clone(),
                cluster_rules: Vec::new(),
                rules: having(Match::Unknown),
            },
        ),
        Match::No => conclude(
            attempt,
            DirectionVerdict::Deny,
            Because::NoRuleMatched {
                isolated_by,
                rules: judged,
                local_node_unknown: local_node_unknown(attempt),
            },
        ),
    }
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

fn conclude(
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
    }
}
