use ringfence_model::{
    ClusterAction, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, ClusterPort,
    ClusterRule, ClusterTier, DomainName, LabelSelector, PodScope,
};
use ringfence_net::{PortRange, Protocol};

/// A cluster-scoped policy in the making. It judges every pod of the pod network (rule CN-3).
#[derive(Clone, Debug)]
pub struct ClusterPolicyBuilder {
    policy: ClusterPolicy,
}

/// A ClusterNetworkPolicy of the Admin tier.
#[must_use]
pub fn admin(name: &str, priority: u16) -> ClusterPolicyBuilder {
    use ClusterPolicyKind::ClusterNetworkPolicy;
    cluster_policy(
        ClusterNetworkPolicy,
        name,
        ClusterTier::Admin,
        Some(priority),
    )
}

/// A ClusterNetworkPolicy of the Baseline tier.
#[must_use]
pub fn baseline(name: &str, priority: u16) -> ClusterPolicyBuilder {
    use ClusterPolicyKind::ClusterNetworkPolicy;
    cluster_policy(
        ClusterNetworkPolicy,
        name,
        ClusterTier::Baseline,
        Some(priority),
    )
}

/// An AdminNetworkPolicy (rule AN-1).
#[must_use]
pub fn admin_network_policy(name: &str, priority: u16) -> ClusterPolicyBuilder {
    use ClusterPolicyKind::AdminNetworkPolicy;
    cluster_policy(AdminNetworkPolicy, name, ClusterTier::Admin, Some(priority))
}

/// The BaselineAdminNetworkPolicy, which is always called `default` (rule AN-1).
#[must_use]
pub fn baseline_admin_network_policy() -> ClusterPolicyBuilder {
    use ClusterPolicyKind::BaselineAdminNetworkPolicy;
    cluster_policy(
        BaselineAdminNetworkPolicy,
        "default",
        ClusterTier::Baseline,
        None,
    )
}

fn cluster_policy(
    kind: ClusterPolicyKind,
    name: &str,
    tier: ClusterTier,
    priority: Option<u16>,
) -> ClusterPolicyBuilder {
    let name = name.to_owned();
    ClusterPolicyBuilder {
        policy: ClusterPolicy {
            name: ClusterPolicyName { kind, name },
            tier,
            priority,
            subject: every_pod(),
            ingress: Vec::new(),
            egress: Vec::new(),
            judges_host_pods: false,
            source: None,
        },
    }
}

impl ClusterPolicyBuilder {
    /// Sets `subject`.
    #[must_use]
    pub fn subject(mut self, subject: PodScope) -> Self {
        self.policy.subject = subject;
        self
    }

    /// Adds an ingress rule.
    #[must_use]
    pub fn ingress(mut self, rule: ClusterRuleBuilder) -> Self {
        self.policy.ingress.push(rule.rule);
        self
    }

    /// Adds an egress rule.
    #[must_use]
    pub fn egress(mut self, rule: ClusterRuleBuilder) -> Self {
        self.policy.egress.push(rule.rule);
        self
    }

    /// The policy.
    #[must_use]
    pub fn build(self) -> ClusterPolicy {
        self.policy
    }
}

/// A rule of a cluster-scoped policy in the making. Without ports it matches every protocol (rule CN-31);
/// without a peer it matches nothing (rule CN-30).
#[derive(Clone, Debug)]
pub struct ClusterRuleBuilder {
    rule: ClusterRule,
}

/// A rule that accepts (rule CN-23).
#[must_use]
pub fn accept() -> ClusterRuleBuilder {
    cluster_rule(ClusterAction::Accept)
}

/// A rule that denies (rule CN-24).
#[must_use]
pub fn deny() -> ClusterRuleBuilder {
    cluster_rule(ClusterAction::Deny)
}

/// A rule that passes on (rule CN-25).
#[must_use]
pub fn pass() -> ClusterRuleBuilder {
    cluster_rule(ClusterAction::Pass)
}

fn cluster_rule(action: ClusterAction) -> ClusterRuleBuilder {
    ClusterRuleBuilder {
        rule: ClusterRule {
            name: None,
            action,
            peers: Vec::new(),
            ports: Vec::new(),
            source: None,
        },
    }
}

impl ClusterRuleBuilder {
    /// Gives it a name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.rule.name = Some(name.to_owned());
        self
    }

    /// Adds an item of `from` or `to`.
    #[must_use]
    pub fn peer(mut self, peer: ClusterPeer) -> Self {
        self.rule.peers.push(peer);
        self
    }

    /// Adds pods as peers (rules CN-2, CN-4).
    #[must_use]
    pub fn pods(self, scope: PodScope) -> Self {
        self.peer(ClusterPeer::Pods(scope))
    }

    /// Adds addresses as peers (rule CN-34).
    #[must_use]
    pub fn networks(self, cidrs: &[&str]) -> Self {
        let parsed = cidrs.iter().map(|cidr| cidr.parse().expect("a CIDR"));
        let networks = parsed.collect();
        self.peer(ClusterPeer::Networks(networks))
    }

    /// Adds nodes as peers (rule CN-35).
    #[must_use]
    pub fn nodes(self, selector: LabelSelector) -> Self {
        self.peer(ClusterPeer::Nodes(selector))
    }

    /// Adds names as peers, `example.com` or `*.example.com` (rule CN-37).
    #[must_use]
    pub fn domains(self, names: &[&str]) -> Self {
        let names = names.iter().map(|name| match name.strip_prefix("*.") {
            Some(parent) => DomainName::Below(parent.to_owned()),
            None => DomainName::Exact((*name).to_owned()),
        });
        self.peer(ClusterPeer::DomainNames(names.collect()))
    }

    /// Adds one port of `protocol`.
    #[must_use]
    pub fn port(self, protocol: Protocol, port: u16) -> Self {
        self.ports(protocol, port, port)
    }

    /// Adds the ports `first` to `last` of `protocol` (rule CN-32).
    #[must_use]
    pub fn ports(mut self, protocol: Protocol, first: u16, last: u16) -> Self {
        let range = PortRange::new(first, last).expect("first <= last");
        self.rule.ports.push(ClusterPort::Range(protocol, range));
        self
    }

    /// Adds a container port's name (rule CN-33).
    #[must_use]
    pub fn port_named(mut self, name: &str) -> Self {
        self.rule.ports.push(ClusterPort::Name(name.to_owned()));
        self
    }

    /// The rule.
    #[must_use]
    pub fn build(self) -> ClusterRule {
        self.rule
    }
}

/// Every pod of every namespace (rules CN-3, CN-4).
#[must_use]
pub fn every_pod() -> PodScope {
    pods_of(LabelSelector::default())
}

/// All pods of some namespaces.
#[must_use]
pub fn pods_of(namespaces: LabelSelector) -> PodScope {
    PodScope {
        namespaces: Some(namespaces),
        pods: None,
    }
}

/// Some pods, of whatever namespace (rule CN-4).
#[must_use]
pub fn pods_anywhere(pods: LabelSelector) -> PodScope {
    PodScope {
        namespaces: None,
        pods: Some(pods),
    }
}

/// Some pods of some namespaces.
#[must_use]
pub fn pods_within(namespaces: LabelSelector, pods: LabelSelector) -> PodScope {
    PodScope {
        namespaces: Some(namespaces),
        pods: Some(pods),
    }
}
