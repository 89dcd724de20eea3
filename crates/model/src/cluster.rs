use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    ClusterPeer, ClusterPolicy, ClusterPolicyName, Direction, DomainAddresses, Endpoint,
    HostFirewall, LabelSelector, Labels, Namespace, NetworkPolicy, Node, ObjectName, PeerSelector,
    Pod, PolicyPeer, Service,
};

/// Everything that decides who can talk to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Namespaces by name.
    pub namespaces: BTreeMap<String, Namespace>,
    /// Pods by namespace and name.
    pub pods: BTreeMap<ObjectName, Pod>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// Services by namespace and name.
    pub services: BTreeMap<ObjectName, Service>,
    /// NetworkPolicies by namespace and name.
    pub network_policies: BTreeMap<ObjectName, NetworkPolicy>,
    /// Cluster-scoped policies by kind and name.
    #[serde(default)]
    pub cluster_policies: BTreeMap<ClusterPolicyName, ClusterPolicy>,
    /// Rules for nodes by name (rules HF-*).
    #[serde(default)]
    pub host_firewalls: BTreeMap<String, HostFirewall>,
    /// What is known of names outside of the cluster (rule AM-19).
    #[serde(default)]
    pub domain_addresses: DomainAddresses,
    /// Where pods without address get theirs from, as far as somebody said so (rule AM-22); host bits are zero.
    #[serde(default)]
    pub pod_blocks: BTreeSet<IpNet>,
}

impl Cluster {
    /// Labels of the namespace `name`; a namespace without object has only the name label (rule NP-18).
    #[must_use]
    pub fn namespace_labels(&self, name: &str) -> Labels {
        self.namespaces.get(name).map_or_else(
            || Namespace::new(name, Labels::new()).labels,
            |found| found.labels.clone(),
        )
    }

    /// The pod of the pod network that has `address` (rule Q-3).
    #[must_use]
    pub fn pod_at(&self, address: IpAddr) -> Option<&Pod> {
        let mut pods = self.pods.values();
        pods.find(|pod| pod.is_on_pod_network() && pod.addresses.contains(&address))
    }

    /// Every block that a policy names, whether its rules are in force or not, and every address that is known of a name.
    #[must_use]
    pub fn named_blocks(&self) -> BTreeSet<IpNet> {
        let policies = self.network_policies.values();
        let rules =
            policies.flat_map(|policy| Direction::ALL.map(|direction| policy.rules(direction)));
        let mut found = BTreeSet::new();
        for peer in rules.flatten().flat_map(|rule| &rule.peers) {
            match peer {
                PolicyPeer::IpBlock(block) => {
                    found.insert(block.cidr);
                    found.extend(&block.except);
                }
                PolicyPeer::Pods(_) => {}
            }
        }
        let cluster_rules = self.cluster_policies.values();
        let cluster_rules = cluster_rules.flat_map(|policy| &policy.egress);
        for peer in cluster_rules.flat_map(|rule| &rule.peers) {
            match peer {
                ClusterPeer::Networks(networks) => found.extend(networks),
                ClusterPeer::Pods(_)
                | ClusterPeer::Nodes(_)
                | ClusterPeer::DomainNames(_)
                | ClusterPeer::Unrecognized => {}
            }
        }
        let of_hosts = self.host_firewalls.values();
        let of_hosts = of_hosts.filter_map(|firewall| firewall.confirmed.as_ref());
        for peer in of_hosts
            .flat_map(|rules| &rules.ingress)
            .flat_map(|rule| &rule.peers)
        {
            if let ClusterPeer::Networks(networks) = peer {
                found.extend(networks);
            }
        }
        let addresses = self.domain_addresses.values().flatten();
        found.extend(addresses.copied().map(IpNet::from));
        found
    }

    /// The pod that `end` names.
    #[must_use]
    pub fn pod_of(&self, end: &Endpoint) -> Option<&Pod> {
        match end {
            Endpoint::Pod(name) => self.pods.get(name),
            Endpoint::Node(_) | Endpoint::Service(_) | Endpoint::Address(_) => None,
        }
    }

    /// The policies that select `pod` (rule NP-1).
    pub fn policies_selecting<'a>(
        &'a self,
        pod: &'a Pod,
    ) -> impl Iterator<Item = &'a NetworkPolicy> + 'a {
        let policies = self.policies_in(&pod.name.namespace);
        policies.filter(move |policy| {
            pod.is_on_pod_network() && policy.pod_selector.matches(&pod.labels)
        })
    }

    /// The policies of `namespace`.
    pub fn policies_in<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a NetworkPolicy> + 'a {
        let first = ObjectName::new(namespace, "");
        let policies = self.network_policies.range(first..);
        policies
            .map(|(_, policy)| policy)
            .take_while(move |policy| policy.name.namespace == namespace)
    }

    /// Whether `pod` is a peer that `selector` of a policy in `policy_namespace` matches (rules NP-12 to NP-17).
    #[must_use]
    pub fn peer_matches(&self, selector: &PeerSelector, policy_namespace: &str, pod: &Pod) -> bool {
        let namespace_matches = match &selector.namespaces {
            None => pod.name.namespace == policy_namespace,
            Some(namespaces) => namespaces.matches(&self.namespace_labels(&pod.name.namespace)),
        };
        pod.is_on_pod_network()
            && namespace_matches
            && selector
                .pods
                .as_ref()
                .is_none_or(|pods: &LabelSelector| pods.matches(&pod.labels))
    }
}
