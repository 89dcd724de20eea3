//! Rules of cluster-scoped policies, with their places.

use ringfence_model::{
    ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPort, ClusterRule, ClusterRuleRef,
    Direction, LabelSelector, ObjectKey, PeerSelector, PodScope,
};

use super::context::{Context, PodGroup};
use super::problem::{Place, peers_field};
use super::requirement::is_every_namespace;

/// A rule of a cluster-scoped policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClusterSite<'a> {
    pub(super) policy: &'a ClusterPolicy,
    pub(super) direction: Direction,
    pub(super) index: usize,
    pub(super) rule: &'a ClusterRule,
}

impl<'a> ClusterSite<'a> {
    pub(super) fn peers(&self) -> impl Iterator<Item = (usize, &'a ClusterPeer)> + use<'a> {
        self.rule.peers.iter().enumerate()
    }

    /// `spec.egress[0]`
    pub(super) fn place(&self) -> Place {
        of_policy(
            self.policy,
            format!("spec.{}[{}]", self.direction, self.index),
        )
    }

    /// `spec.egress[0].to[1]`
    pub(super) fn peer(&self, peer: usize) -> Place {
        let mut place = self.place();
        place.path = format!("{}.{}[{peer}]", place.path, peers_field(self.direction));
        place
    }

    pub(super) fn ports(&self) -> impl Iterator<Item = (usize, &'a ClusterPort)> + use<'a> {
        self.rule.ports.iter().enumerate()
    }

    /// `spec.egress[0].protocols[1]`, or `ports[1]` of the older kinds.
    pub(super) fn port(&self, port: usize) -> Place {
        let field = match self.policy.name.kind {
            ClusterPolicyKind::ClusterNetworkPolicy => "protocols",
            ClusterPolicyKind::AdminNetworkPolicy
            | ClusterPolicyKind::BaselineAdminNetworkPolicy => "ports",
        };
        let mut place = self.place();
        place.path = format!("{}.{field}[{port}]", place.path);
        place
    }

    pub(super) fn is(&self, rule: &ClusterRuleRef) -> bool {
        rule.policy == self.policy.name
            && rule.direction == self.direction
            && rule.index == self.index
    }
}

/// A field of `policy`.
pub(super) fn of_policy(policy: &ClusterPolicy, path: impl Into<String>) -> Place {
    Place {
        object: ObjectKey::cluster(policy.name.kind.into(), &policy.name.name),
        source: policy.source.clone(),
        path: path.into(),
    }
}

/// The rules of `policy`.
pub(super) fn cluster_rules<'a>(
    policy: &'a ClusterPolicy,
) -> impl Iterator<Item = ClusterSite<'a>> + use<'a> {
    Direction::ALL.into_iter().flat_map(move |direction| {
        let rules = policy.rules(direction).iter().enumerate();
        rules.map(move |(index, rule)| ClusterSite {
            policy,
            direction,
            index,
            rule,
        })
    })
}

/// `scope` as a peer: without selector of namespaces it spans all of them (rule CN-4).
pub(super) fn as_peer(scope: &PodScope) -> PeerSelector {
    PeerSelector {
        namespaces: Some(scope.namespaces.clone().unwrap_or_default()),
        pods: scope.pods.clone(),
    }
}

/// Whether `scope` is every pod of the cluster.
pub(super) fn is_every_pod(scope: &PodScope) -> bool {
    let namespaces = scope.namespaces.as_ref();
    let pods = scope.pods.as_ref();
    namespaces.is_none_or(is_every_namespace) && pods.is_none_or(LabelSelector::is_empty)
}

impl<'a> Context<'a> {
    pub(super) fn cluster_policies(&self) -> impl Iterator<Item = &'a ClusterPolicy> + use<'a> {
        self.cluster.cluster_policies.values()
    }

    /// The pods in `scope` (rules CN-2 to CN-4).
    pub(super) fn in_scope(&self, scope: &PodScope) -> Vec<&PodGroup<'a>> {
        self.pods()
            .filter(|group| self.is_in(scope, group))
            .collect()
    }

    /// Whether `group` is in `scope` (rules CN-2 to CN-4).
    pub(super) fn is_in(&self, scope: &PodScope, group: &PodGroup<'_>) -> bool {
        let labels = self.namespace_labels(group.namespace);
        let in_namespace = scope
            .namespaces
            .as_ref()
            .is_none_or(|selector| selector.matches(labels));
        let has_labels = || {
            scope
                .pods
                .as_ref()
                .is_none_or(|selector| selector.matches(group.labels))
        };
        !group.on_host && in_namespace && has_labels()
    }
}
