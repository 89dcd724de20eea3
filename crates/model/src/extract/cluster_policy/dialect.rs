use crate::{ClusterAction, ClusterPolicyKind, ClusterTier};

/// What tells the kinds of cluster-scoped policies apart: their words, their limits, and the rules that say so.
pub(super) struct Dialect {
    pub(super) kind: ClusterPolicyKind,
    /// The tier of every policy of this kind; `None` where `spec.tier` says it.
    pub(super) tier: Option<ClusterTier>,
    pub(super) has_priority: bool,
    /// How many rules, peers and ports there may be, each.
    pub(super) most: usize,
    pub(super) actions: &'static [(&'static str, ClusterAction)],
    /// The field of a rule that lists ports.
    pub(super) ports: &'static str,
    /// What `to` may list.
    pub(super) destinations: &'static [&'static str],
    /// The rule on fields that exclude each other or are required.
    pub(super) shape: &'static str,
    /// The rule on numbers, counts and lengths.
    pub(super) limits: &'static str,
    /// The rule on actions.
    pub(super) actions_rule: &'static str,
    /// The rule on ports.
    pub(super) ports_rule: &'static str,
    /// The rule on named ports beside peers that have none.
    pub(super) named_ports_rule: &'static str,
}

const CLUSTER: Dialect = Dialect {
    kind: ClusterPolicyKind::ClusterNetworkPolicy,
    tier: None,
    has_priority: true,
    most: 25,
    actions: &[
        ("Accept", ClusterAction::Accept),
        ("Deny", ClusterAction::Deny),
        ("Pass", ClusterAction::Pass),
    ],
    ports: "protocols",
    destinations: &["namespaces", "pods", "networks", "nodes", "domainNames"],
    shape: "CN-51",
    limits: "CN-51",
    actions_rule: "CN-51",
    ports_rule: "CN-51",
    named_ports_rule: "AM-17",
};

const ADMIN: Dialect = Dialect {
    kind: ClusterPolicyKind::AdminNetworkPolicy,
    tier: Some(ClusterTier::Admin),
    most: 100,
    actions: &[
        ("Allow", ClusterAction::Accept),
        ("Deny", ClusterAction::Deny),
        ("Pass", ClusterAction::Pass),
    ],
    ports: "ports",
    shape: "AN-3",
    limits: "AN-2",
    actions_rule: "AN-1",
    ports_rule: "AN-4",
    named_ports_rule: "AN-4",
    ..CLUSTER
};

const BASELINE: Dialect = Dialect {
    kind: ClusterPolicyKind::BaselineAdminNetworkPolicy,
    tier: Some(ClusterTier::Baseline),
    has_priority: false,
    actions: &[
        ("Allow", ClusterAction::Accept),
        ("Deny", ClusterAction::Deny),
    ],
    destinations: &["namespaces", "pods", "networks", "nodes"],
    ..ADMIN
};

impl Dialect {
    pub(super) const fn of(kind: ClusterPolicyKind) -> Self {
        match kind {
            ClusterPolicyKind::ClusterNetworkPolicy => CLUSTER,
            ClusterPolicyKind::AdminNetworkPolicy => ADMIN,
            ClusterPolicyKind::BaselineAdminNetworkPolicy => BASELINE,
        }
    }

    /// The word for letting traffic through.
    pub(super) fn accept(&self) -> &'static str {
        self.actions.first().map_or("", |(name, _)| name)
    }
}
