//! Rules CN-20 to CN-27 and AM-22: how far judging has come, for all protocols and ports at once.

use ringfence_model::ClusterAction;
use ringfence_net::ConnectionSet;

use crate::class::Reach;

/// What the NetworkPolicies say of a peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Admitted {
    yes: ConnectionSet,
    maybe: ConnectionSet,
}

/// How far judging has come for a peer (rule AM-22: what may come out, beside what certainly does).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Course {
    /// What no rule of the tier has certainly decided.
    open: ConnectionSet,
    /// What may have passed on to the next tier.
    passed: ConnectionSet,
    may_allow: ConnectionSet,
    may_deny: ConnectionSet,
}

impl Admitted {
    /// What rules say of everybody.
    pub(super) fn by_all(connections: ConnectionSet) -> Self {
        Self {
            yes: connections,
            maybe: ConnectionSet::none(),
        }
    }

    pub(super) fn and_yes(&self, connections: &ConnectionSet) -> Self {
        Self {
            yes: self.yes.union(connections),
            maybe: self.maybe.clone(),
        }
    }

    pub(super) fn and_maybe(&self, connections: &ConnectionSet) -> Self {
        Self {
            yes: self.yes.clone(),
            maybe: self.maybe.union(connections),
        }
    }
}

impl Course {
    pub(super) fn begin() -> Self {
        Self {
            open: ConnectionSet::all(),
            passed: ConnectionSet::none(),
            may_allow: ConnectionSet::none(),
            may_deny: ConnectionSet::none(),
        }
    }

    /// A rule that may match adds what it would do, and judging goes on as if it had not.
    pub(super) fn may_match(&self, action: ClusterAction, connections: &ConnectionSet) -> Self {
        let met = self.open.intersection(connections);
        let mut next = self.clone();
        let outcome = match action {
            ClusterAction::Accept => &mut next.may_allow,
            ClusterAction::Deny => &mut next.may_deny,
            ClusterAction::Pass => &mut next.passed,
        };
        *outcome = outcome.union(&met);
        next
    }

    /// CN-21: the first rule that matches decides.
    pub(super) fn matched(&self, action: ClusterAction, connections: &ConnectionSet) -> Self {
        let open = self.open.difference(connections);
        Self {
            open,
            ..self.may_match(action, connections)
        }
    }

    /// CN-25, CN-27: what no rule matched goes on like what was passed.
    pub(super) fn next_tier(&self) -> Self {
        Self {
            open: self.open.union(&self.passed),
            passed: ConnectionSet::none(),
            ..self.clone()
        }
    }

    /// Q-10 step 3, CN-26: the NetworkPolicies have the last word.
    pub(super) fn isolated(&self, admitted: &Admitted) -> Self {
        let possible = admitted.yes.union(&admitted.maybe);
        Self {
            open: ConnectionSet::none(),
            passed: ConnectionSet::none(),
            may_allow: self.may_allow.union(&self.open.intersection(&possible)),
            may_deny: self.may_deny.union(&self.open.difference(&admitted.yes)),
        }
    }

    /// Q-10 step 5.
    pub(super) fn default_allow(&self) -> Self {
        let last = self.next_tier();
        Self {
            open: ConnectionSet::none(),
            may_allow: last.may_allow.union(&last.open),
            ..last
        }
    }

    /// AM-22: one possible verdict is the verdict; of two neither is known.
    pub(super) fn reach(&self) -> Reach {
        Reach {
            allowed: self.may_allow.difference(&self.may_deny),
            unknown: self.may_allow.intersection(&self.may_deny),
        }
    }
}
