use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use ringfence_net::{PortRange, Protocol};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Direction, LabelSelector, Source};

/// A cluster-scoped policy: ClusterNetworkPolicy of `policy.networking.k8s.io/v1beta1` or `v1alpha2`, or
/// AdminNetworkPolicy or BaselineAdminNetworkPolicy of `v1alpha1` in the same words (rules AN-5, AN-6). Valid, and defaulted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterPolicy {
    /// Kind and name.
    pub name: ClusterPolicyName,
    /// When it is asked (rule CN-20).
    pub tier: ClusterTier,
    /// 0 to 1000, lower is asked earlier (rule CN-21). `None` for the BaselineAdminNetworkPolicy, which comes after
    /// every Baseline ClusterNetworkPolicy (rule AM-20).
    pub priority: Option<u16>,
    /// The pods that it judges (rules CN-2 to CN-4).
    pub subject: PodScope,
    /// `spec.ingress` in order.
    pub ingress: Vec<ClusterRule>,
    /// `spec.egress` in order.
    pub egress: Vec<ClusterRule>,
    /// Whether its rules about `networks` judge pods in the network of their node, too (rule HN-1).
    #[serde(default)]
    pub judges_host_pods: bool,
    /// Where the policy was written.
    pub source: Option<Source>,
}

impl ClusterPolicy {
    /// The rules of `direction`, in order.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[ClusterRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// The kinds of cluster-scoped policies, in the order in which equal priorities are asked (rule AM-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClusterPolicyKind {
    /// `ClusterNetworkPolicy` of `policy.networking.k8s.io/v1beta1` or `v1alpha2`.
    ClusterNetworkPolicy,
    /// `AdminNetworkPolicy` of `policy.networking.k8s.io/v1alpha1`.
    AdminNetworkPolicy,
    /// `BaselineAdminNetworkPolicy` of `policy.networking.k8s.io/v1alpha1`.
    BaselineAdminNetworkPolicy,
}

impl ClusterPolicyKind {
    /// Every kind, in order.
    pub const ALL: [Self; 3] = [
        Self::ClusterNetworkPolicy,
        Self::AdminNetworkPolicy,
        Self::BaselineAdminNetworkPolicy,
    ];

    /// The kind as Kubernetes writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
        }
    }
}

impl fmt::Display for ClusterPolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Kind and name of a cluster-scoped policy. Written and serialized as `ClusterNetworkPolicy/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterPolicyName {
    /// Its kind.
    pub kind: ClusterPolicyKind,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ClusterPolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A text that is not of the form `ClusterNetworkPolicy/name`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form `ClusterNetworkPolicy/name`")]
pub struct NotAClusterPolicyName(pub String);

impl FromStr for ClusterPolicyName {
    type Err = NotAClusterPolicyName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_one = || NotAClusterPolicyName(text.to_owned());
        let (kind, name) = text.split_once('/').ok_or_else(not_one)?;
        let mut kinds = ClusterPolicyKind::ALL.into_iter();
        let kind = kinds
            .find(|known| known.name() == kind)
            .ok_or_else(not_one)?;
        let name = name.to_owned();
        Ok(Self { kind, name })
    }
}

impl Serialize for ClusterPolicyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClusterPolicyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The tiers around NetworkPolicy (rule CN-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClusterTier {
    /// Before NetworkPolicy.
    Admin,
    /// After NetworkPolicy, for directions that it does not isolate (rules CN-26, AM-14).
    Baseline,
}

impl fmt::Display for ClusterTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Admin => "Admin",
            Self::Baseline => "Baseline",
        })
    }
}

/// Pods of the pod network by namespace and label (rules CN-2 to CN-4).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PodScope {
    /// Which namespaces; `None` means all of them (rule CN-4).
    pub namespaces: Option<LabelSelector>,
    /// Which pods in them; `None` means all of them.
    pub pods: Option<LabelSelector>,
}

/// One rule of a cluster-scoped policy (rule CN-30).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRule {
    /// Its name, if it has one; not unique.
    pub name: Option<String>,
    /// What becomes of what it matches.
    pub action: ClusterAction,
    /// `from` or `to`; at least one item.
    pub peers: Vec<ClusterPeer>,
    /// `protocols` or `ports`; empty matches every protocol, ICMP too (rule CN-31).
    pub ports: Vec<ClusterPort>,
    /// Where the rule was written.
    pub source: Option<Source>,
}

/// What a matching rule does (rules CN-23 to CN-25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClusterAction {
    /// Allowed in this direction; later tiers are not asked. `Allow` of AdminNetworkPolicy.
    Accept,
    /// Denied.
    Deny,
    /// The rest of this tier is not asked.
    Pass,
}

impl ClusterAction {
    /// The action as policies of `kind` write it.
    #[must_use]
    pub const fn written_in(self, kind: ClusterPolicyKind) -> &'static str {
        match (self, kind) {
            (Self::Accept, ClusterPolicyKind::ClusterNetworkPolicy) => "Accept",
            (
                Self::Accept,
                ClusterPolicyKind::AdminNetworkPolicy
                | ClusterPolicyKind::BaselineAdminNetworkPolicy,
            ) => "Allow",
            (Self::Deny, _) => "Deny",
            (Self::Pass, _) => "Pass",
        }
    }
}

impl fmt::Display for ClusterAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Accept => "Accept",
            Self::Deny => "Deny",
            Self::Pass => "Pass",
        })
    }
}

/// One item of `from` or `to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClusterPeer {
    /// Pods (rules CN-2, CN-4).
    Pods(PodScope),
    /// Egress only: addresses, whoever has them (rule CN-34). Host bits are cleared.
    Networks(Vec<IpNet>),
    /// Egress only: addresses of nodes by their labels (rule CN-35).
    Nodes(LabelSelector),
    /// Egress only: names, as far as their addresses are known (rules CN-37, AM-19).
    DomainNames(Vec<DomainName>),
    /// A kind of peer that this version does not know, in an object stored by a newer one (rule CN-38).
    /// Manifests with one are refused (rule CN-51).
    Unrecognized,
}

/// A name of `domainNames`: lower case, without the final dot (rule CN-37).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DomainName {
    /// This name.
    Exact(String),
    /// `*.example.com`: one or more labels before `example.com`, which is kept here; never that name itself.
    Below(String),
}

impl DomainName {
    /// Whether `name`, in any case and with or without a final dot, is meant (rule CN-37).
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Exact(exact) => *exact == name,
            Self::Below(parent) => name
                .strip_suffix(parent.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|labels| !labels.is_empty()),
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// One item of `protocols` or `ports` (rules CN-32, CN-33).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClusterPort {
    /// Destination ports of one protocol.
    Range(Protocol, PortRange),
    /// A container port of the destination pod by name, with that port's own protocol and number.
    Name(String),
}

/// Addresses of names outside of the cluster, given beside the manifests (rule AM-19).
pub type DomainAddresses = BTreeMap<String, Vec<IpAddr>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_one_label_or_more_and_never_the_name_itself() {
        let below = DomainName::Below("example.com".to_owned());
        assert!(below.matches("a.example.com") && below.matches("A.b.Example.com."));
        assert!(!below.matches("example.com") && !below.matches(".example.com"));
        assert!(!below.matches("badexample.com"));
        let exact = DomainName::Exact("example.com".to_owned());
        assert!(exact.matches("EXAMPLE.com.") && !exact.matches("a.example.com"));
    }

    #[test]
    fn names_survive_their_text() {
        let name: ClusterPolicyName = "AdminNetworkPolicy/a.b".parse().unwrap();
        assert_eq!(name.to_string(), "AdminNetworkPolicy/a.b");
        assert!("NetworkPolicy/a".parse::<ClusterPolicyName>().is_err());
    }
}
