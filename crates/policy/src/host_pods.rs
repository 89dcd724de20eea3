//! What pods in the network of their node may send (rules HN-*).

use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterPort, ClusterRule, ClusterTier,
    LabelSelector, METADATA_NAME_LABEL, Pod,
};
use ringfence_net::IpProtocol;

/// The rule that decides about a packet of a pod in the network of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostPodRule<'a> {
    /// The policy that has it.
    pub policy: &'a ClusterPolicy,
    /// Its place among the policy's egress rules.
    pub index: usize,
    /// What it does.
    pub action: ClusterAction,
}

impl HostPodRule<'_> {
    /// Whether the packet is dropped.
    #[must_use]
    pub fn denies(&self) -> bool {
        self.action == ClusterAction::Deny
    }
}

/// The first rule that matches what `pod`, in the network of its node, sends to `address`; none if nothing is said of it, which
/// lets it pass (rule HN-2). Without `pod`, of one of which nothing is known (rule HN-3).
///
/// `port` is the destination port of TCP, UDP and SCTP.
#[must_use]
pub fn host_pod_rule<'a>(
    cluster: &'a Cluster,
    pod: Option<&Pod>,
    address: IpAddr,
    (protocol, port): (IpProtocol, Option<u16>),
) -> Option<HostPodRule<'a>> {
    let policies = cluster.cluster_policies.values();
    let mut judging: Vec<&ClusterPolicy> = policies
        .filter(|policy| policy.judges_host_pods && policy.tier == ClusterTier::Admin)
        .collect();
    judging.sort_by_key(|policy| policy.priority);
    let rules = judging.into_iter().flat_map(|policy| {
        let rules = policy.egress.iter().enumerate();
        rules.map(move |(index, rule)| (policy, index, rule))
    });
    let mut rules = rules.filter(|(policy, _, rule)| match pod {
        Some(pod) => is_subject(policy, pod, cluster),
        None => rule.action == ClusterAction::Deny || is_about_all(policy),
    });
    let (policy, index, rule) =
        rules.find(|(.., rule)| reaches(rule, address) && has_port(rule, protocol, port))?;
    Some(HostPodRule {
        policy,
        index,
        action: rule.action,
    })
}

fn is_subject(policy: &ClusterPolicy, pod: &Pod, cluster: &Cluster) -> bool {
    let namespace = &pod.name.namespace;
    let in_namespace = |selector: &LabelSelector| match cluster.namespaces.get(namespace) {
        Some(namespace) => selector.matches(&namespace.labels),
        None => selector.matches(&[(METADATA_NAME_LABEL.to_owned(), namespace.clone())].into()),
    };
    policy.subject.namespaces.as_ref().is_none_or(in_namespace)
        && policy
            .subject
            .pods
            .as_ref()
            .is_none_or(|selector| selector.matches(&pod.labels))
}

fn is_about_all(policy: &ClusterPolicy) -> bool {
    let everything = LabelSelector::default();
    let mut selectors = policy.subject.namespaces.iter().chain(&policy.subject.pods);
    selectors.all(|selector| *selector == everything)
}

fn reaches(rule: &ClusterRule, address: IpAddr) -> bool {
    rule.peers.iter().any(|peer| match peer {
        ClusterPeer::Networks(networks) => networks.iter().any(|block| block.contains(&address)),
        ClusterPeer::Pods(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => false,
    })
}

fn has_port(rule: &ClusterRule, protocol: IpProtocol, port: Option<u16>) -> bool {
    let matches = |item: &ClusterPort| match item {
        ClusterPort::Range(own, range) => {
            protocol == (*own).into() && port.is_some_and(|port| range.contains(port))
        }
        ClusterPort::Name(_) => false,
    };
    rule.ports.is_empty() || rule.ports.iter().any(matches)
}
