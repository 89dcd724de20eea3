//! What the agent and its store say to each other, one JSON value per line.
//!
//! The store sends [`StoreEvent`]s: [`StoreEvent::Reset`] first, then every object that exists, then
//! [`StoreEvent::Synced`]; from then on each change as it happens, and `Synced` again whenever everything
//! up to a revision has been sent. [`StoreEvent::Begin`] before them lets several changes take effect at
//! once. The agent answers with [`AgentStatus`] lines. Objects are the policy
//! view of `ringfence-model`, not manifests: a store that reads manifests translates them first.

mod of_model;

use ringfence_compile::Change;
use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyName, HostFirewall, Namespace, NetworkPolicy, Node,
    ObjectName, Pod, Service,
};
use serde::{Deserialize, Serialize};

/// One line from the store to the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is an object, and a box would be one allocation for each"
)]
pub enum StoreEvent {
    /// Everything is sent anew. Nothing takes effect until the next [`StoreEvent::Synced`].
    Reset,
    /// Several changes that belong together follow. Nothing of them takes effect until the next [`StoreEvent::Synced`].
    Begin,
    /// The object exists and looks like this.
    Apply(AgentObject),
    /// The object is gone.
    Delete(AgentKey),
    /// Everything up to `revision` has been sent.
    Synced {
        /// The store's own number; the agent only repeats it.
        revision: u64,
    },
}

/// One line from the agent to the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AgentStatus {
    /// The kernel enforces everything up to `revision`, and no connection lives that it denies.
    Applied {
        /// From [`StoreEvent::Synced`].
        revision: u64,
    },
    /// The kernel enforces an older state; the agent tries again.
    Failed {
        /// The whole chain of causes.
        message: String,
    },
    /// The kernel enforces the state, but something beside it is not as it should be: newly denied
    /// connections still live, somebody else changed the table and it was repaired, or a policy's rule is left out
    /// for what it costs.
    Degraded {
        /// What.
        message: String,
    },
}

/// An object of the cluster, as far as policy sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AgentObject {
    /// A namespace.
    Namespace(Namespace),
    /// A node.
    Node(Node),
    /// A pod.
    Pod(Pod),
    /// A Service.
    Service(Service),
    /// A NetworkPolicy.
    NetworkPolicy(NetworkPolicy),
    /// A policy of the cluster.
    ClusterPolicy(ClusterPolicy),
    /// Rules for nodes.
    HostFirewall(HostFirewall),
}

impl AgentObject {
    /// What names the object.
    #[must_use]
    pub fn key(&self) -> AgentKey {
        match self {
            Self::Namespace(namespace) => AgentKey::Namespace(namespace.name.clone()),
            Self::Node(node) => AgentKey::Node(node.name.clone()),
            Self::Pod(pod) => AgentKey::Pod(pod.name.clone()),
            Self::Service(service) => AgentKey::Service(service.name.clone()),
            Self::NetworkPolicy(policy) => AgentKey::NetworkPolicy(policy.name.clone()),
            Self::ClusterPolicy(policy) => AgentKey::ClusterPolicy(policy.name.clone()),
            Self::HostFirewall(firewall) => AgentKey::HostFirewall(firewall.name.clone()),
        }
    }

    /// The change that it means.
    #[must_use]
    pub fn into_change(self) -> Change {
        match self {
            Self::Namespace(new) => Change::Namespace(new.name.clone(), Some(new)),
            Self::Node(new) => Change::Node(new.name.clone(), Some(new)),
            Self::Pod(new) => Change::Pod(new.name.clone(), Some(shrunk(new))),
            Self::Service(new) => Change::Service(new.name.clone(), Some(new)),
            Self::NetworkPolicy(new) => Change::NetworkPolicy(new.name.clone(), Some(new)),
            Self::ClusterPolicy(new) => Change::ClusterPolicy(new.name.clone(), Some(new)),
            Self::HostFirewall(new) => Change::HostFirewall(new.name.clone(), Some(new)),
        }
    }

    /// Puts the object into `cluster`; `false` if it was there in just this form.
    pub fn apply_to(self, cluster: &mut Cluster) -> bool {
        match self {
            Self::Namespace(new) => replace(&mut cluster.namespaces, new.name.clone(), new),
            Self::Node(new) => replace(&mut cluster.nodes, new.name.clone(), new),
            Self::Pod(new) => replace(&mut cluster.pods, new.name.clone(), shrunk(new)),
            Self::Service(new) => replace(&mut cluster.services, new.name.clone(), new),
            Self::NetworkPolicy(new) => {
                replace(&mut cluster.network_policies, new.name.clone(), new)
            }
            Self::ClusterPolicy(new) => {
                replace(&mut cluster.cluster_policies, new.name.clone(), new)
            }
            Self::HostFirewall(new) => replace(&mut cluster.host_firewalls, new.name.clone(), new),
        }
    }
}

/// Pods are many, and lists that were read one by one have room for more.
fn shrunk(mut pod: Pod) -> Pod {
    pod.shrink_to_fit();
    pod
}

/// The name of an object of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AgentKey {
    /// A namespace.
    Namespace(String),
    /// A node.
    Node(String),
    /// A pod.
    Pod(ObjectName),
    /// A Service.
    Service(ObjectName),
    /// A NetworkPolicy.
    NetworkPolicy(ObjectName),
    /// A policy of the cluster.
    ClusterPolicy(ClusterPolicyName),
    /// Rules for nodes.
    HostFirewall(String),
}

impl AgentKey {
    /// The change that its end means.
    #[must_use]
    pub fn into_change(self) -> Change {
        match self {
            Self::Namespace(name) => Change::Namespace(name, None),
            Self::Node(name) => Change::Node(name, None),
            Self::Pod(name) => Change::Pod(name, None),
            Self::Service(name) => Change::Service(name, None),
            Self::NetworkPolicy(name) => Change::NetworkPolicy(name, None),
            Self::ClusterPolicy(name) => Change::ClusterPolicy(name, None),
            Self::HostFirewall(name) => Change::HostFirewall(name, None),
        }
    }

    /// Takes the object out of `cluster`; `false` if it was not there.
    pub fn delete_from(&self, cluster: &mut Cluster) -> bool {
        match self {
            Self::Namespace(name) => cluster.namespaces.remove(name).is_some(),
            Self::Node(name) => cluster.nodes.remove(name).is_some(),
            Self::Pod(name) => cluster.pods.remove(name).is_some(),
            Self::Service(name) => cluster.services.remove(name).is_some(),
            Self::NetworkPolicy(name) => cluster.network_policies.remove(name).is_some(),
            Self::ClusterPolicy(name) => cluster.cluster_policies.remove(name).is_some(),
            Self::HostFirewall(name) => cluster.host_firewalls.remove(name).is_some(),
        }
    }
}

fn replace<K: Ord, V: PartialEq>(
    map: &mut std::collections::BTreeMap<K, V>,
    key: K,
    new: V,
) -> bool {
    let changed = map.get(&key) != Some(&new);
    map.insert(key, new);
    changed
}

#[cfg(test)]
mod tests {
    use ringfence_model::Labels;

    use super::*;

    #[test]
    fn lines_look_as_documented() {
        let apply = StoreEvent::Apply(AgentObject::Namespace(Namespace::new("a", Labels::new())));
        for (event, line) in [
            (StoreEvent::Reset, r#""reset""#),
            (
                StoreEvent::Synced { revision: 7 },
                r#"{"synced":{"revision":7}}"#,
            ),
            (
                StoreEvent::Delete(AgentKey::Pod(ObjectName::new("a", "b"))),
                r#"{"delete":{"pod":"a/b"}}"#,
            ),
            (
                apply,
                r#"{"apply":{"namespace":{"name":"a","labels":{"kubernetes.io/metadata.name":"a"},"source":null}}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&event).unwrap(), line);
            assert_eq!(serde_json::from_str::<StoreEvent>(line).unwrap(), event);
        }
    }

    #[test]
    fn an_object_put_in_and_taken_out_leaves_nothing() {
        let mut cluster = Cluster::default();
        let object = AgentObject::Namespace(Namespace::new("a", Labels::new()));
        assert!(object.clone().apply_to(&mut cluster));
        assert!(!object.clone().apply_to(&mut cluster));
        assert!(object.key().delete_from(&mut cluster));
        assert!(!object.key().delete_from(&mut cluster));
        assert_eq!(cluster, Cluster::default());
    }
}
