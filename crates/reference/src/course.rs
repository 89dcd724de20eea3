//! Rule AM-22: how one direction may end, when an address that is not known can lead it either way.

use std::collections::BTreeSet;

use ringfence_model::{
    Because, ClusterRuleRef, DirectionDecision, DirectionVerdict, Party, RuleRef,
};

/// What may become of a direction, and the tests that leave it open.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// How it ends if nothing matches that depends on an address that is not known.
    decision: DirectionDecision,
    /// Every verdict it may end with.
    verdicts: BTreeSet<DirectionVerdict>,
    /// The cluster rules that may or may not match, in order of judgement.
    cluster_rules: Vec<ClusterRuleRef>,
    /// The NetworkPolicy rules that may or may not match.
    rules: Vec<RuleRef>,
}

impl Course {
    /// It ends here.
    pub(crate) fn certain(decision: DirectionDecision) -> Self {
        Self {
            verdicts: BTreeSet::from([decision.verdict]),
            decision,
            cluster_rules: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// CN-25: the same, after `rule` has passed it on.
    pub(crate) fn after_passing(mut self, rule: ClusterRuleRef) -> Self {
        self.decision.passed.insert(0, rule);
        self
    }

    /// AM-22: the same, unless `rule` matches after all, which leads to `taken`.
    pub(crate) fn unless(self, rule: ClusterRuleRef, taken: &Self) -> Self {
        let cluster_rules = [vec![rule], self.cluster_rules].concat();
        Self {
            decision: self.decision,
            verdicts: &self.verdicts | &taken.verdicts,
            cluster_rules: united(cluster_rules, &taken.cluster_rules),
            rules: united(self.rules, &taken.rules),
        }
    }

    /// AM-22: the same, unless one of `rules` matches after all, which allows it (rule NP-5).
    pub(crate) fn unless_allowed_by(mut self, rules: Vec<RuleRef>) -> Self {
        self.verdicts.insert(DirectionVerdict::Allow);
        self.rules = rules;
        self
    }

    /// AM-22: the one verdict there is, else unknown, with every test that could have led elsewhere.
    pub(crate) fn settle(self, peer: &Party) -> DirectionDecision {
        if self.verdicts.len() == 1 {
            return self.decision;
        }
        DirectionDecision {
            verdict: DirectionVerdict::Unknown,
            because: Because::AddressUnknown {
                of: peer.clone(),
                cluster_rules: self.cluster_rules,
                rules: self.rules,
            },
            ..self.decision
        }
    }
}

/// `first`, then what `second` adds to it.
fn united<T: Clone + PartialEq>(mut first: Vec<T>, second: &[T]) -> Vec<T> {
    for item in second {
        if !first.contains(item) {
            first.push(item.clone());
        }
    }
    first
}
