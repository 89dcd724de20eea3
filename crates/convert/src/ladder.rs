//! The language that every dialect is read into: rules of policies, in the order in which they are asked.

use ringfence_model::{Direction, IpBlock, PolicyPort};

use crate::term::Scope;

/// Policies and their rules in order. The first rule that matches decides; what no rule matches is denied where a policy
/// isolates, and allowed elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    pub(crate) policies: Vec<Policy>,
    /// Rules of one policy each, in the order in which they are asked.
    pub(crate) rungs: Vec<Rung>,
}

/// A policy.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Which foreign object it was read from; `None` for a NetworkPolicy of Kubernetes, which stays what it is.
    pub(crate) object: Option<usize>,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    /// The pods that it selects: those of any scope.
    pub(crate) subject: Vec<Scope>,
    pub(crate) isolates_ingress: bool,
    pub(crate) isolates_egress: bool,
}

impl Policy {
    pub(crate) const fn isolates(&self, direction: Direction) -> bool {
        match direction {
            Direction::Ingress => self.isolates_ingress,
            Direction::Egress => self.isolates_egress,
        }
    }
}

/// Rules of a policy that are asked together.
#[derive(Clone, Debug)]
pub(crate) struct Rung {
    /// The index of the policy.
    pub(crate) policy: usize,
    /// Which tier it is in, counted from the first that is asked.
    pub(crate) tier: usize,
    /// Whether the tier is one before that of NetworkPolicy, so that its rules must be, too.
    pub(crate) early: bool,
    pub(crate) ingress: Vec<Rule>,
    pub(crate) egress: Vec<Rule>,
}

impl Rung {
    pub(crate) fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// A rule: peers and ports must both match.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) action: Action,
    pub(crate) peers: Peers,
    /// Empty matches every protocol and port.
    pub(crate) ports: Vec<PolicyPort>,
    /// Whether its blocks hold no address of a pod.
    pub(crate) outside: bool,
    /// The field that it was written in.
    pub(crate) path: String,
}

/// What becomes of what a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Allow,
    Deny,
    /// The next tier decides.
    Pass,
}

/// Whom a rule speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peers {
    /// Everybody: pods, nodes and all other addresses.
    Any,
    /// Those of any item; nobody if there is none.
    Of(Vec<Peer>),
}

/// One kind of peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Pods(Scope),
    Block(IpBlock),
}
