//! What the policies allow the pods of this node that they judge, as rules over terms and then as entries per class.

mod clause;
mod cost;
mod entry;
mod grant;
mod judged;
mod limit;
mod port;
mod row;
mod selected;
mod show;
mod stage;
mod tiers;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringfence_model::{
    Cluster, ClusterPeer, ClusterPolicy, ClusterPolicyName, ClusterTier, Direction, NetworkPolicy,
    ObjectName, PolicyName,
};

use crate::Origin;
use crate::class::{NamedPort, PortName, Sense, TermId, Terms};
use crate::layout::Pass;
use clause::{Clause, clauses};
pub(crate) use entry::{Entry, Extent};
use grant::{Grant, GrantPeers, GrantPorts, grants};
pub(crate) use judged::{Policies, Touched, World};
pub(crate) use row::Row;
pub(crate) use stage::Stage;

/// A rule by its policy, list and index there.
type RuleKey = (PolicyName, Direction, usize);

/// What makes two pods members of one group: direction, policies, and, where these use port names, the ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupKey {
    pub(crate) direction: Direction,
    /// Which judgement of them.
    pub(crate) stage: Stage,
    /// The NetworkPolicies that isolate (rule NP-2), sorted by name.
    pub(crate) policies: Vec<ObjectName>,
    /// The policies of the cluster with rules in this direction, in the order in which they are asked.
    pub(crate) cluster_policies: Vec<ClusterPolicyName>,
    /// What the port names that they use mean on the pods, for ingress.
    pub(crate) ports: Vec<NamedPort>,
}

impl GroupKey {
    /// The names of all policies that judge its members.
    pub(crate) fn policy_names(&self) -> impl Iterator<Item = PolicyName> {
        let of_cluster = self.cluster_policies.iter().cloned();
        let of_cluster = of_cluster.map(PolicyName::Cluster);
        let names = self.policies.iter().cloned().map(PolicyName::Network);
        names.chain(of_cluster)
    }

    /// Whether policies of the cluster have a say.
    pub(crate) fn is_tiered(&self) -> bool {
        !self.cluster_policies.is_empty()
    }
}

/// What the policies say that judge some pods in one direction.
#[derive(Debug)]
pub(crate) struct Group {
    direction: Direction,
    stage: Stage,
    policies: Vec<Arc<NetworkPolicy>>,
    cluster_policies: Vec<Arc<ClusterPolicy>>,
    /// The rules of the Admin tier, in order.
    before: Vec<Clause>,
    /// The rules of the NetworkPolicies.
    rules: Vec<Grant>,
    /// The rules of the Baseline tier, in order.
    after: Vec<Clause>,
    /// Whether everything is denied, whatever the policies say.
    is_closed: bool,
    /// Which rules are about the peers of which term, and how surely.
    index: BTreeMap<TermId, Vec<(usize, Sense)>>,
    /// Positions of the rules that are about any peer.
    for_anyone: Vec<usize>,
    /// Those of them that have port names to resolve on the peer.
    for_anyone_by_name: Vec<usize>,
}

impl Group {
    /// The policies of `key`, without their rules.
    fn new(
        key: &GroupKey,
        network: &BTreeMap<ObjectName, Arc<NetworkPolicy>>,
        of_cluster: &BTreeMap<ClusterPolicyName, Arc<ClusterPolicy>>,
    ) -> Self {
        let policies = key.policies.iter();
        let cluster_policies = key.cluster_policies.iter();
        Self {
            direction: key.direction,
            stage: key.stage,
            policies: policies
                .filter_map(|name| network.get(name).cloned())
                .collect(),
            cluster_policies: cluster_policies
                .filter_map(|name| of_cluster.get(name).cloned())
                .collect(),
            before: Vec::new(),
            rules: Vec::new(),
            after: Vec::new(),
            is_closed: false,
            index: BTreeMap::new(),
            for_anyone: Vec::new(),
            for_anyone_by_name: Vec::new(),
        }
    }

    /// Takes in the rules but those in `refused`; adds what they ask of peers to `terms`.
    fn take_in(
        &mut self,
        subject: &[NamedPort],
        cluster: &Cluster,
        refused: &BTreeSet<RuleKey>,
        terms: &mut Terms,
    ) {
        let [before, after] = [ClusterTier::Admin, ClusterTier::Baseline]
            .map(|tier| clauses(self, tier, subject, cluster, refused, terms));
        self.rules = grants(self, subject, refused, terms);
        self.before = before;
        self.after = after;
        self.index_rules();
    }

    /// Denies its members everything.
    fn close(&mut self) {
        self.before.clear();
        self.rules.clear();
        self.after.clear();
        self.is_closed = true;
        self.index_rules();
    }

    fn index_rules(&mut self) {
        let mut index: BTreeMap<TermId, Vec<(usize, Sense)>> = BTreeMap::new();
        let (mut anyone, mut by_name) = (Vec::new(), Vec::new());
        for position in 0..self.count() {
            for sense in Sense::ALL {
                match self.peers(position, sense) {
                    Some(GrantPeers::Terms(ids)) => {
                        for id in ids {
                            index.entry(*id).or_default().push((position, sense));
                        }
                    }
                    Some(GrantPeers::Any) if sense == Sense::Certain => anyone.push(position),
                    Some(GrantPeers::Any) | None => {}
                }
            }
        }
        let has_names = |position: &&usize| {
            self.ports(**position)
                .is_some_and(|ports| ports.names() > 0)
        };
        by_name.extend(anyone.iter().filter(has_names));
        self.index = index;
        self.for_anyone = anyone;
        self.for_anyone_by_name = by_name;
    }

    fn count(&self) -> usize {
        let clauses = self.before.len().saturating_add(self.after.len());
        clauses.saturating_add(self.rules.len())
    }

    /// Whether policies of the cluster have a say.
    fn is_tiered(&self) -> bool {
        !self.cluster_policies.is_empty()
    }

    /// Whether rules, those that are refused too, name nodes or names, whose addresses change what they cost.
    fn names_places(&self) -> bool {
        let policies = self.cluster_policies.iter();
        let rules = policies.flat_map(|policy| policy.rules(self.direction));
        let mut peers = rules.flat_map(|rule| &rule.peers);
        peers.any(|peer| match peer {
            ClusterPeer::Nodes(_) | ClusterPeer::DomainNames(_) => true,
            ClusterPeer::Pods(_) | ClusterPeer::Networks(_) | ClusterPeer::Unrecognized => false,
        })
    }

    /// What the rules ask of pods and addresses.
    fn terms(&self) -> BTreeSet<TermId> {
        self.index.keys().copied().collect()
    }

    /// The port names that they ask of peers.
    fn port_names(&self) -> BTreeSet<PortName> {
        let clauses = self.before.iter().chain(&self.after);
        let of_clauses = clauses.flat_map(|clause| clause.ports.asked(&Sense::ALL));
        let of_grants = self.rules.iter();
        let of_grants = of_grants.flat_map(|grant| grant.ports.asked(&[Sense::Certain]));
        of_clauses.chain(of_grants).collect()
    }

    /// The rules that are about peers with these terms, as surely as one of `senses` asks.
    fn matched(&self, own: &[TermId], senses: &[Sense]) -> BTreeSet<(usize, Sense)> {
        let found = own.iter().filter_map(|term| self.index.get(term)).flatten();
        found
            .filter(|(_, sense)| senses.contains(sense))
            .copied()
            .collect()
    }

    /// Who the rule at `position` is about: those of the Admin tier come first, then those of NetworkPolicies, then
    /// those of the Baseline tier. NetworkPolicies only allow, so that what is merely possible is not asked.
    fn peers(&self, position: usize, sense: Sense) -> Option<&GrantPeers> {
        match self.rule(position)? {
            Rule::Clause(clause) => Some(clause.peers(sense)),
            Rule::Grant(grant) => (sense == Sense::Certain).then_some(&grant.peers),
        }
    }

    fn ports(&self, position: usize) -> Option<&GrantPorts> {
        Some(match self.rule(position)? {
            Rule::Clause(clause) => &clause.ports,
            Rule::Grant(grant) => &grant.ports,
        })
    }

    /// The origin of what the rule at `position` says.
    fn origin(&self, position: usize) -> Option<&Origin> {
        Some(match self.rule(position)? {
            Rule::Clause(clause) => &clause.origin,
            Rule::Grant(grant) => &grant.origin,
        })
    }

    fn rule(&self, position: usize) -> Option<Rule<'_>> {
        if let Some(clause) = self.before.get(position) {
            return Some(Rule::Clause(clause));
        }
        let position = position.checked_sub(self.before.len())?;
        if let Some(grant) = self.rules.get(position) {
            return Some(Rule::Grant(grant));
        }
        let position = position.checked_sub(self.rules.len())?;
        self.after.get(position).map(Rule::Clause)
    }

    /// The origins of the isolation (rule NP-2).
    fn isolation(&self) -> impl Iterator<Item = Origin> {
        self.policies.iter().map(|policy| Origin {
            policy: PolicyName::Network(policy.name.clone()),
            direction: self.direction,
            rule: None,
            source: policy.source.clone(),
        })
    }

    /// The origins of all its judgements: each policy as such.
    fn judgement(&self) -> Vec<Origin> {
        let of_cluster = self.cluster_policies.iter().map(|policy| Origin {
            policy: PolicyName::Cluster(policy.name.clone()),
            direction: self.direction,
            rule: None,
            source: policy.source.clone(),
        });
        let mut origins = self.isolation().chain(of_cluster).collect();
        self.keep_own(&mut origins);
        origins
    }

    /// What is only asked because of policies in audit mode counts for them alone: the others have been asked before.
    fn keep_own(&self, origins: &mut Vec<Origin>) {
        let is_audited = |name: &PolicyName| {
            let mut policies = self.policies.iter();
            policies.any(|it| it.is_audited() && *name == PolicyName::Network(it.name.clone()))
        };
        match self.stage.pass() {
            Pass::Enforce => {}
            Pass::Audit => origins.retain(|origin| is_audited(&origin.policy)),
        }
    }
}

/// A rule of a group.
enum Rule<'a> {
    Clause(&'a Clause),
    Grant(&'a Grant),
}

/// Who an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Every peer.
    Anyone,
    /// The peers of the class that was asked about.
    Class,
    /// The pod itself.
    Itself,
}
