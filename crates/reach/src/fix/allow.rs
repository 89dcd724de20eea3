//! Edits that may let pass what is refused.

use ringfence_model::{
    Because, Cluster, ClusterAction, ClusterPeer, ClusterRule, ClusterRuleRef, Direction, IpBlock,
    JudgedRule, Match, NetworkPolicy, ObjectName, Party, PolicyPeer, PolicyRef, PolicyRule,
};

use super::edit::RuleOf;
use super::obstacle::Obstacle;
use super::{Edit, identity, ports};
use crate::assertion::RulePlace;
use crate::matching;

/// Rules and policies that are tried, nearest first.
const MOST_RULES: usize = 4;

/// Edits of what refuses, and of what stands before it.
pub(super) fn edits(cluster: &Cluster, outside: &[IpBlock], obstacle: &Obstacle) -> Vec<Edit> {
    let site = Site {
        cluster,
        outside,
        obstacle,
    };
    match &obstacle.decision().because {
        Because::NoRuleMatched {
            isolated_by, rules, ..
        } => site.isolated(isolated_by, rules),
        Because::ClusterRule(rule) => site.denied(rule),
        Because::AddressUnknown {
            cluster_rules,
            rules,
            ..
        } if cluster_rules.is_empty() => {
            let policies: Vec<PolicyRef> = rules.iter().map(|rule| rule.policy.clone()).collect();
            site.isolated(&policies, &[])
        }
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::Rules { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => Vec::new(),
    }
}

/// Where an edit is needed.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) outside: &'a [IpBlock],
    pub(super) obstacle: &'a Obstacle,
}

impl Site<'_> {
    fn isolated(self, isolated_by: &[PolicyRef], rules: &[JudgedRule]) -> Vec<Edit> {
        let mut looked: Vec<_> = rules
            .iter()
            .filter_map(|judged| {
                let found =
                    matching::of_rule(self.cluster, &self.obstacle.connection, &judged.rule)?;
                Some((judged, found.distance()))
            })
            .collect();
        looked.sort_by_key(|(_, distance)| *distance);
        let of = |peer: bool| {
            let matching = looked.iter().filter(move |(judged, _)| {
                (judged.peer == Match::Yes) == peer && (judged.port == Match::Yes) != peer
            });
            matching.map(|(judged, _)| *judged).take(MOST_RULES)
        };
        let with_ports = of(true).filter_map(|judged| self.add_ports(judged));
        let with_peer = of(false).filter_map(|judged| self.add_peer(judged));
        let labels = of(false).flat_map(|judged| self.label_namespace(judged));
        let policies = isolated_by.iter().take(MOST_RULES);
        let with_rule = policies.filter_map(|policy| self.add_rule(&policy.name));
        with_ports
            .chain(with_peer)
            .chain(with_rule)
            .chain(labels)
            .chain(self.new_policy())
            .collect()
    }

    fn add_ports(self, judged: &JudgedRule) -> Option<Edit> {
        let more = ports::of_policy(&self.obstacle.ports);
        (!more.is_empty()).then(|| Edit::AddPorts(rule_of(judged), more))
    }

    fn add_peer(self, judged: &JudgedRule) -> Option<Edit> {
        let rule = rule_of(judged);
        let peer = self.peer_for(&rule.policy.namespace)?;
        Some(Edit::AddPeer(rule, peer))
    }

    fn add_rule(self, policy: &ObjectName) -> Option<Edit> {
        let rule = self.rule(&policy.namespace)?;
        Some(Edit::AddRule(policy.clone(), self.obstacle.direction, rule))
    }

    /// A policy that selects pods like the subject, with a rule for the peer alone.
    fn new_policy(self) -> Option<Edit> {
        let subject = identity::pod(self.cluster, self.subject())?;
        let rule = self.rule(&subject.name.namespace)?;
        let direction = self.obstacle.direction;
        let mut policy = self.policy(subject, direction)?;
        match direction {
            Direction::Ingress => policy.ingress.push(rule),
            Direction::Egress => policy.egress.push(rule),
        }
        Some(Edit::NewPolicy(policy))
    }

    /// A policy that selects pods like the subject and has no rule yet.
    pub(super) fn policy(
        self,
        subject: &ringfence_model::Pod,
        direction: Direction,
    ) -> Option<NetworkPolicy> {
        let between = match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let (own, other) = (
            identity::called(self.cluster, self.subject(), self.outside),
            identity::called(self.cluster, self.peer(), self.outside),
        );
        Some(NetworkPolicy {
            name: self.free_name(&subject.name.namespace, &[&own, between, &other])?,
            pod_selector: identity::selector(self.cluster, subject),
            isolates_ingress: direction == Direction::Ingress,
            isolates_egress: direction == Direction::Egress,
            audit: None,
            ingress: Vec::new(),
            egress: Vec::new(),
            source: None,
        })
    }

    fn free_name(self, namespace: &str, words: &[&str]) -> Option<ObjectName> {
        let base = identity::name(words);
        let numbered = (2..100).map(|number| format!("{base}-{number}"));
        let mut names = std::iter::once(base.clone())
            .chain(numbered)
            .map(|name| ObjectName::new(namespace, name));
        names.find(|name| !self.cluster.network_policies.contains_key(name))
    }

    fn rule(self, namespace: &str) -> Option<PolicyRule> {
        Some(PolicyRule {
            peers: vec![self.peer_for(namespace)?],
            ports: ports::of_policy(&self.obstacle.ports),
            source: None,
        })
    }

    /// A label that one peer of the rule asks the peer's namespace for, if all else of that peer matches.
    fn label_namespace(self, judged: &JudgedRule) -> Vec<Edit> {
        let found = matching::policy_rule(self.cluster, &judged.rule);
        let pod = identity::pod(self.cluster, self.peer());
        let (Some((_, rule)), Some(pod)) = (found, pod) else {
            return Vec::new();
        };
        let namespace = &pod.name.namespace;
        let known = self.cluster.namespace_labels(namespace);
        let wanted = rule.peers.iter().filter_map(|peer| match peer {
            PolicyPeer::Pods(selector) => {
                let fits = selector
                    .pods
                    .as_ref()
                    .is_none_or(|pods| pods.matches(&pod.labels));
                selector.namespaces.as_ref().filter(|_| fits)
            }
            PolicyPeer::IpBlock(_) => None,
        });
        let missing = wanted.filter_map(|selector| {
            let mut labels = selector.match_labels.iter();
            let mut missing = labels.by_ref().filter(|(key, _)| !known.contains_key(*key));
            let first = missing.next()?;
            let is_only = missing.next().is_none();
            is_only.then(|| (first.0.clone(), first.1.clone()))
        });
        missing
            .map(|label| Edit::LabelNamespace(namespace.clone(), label))
            .collect()
    }

    /// CN-21: something before the rule that refuses, or less of it.
    fn denied(self, rule: &ClusterRuleRef) -> Vec<Edit> {
        let place = RulePlace {
            direction: rule.direction,
            index: rule.index,
        };
        let before = [ClusterAction::Accept, ClusterAction::Pass]
            .into_iter()
            .filter_map(|action| {
                let inserted = self.cluster_rule(action)?;
                Some(Edit::InsertClusterRule(
                    rule.policy.clone(),
                    place,
                    inserted,
                ))
            });
        let mut edits: Vec<Edit> = before.collect();
        edits.extend(self.fewer_peers(rule, place));
        edits.push(Edit::RemoveClusterRule(rule.policy.clone(), place));
        edits
    }

    /// The peer of the rule that matches taken out, where others are left.
    pub(super) fn fewer_peers(self, rule: &ClusterRuleRef, place: RulePlace) -> Option<Edit> {
        let found = matching::of_cluster_rule(self.cluster, &self.obstacle.connection, rule)?;
        let mut items = found.peers.iter().enumerate();
        let (item, _) = items.find(|(_, part)| part.matches == Match::Yes)?;
        (found.peers.len() > 1).then(|| Edit::RemoveClusterPeer(rule.policy.clone(), place, item))
    }

    /// A rule for these ends and ports alone; into a pod only pods can be named (rule CN-36).
    pub(super) fn cluster_rule(self, action: ClusterAction) -> Option<ClusterRule> {
        let peers = identity::cluster_peers(self.cluster, self.peer(), self.outside)?;
        let is_pods = matches!(peers.as_slice(), [ClusterPeer::Pods(_)]);
        (is_pods || self.obstacle.direction == Direction::Egress).then(|| ClusterRule {
            name: None,
            action,
            peers,
            ports: ports::of_cluster_policy(&self.obstacle.ports),
            source: None,
        })
    }

    pub(super) fn peer_for(self, namespace: &str) -> Option<PolicyPeer> {
        identity::peer(self.cluster, self.peer(), namespace, self.outside)
    }
}

impl<'a> Site<'a> {
    /// The end whose policies are edited.
    pub(super) const fn subject(self) -> &'a Party {
        match self.obstacle.direction {
            Direction::Ingress => &self.obstacle.connection.destination,
            Direction::Egress => &self.obstacle.connection.source,
        }
    }

    /// The other end.
    pub(super) const fn peer(self) -> &'a Party {
        match self.obstacle.direction {
            Direction::Ingress => &self.obstacle.connection.source,
            Direction::Egress => &self.obstacle.connection.destination,
        }
    }
}

fn rule_of(judged: &JudgedRule) -> RuleOf {
    let rule = &judged.rule;
    RuleOf::new(rule.policy.name.clone(), rule.direction, rule.index)
}
