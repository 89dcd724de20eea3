//! Rules Q-10, CN-20 to CN-27 and AM-22: the tiers one after the other, with every verdict that may come out.

use std::collections::BTreeSet;

use ringfence_model::{
    Because, ClusterAction, ClusterPeer, ClusterPolicy, ClusterRule, ClusterRuleRef, ClusterTier,
    DirectionDecision, DirectionVerdict, JudgedRule, Match, NetworkPolicy, PolicyRef, RuleRef,
};

use super::direction::Attempt;
use super::peer::matches_or_absent;
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
        let judged: Vec<JudgedRule> = isolating
            .iter()
            .flat_map(|policy| self.judge_rules(policy))
            .collect();
        match Match::any(judged.iter().map(JudgedRule::matches)) {
            Match::Yes => {
                let allowed_by = having(&judged, Match::Yes);
                self.arrive(DirectionVerdict::Allow, Because::Rules { allowed_by });
            }
            Match::Unknown => {
                self.open_rules = having(&judged, Match::Unknown);
                self.possible.insert(DirectionVerdict::Allow);
                self.possible.insert(DirectionVerdict::Deny);
            }
            Match::No => {
                let because = Because::NoRuleMatched {
                    isolated_by,
                    rules: judged,
                    local_node_unknown: self.attempt.local_node_unknown(),
                };
                self.arrive(DirectionVerdict::Deny, because);
            }
        }
    }

    /// NP-10: peers and ports of each rule of the policy in this direction.
    fn judge_rules(&self, policy: &NetworkPolicy) -> Vec<JudgedRule> {
        let rules = policy.rules(self.attempt.direction).iter().enumerate();
        let judged = rules.map(|(index, rule)| JudgedRule {
            rule: RuleRef {
                policy: PolicyRef::of(policy),
                direction: self.attempt.direction,
                index,
                source: rule.source.clone(),
            },
            peer: self.attempt.peers_match(rule),
            port: Match::from(self.attempt.ports_match(rule)),
        });
        judged.collect()
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

fn having(judged: &[JudgedRule], wanted: Match) -> Vec<RuleRef> {
    let found = judged.iter().filter(|rule| rule.matches() == wanted);
    found.map(|rule| rule.rule.clone()).collect()
}
