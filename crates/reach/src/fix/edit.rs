use std::fmt;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyName, ClusterRule, Direction, IpBlock, Namespace,
    NetworkPolicy, ObjectName, PolicyPeer, PolicyPort, PolicyRule,
};
use ringfence_policy::Change;

use crate::assertion::RulePlace;

/// One edit of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Ports more in a rule that names some.
    AddPorts(RuleOf, Vec<PolicyPort>),
    /// A peer more in a rule that names some.
    AddPeer(RuleOf, PolicyPeer),
    /// A rule behind the others of a policy that isolates in that direction.
    AddRule(ObjectName, Direction, PolicyRule),
    /// A label on a namespace, which a rule asks for.
    LabelNamespace(String, (String, String)),
    /// A policy more.
    NewPolicy(NetworkPolicy),
    /// Other ports, or none, in the place of one.
    ReplacePort(RuleOf, usize, Vec<PolicyPort>),
    /// An exception in a block of addresses.
    AddException(RuleOf, usize, IpNet),
    /// A peer less, where others are left.
    RemovePeer(RuleOf, usize),
    /// A rule less.
    RemoveRule(RuleOf),
    /// A rule before one of a cluster-scoped policy.
    InsertClusterRule(ClusterPolicyName, RulePlace, ClusterRule),
    /// A peer less of a cluster-scoped policy's rule, where others are left.
    RemoveClusterPeer(ClusterPolicyName, RulePlace, usize),
    /// A rule less of a cluster-scoped policy.
    RemoveClusterRule(ClusterPolicyName, RulePlace),
    /// A cluster-scoped policy more.
    NewClusterPolicy(ClusterPolicy),
}

/// A rule of a NetworkPolicy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleOf {
    /// The policy.
    pub policy: ObjectName,
    /// Where the rule stands in it.
    pub place: RulePlace,
}

impl Edit {
    /// The object as it is after the edit; `None` if the cluster has nothing to edit there.
    #[must_use]
    pub fn change(&self, cluster: &Cluster) -> Option<Change> {
        match self {
            Self::AddPorts(rule, more) => rule.change(cluster, |found| {
                found.ports.extend(more.iter().cloned());
                Some(())
            }),
            Self::AddPeer(rule, peer) => rule.change(cluster, |found| {
                found.peers.push(peer.clone());
                Some(())
            }),
            Self::AddRule(policy, direction, rule) => {
                let mut policy = cluster.network_policies.get(policy)?.clone();
                rules(&mut policy, *direction).push(rule.clone());
                Some(Change::SetNetworkPolicy(policy))
            }
            Self::LabelNamespace(name, (key, value)) => {
                let labels = cluster.namespace_labels(name);
                let source = cluster
                    .namespaces
                    .get(name)
                    .and_then(|found| found.source.clone());
                let mut namespace = Namespace {
                    source,
                    ..Namespace::new(name, labels)
                };
                namespace.labels.insert(key.clone(), value.clone());
                Some(Change::SetNamespace(namespace))
            }
            Self::NewPolicy(policy) => Some(Change::SetNetworkPolicy(policy.clone())),
            Self::ReplacePort(rule, item, by) => rule.change(cluster, |found| {
                found.ports.get(*item)?;
                found.ports.splice(*item..=*item, by.iter().cloned());
                Some(())
            }),
            Self::AddException(rule, item, except) => {
                rule.change(cluster, |found| match found.peers.get_mut(*item)? {
                    PolicyPeer::IpBlock(IpBlock { except: known, .. }) => {
                        known.push(*except);
                        Some(())
                    }
                    PolicyPeer::Pods(_) => None,
                })
            }
            Self::RemovePeer(rule, item) => rule.change(cluster, |found| {
                found.peers.get(*item)?;
                found.peers.remove(*item);
                Some(())
            }),
            Self::RemoveRule(RuleOf { policy, place }) => {
                let mut policy = cluster.network_policies.get(policy)?.clone();
                let rules = rules(&mut policy, place.direction);
                rules.get(place.index)?;
                rules.remove(place.index);
                Some(Change::SetNetworkPolicy(policy))
            }
            Self::InsertClusterRule(..)
            | Self::RemoveClusterPeer(..)
            | Self::RemoveClusterRule(..)
            | Self::NewClusterPolicy(_) => self.cluster_change(cluster),
        }
    }

    fn cluster_change(&self, cluster: &Cluster) -> Option<Change> {
        let changed = match self {
            Self::NewClusterPolicy(policy) => policy.clone(),
            Self::InsertClusterRule(name, place, rule) => {
                let mut policy = cluster.cluster_policies.get(name)?.clone();
                let rules = cluster_rules(&mut policy, place.direction);
                rules.insert(place.index.min(rules.len()), rule.clone());
                policy
            }
            Self::RemoveClusterPeer(name, place, item) => {
                let mut policy = cluster.cluster_policies.get(name)?.clone();
                let rule = cluster_rules(&mut policy, place.direction).get_mut(place.index)?;
                rule.peers.get(*item)?;
                rule.peers.remove(*item);
                policy
            }
            Self::RemoveClusterRule(name, place) => {
                let mut policy = cluster.cluster_policies.get(name)?.clone();
                let rules = cluster_rules(&mut policy, place.direction);
                rules.get(place.index)?;
                rules.remove(place.index);
                policy
            }
            Self::AddPorts(..)
            | Self::AddPeer(..)
            | Self::AddRule(..)
            | Self::LabelNamespace(..)
            | Self::NewPolicy(_)
            | Self::ReplacePort(..)
            | Self::AddException(..)
            | Self::RemovePeer(..)
            | Self::RemoveRule(_) => return None,
        };
        Some(Change::SetClusterPolicy(changed))
    }

    /// What undoes the edit in `cluster`, which is as it was before.
    pub(super) fn undone(&self, cluster: &Cluster) -> Option<Change> {
        let network = |name: &ObjectName| match cluster.network_policies.get(name) {
            Some(policy) => Change::SetNetworkPolicy(policy.clone()),
            None => Change::RemoveNetworkPolicy(name.clone()),
        };
        let of_cluster = |name: &ClusterPolicyName| match cluster.cluster_policies.get(name) {
            Some(policy) => Change::SetClusterPolicy(policy.clone()),
            None => Change::RemoveClusterPolicy(name.clone()),
        };
        Some(match self.change(cluster)? {
            Change::SetNetworkPolicy(policy) => network(&policy.name),
            Change::SetClusterPolicy(policy) => of_cluster(&policy.name),
            Change::SetNamespace(namespace) => match cluster.namespaces.get(&namespace.name) {
                Some(known) => Change::SetNamespace(known.clone()),
                None => Change::RemoveNamespace(namespace.name),
            },
            Change::SetPod(_)
            | Change::RemovePod(_)
            | Change::RemoveNamespace(_)
            | Change::SetNode(_)
            | Change::RemoveNode(_)
            | Change::SetService(_)
            | Change::RemoveService(_)
            | Change::RemoveNetworkPolicy(_)
            | Change::RemoveClusterPolicy(_) => return None,
        })
    }

    /// Of edits that change equally much, the one with the smaller number is easier to take.
    pub(super) const fn kind(&self) -> u8 {
        match self {
            Self::AddPorts(..) => 0,
            Self::AddPeer(..) => 1,
            Self::ReplacePort(..) => 2,
            Self::AddException(..) => 3,
            Self::RemovePeer(..) => 4,
            Self::AddRule(..) => 5,
            Self::RemoveRule(..) => 6,
            Self::LabelNamespace(..) => 7,
            Self::NewPolicy(_) => 8,
            Self::RemoveClusterPeer(..) => 9,
            Self::InsertClusterRule(..) => 10,
            Self::RemoveClusterRule(..) => 11,
            Self::NewClusterPolicy(_) => 12,
        }
    }
}

impl RuleOf {
    pub(super) const fn new(policy: ObjectName, direction: Direction, index: usize) -> Self {
        Self {
            policy,
            place: RulePlace { direction, index },
        }
    }

    fn change(
        &self,
        cluster: &Cluster,
        edit: impl FnOnce(&mut PolicyRule) -> Option<()>,
    ) -> Option<Change> {
        let mut policy = cluster.network_policies.get(&self.policy)?.clone();
        let rule = rules(&mut policy, self.place.direction).get_mut(self.place.index)?;
        edit(rule)?;
        Some(Change::SetNetworkPolicy(policy))
    }
}

fn rules(policy: &mut NetworkPolicy, direction: Direction) -> &mut Vec<PolicyRule> {
    match direction {
        Direction::Ingress => &mut policy.ingress,
        Direction::Egress => &mut policy.egress,
    }
}

fn cluster_rules(policy: &mut ClusterPolicy, direction: Direction) -> &mut Vec<ClusterRule> {
    match direction {
        Direction::Ingress => &mut policy.ingress,
        Direction::Egress => &mut policy.egress,
    }
}

/// `add a peer to shop/web ingress[0]`
impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddPorts(rule, ports) if ports.len() == 1 => write!(f, "add a port to {rule}"),
            Self::AddPorts(rule, _) => write!(f, "add ports to {rule}"),
            Self::AddPeer(rule, _) => write!(f, "add a peer to {rule}"),
            Self::AddRule(policy, direction, _) => write!(f, "add an {direction} rule to {policy}"),
            Self::LabelNamespace(name, (key, value)) => {
                write!(f, "label the namespace {name} with {key}={value}")
            }
            Self::NewPolicy(policy) => write!(f, "add the NetworkPolicy {}", policy.name),
            Self::ReplacePort(rule, item, by) if by.is_empty() => {
                write!(f, "remove ports[{item}] from {rule}")
            }
            Self::ReplacePort(rule, item, _) => write!(f, "narrow ports[{item}] of {rule}"),
            Self::AddException(rule, item, except) => {
                let list = peers_field(rule.place.direction);
                write!(f, "except {except} from {list}[{item}] of {rule}")
            }
            Self::RemovePeer(rule, item) => {
                let list = peers_field(rule.place.direction);
                write!(f, "remove {list}[{item}] from {rule}")
            }
            Self::RemoveRule(rule) => write!(f, "remove {rule}"),
            Self::InsertClusterRule(name, RulePlace { direction, index }, rule) => {
                let action = rule.action.written_in(name.kind);
                write!(
                    f,
                    "insert a rule with {action} before {name} {direction}[{index}]"
                )
            }
            Self::RemoveClusterPeer(name, RulePlace { direction, index }, item) => {
                let list = peers_field(*direction);
                write!(f, "remove {list}[{item}] from {name} {direction}[{index}]")
            }
            Self::RemoveClusterRule(name, RulePlace { direction, index }) => {
                write!(f, "remove {name} {direction}[{index}]")
            }
            Self::NewClusterPolicy(policy) => write!(f, "add the {}", policy.name),
        }
    }
}

impl fmt::Display for RuleOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RulePlace { direction, index } = self.place;
        write!(f, "{} {direction}[{index}]", self.policy)
    }
}

pub(super) const fn peers_field(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    }
}
