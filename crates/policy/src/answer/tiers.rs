//! Rules Q-10, CN-20 to CN-27 and AM-22: the tiers one after the other, with every verdict that may come out.

use std::collections::BTreeSet;

use ringfence_model::{
    Because, ClusterAction, ClusterPeer, ClusterPolicy, ClusterRule, ClusterRuleRef, ClusterTier,
    DirectionDecision, DirectionVerdict, JudgedRule, Match, NetworkPolicy, PolicyRef, PolicyRule,
    RuleRef,
};

use super::direction::Attempt;
use super::peer::matches_or_absent;
use crate::atoms::Atom;
use crate::index::namespace_labels;

/// How judging goes. A test that is unknown may come out either way, so beside the path on which none of them
/// matches there may be others (rule AM-22).
#[derive(Debug)]
pub(super) struct Course<'a> {
    attempt: &'a Attempt<'a>,
    /// Whether the path on which no unknown test matches is still undecided.
    main: bool,
    /// What that path met.
    passed: Vec<ClusterRuleRef>,
    /// How it ended.
    end: Option<(DirectionVerdict, Because)>,
    /// Every verdict that some path leads to.
    possible: BTreeSet<DirectionVerdict>,
    /// What is unknown on the way, in order of judgement.
    open_cluster_rules: Vec<ClusterRuleRef>,
    open_rules: Vec<RuleRef>,
}

/// How a rule fares: of thousands of rules few are told.
struct Fare<'p> {
    policy: &'p NetworkPolicy,
    index: usize,
    rule: &'p PolicyRule,
    peer: Match,
    port: Match,
}

impl<'a> Course<'a> {
    /// Q-10, steps 2 to 5.
    pub(super) fn run(attempt: &'a Attempt<'a>) -> DirectionDecision {
        let mut course = Self {
            attempt,
            main: true,
            passed: Vec::new(),
            end: None,
            possible: BTreeSet::new(),
            open_cluster_rules: Vec::new(),
            open_rules: Vec::new(),
        };
        course.tiers();
        course.conclude()
    }

    fn tiers(&mut self) {
        if !self.cluster_tier(ClusterTier::Admin) {
            return;
        }
        let isolating = self.attempt.isolating_policies();
        if !isolating.is_empty() {
            self.network_policies(&isolating);
        } else if self.cluster_tier(ClusterTier::Baseline) {
            self.arrive(DirectionVerdict::Allow, Because::NotIsolated);
        }
    }

    /// CN-21: first match decides. True if some path leaves the tier undecided: nothing matched, or a Pass (CN-25).
    fn cluster_tier(&mut self, tier: ClusterTier) -> bool {
        let facts = self.attempt.facts;
        let mut passed_on = false;
        let subject = self.attempt.subject;
        let namespace = namespace_labels(facts.cluster, &subject.name.namespace);
        for policy in facts.index.tier(facts.cluster, tier) {
            let scope = &policy.subject;
            let selects = matches_or_absent(scope.namespaces.as_ref(), &namespace)
                && matches_or_absent(scope.pods.as_ref(), &subject.labels);
            if !selects {
                continue;
            }
            for (index, rule) in policy.rules(self.attempt.direction).iter().enumerate() {
                let (matches, action) = self.judge(rule);
                if matches == Match::No {
                    continue;
                }
                let reference = self.reference(policy, index, rule);
                if matches == Match::Unknown {
                    passed_on |= self.may_match(action, reference);
                    continue;
                }
                return self.matches(action, reference) || passed_on;
            }
        }
        true
    }

    /// CN-30: peers and ports must both match. CN-38: with a peer that is not known, an Accept matches nothing, and
    /// anything else denies everything.
    fn judge(&self, rule: &ClusterRule) -> (Match, ClusterAction) {
        if !rule.peers.contains(&ClusterPeer::Unrecognized) {
            let ports = Match::from(self.attempt.cluster_ports_match(rule));
            return (
                self.attempt.cluster_peers_match(rule).and(ports),
                rule.action,
            );
        }
        let matches = match rule.action {
            ClusterAction::Accept => Match::No,
            ClusterAction::Deny | ClusterAction::Pass => Match::Yes,
        };
        (matches, ClusterAction::Deny)
    }

    /// A rule whose match is unknown: what it would do may happen. True if it would pass on.
    fn may_match(&mut self, action: ClusterAction, rule: ClusterRuleRef) -> bool {
        self.open_cluster_rules.push(rule);
        match action {
            ClusterAction::Accept => self.possible.insert(DirectionVerdict::Allow),
            ClusterAction::Deny => self.possible.insert(DirectionVerdict::Deny),
            ClusterAction::Pass => return true,
        };
        false
    }

    /// A rule that matches ends the tier. True if it passes on.
    fn matches(&mut self, action: ClusterAction, rule: ClusterRuleRef) -> bool {
        match action {
            ClusterAction::Accept => {
                self.arrive(DirectionVerdict::Allow, Because::ClusterRule(rule));
            }
            ClusterAction::Deny => self.arrive(DirectionVerdict::Deny, Because::ClusterRule(rule)),
            ClusterAction::Pass => {
                if self.main {
                    self.passed.push(rule);
                }
                return true;
            }
        }
        false
    }

    /// A path ends here; the first to end on rules that are certain is the main one.
    fn arrive(&mut self, verdict: DirectionVerdict, because: Because) {
        self.possible.insert(verdict);
        if self.main {
            self.main = false;
            self.end = Some((verdict, because));
        }
    }

    /// Q-10 step 3: final. NP-50, AM-4: the pod's own node and the pod itself get in.
    fn network_policies(&mut self, isolating: &[&NetworkPolicy]) {
        let isolated_by = isolating.iter().map(|policy| PolicyRef::of(policy));
        let isolated_by: Vec<PolicyRef> = isolated_by.collect();
        if self.attempt.is_exempt_local_node() {
            self.arrive(DirectionVerdict::Allow, Because::LocalNode { isolated_by });
        } else if self.attempt.is_self() {
            self.arrive(DirectionVerdict::Allow, Because::OwnService { isolated_by });
        } else {
            self.union_of_rules(isolating, isolated_by);
        }
    }

    /// NP-5: any rule of any isolating policy is enough.
    fn union_of_rules(&mut self, isolating: &[&NetworkPolicy], isolated_by: Vec<PolicyRef>) {
        let fares = isolating.iter().flat_map(|policy| self.near_fares(policy));
        let fares: Vec<Fare<'_>> = fares.collect();
        match Match::any(fares.iter().map(Fare::matches)) {
            Match::Yes => {
                let allowed_by = self.having(&fares, Match::Yes);
                self.arrive(DirectionVerdict::Allow, Because::Rules { allowed_by });
            }
            Match::Unknown => {
                self.open_rules = self.having(&fares, Match::Unknown);
                self.possible.insert(DirectionVerdict::Allow);
                self.possible.insert(DirectionVerdict::Deny);
            }
            Match::No => {
                let fares = isolating.iter().flat_map(|policy| self.fares(policy));
                let because = Because::NoRuleMatched {
                    isolated_by,
                    rules: fares.map(|fare| self.judged(&fare)).collect(),
                    local_node_unknown: self.attempt.local_node_unknown(),
                };
                self.arrive(DirectionVerdict::Deny, because);
            }
        }
    }

    /// The rules of the policy that may match, where many of them name addresses far from the peer's.
    fn near_fares<'p>(&self, policy: &'p NetworkPolicy) -> Vec<Fare<'p>> {
        let Attempt {
            facts,
            direction,
            peer,
            ..
        } = self.attempt;
        let lists = &facts.index.lists;
        let address = peer.address().map(Atom::from);
        let near = address.and_then(|at| lists.rules_near(policy, *direction, at));
        let Some(near) = near else {
            return self.fares(policy).collect();
        };
        let rules = policy.rules(*direction);
        let near = near.into_iter();
        near.filter_map(|index| Some(self.fare(policy, index, rules.get(index)?)))
            .collect()
    }

    fn fares<'p>(&self, policy: &'p NetworkPolicy) -> impl Iterator<Item = Fare<'p>> {
        let rules = policy.rules(self.attempt.direction).iter().enumerate();
        rules.map(move |(index, rule)| self.fare(policy, index, rule))
    }

    /// NP-10: peers and ports of a rule.
    fn fare<'p>(&self, policy: &'p NetworkPolicy, index: usize, rule: &'p PolicyRule) -> Fare<'p> {
        Fare {
            policy,
            index,
            rule,
            peer: self.attempt.peers_match(policy, index, rule),
            port: Match::from(self.attempt.ports_match(rule)),
        }
    }

    fn judged(&self, fare: &Fare<'_>) -> JudgedRule {
        JudgedRule {
            rule: RuleRef {
                policy: PolicyRef::of(fare.policy),
                direction: self.attempt.direction,
                index: fare.index,
                source: fare.rule.source.clone(),
            },
            peer: fare.peer,
            port: fare.port,
        }
    }

    fn having(&self, fares: &[Fare<'_>], wanted: Match) -> Vec<RuleRef> {
        let found = fares.iter().filter(|fare| fare.matches() == wanted);
        found.map(|fare| self.judged(fare).rule).collect()
    }

    fn reference(
        &self,
        policy: &ClusterPolicy,
        index: usize,
        rule: &ClusterRule,
    ) -> ClusterRuleRef {
        ClusterRuleRef {
            policy: policy.name.clone(),
            tier: policy.tier,
            direction: self.attempt.direction,
            index,
            name: rule.name.clone(),
            action: rule.action,
            source: rule.source.clone(),
        }
    }

    /// AM-22: one possible verdict is the verdict; of several none is known.
    fn conclude(self) -> DirectionDecision {
        let (verdict, because) = match self.end {
            Some(end) if self.possible.len() == 1 => end,
            Some(_) | None => {
                let because = Because::AddressUnknown {
                    of: self.attempt.peer.clone(),
                    cluster_rules: self.open_cluster_rules,
                    rules: self.open_rules,
                };
                (DirectionVerdict::Unknown, because)
            }
        };
        DirectionDecision {
            passed: self.passed,
            ..self.attempt.conclude(verdict, because)
        }
    }
}

impl Fare<'_> {
    fn matches(&self) -> Match {
        self.peer.and(self.port)
    }
}
