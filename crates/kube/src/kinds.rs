//! What is asked for: the kinds that policy depends on, and those that name what pods belong to.

use ringfence_model::ObjectKind;

/// A kind of objects in one version of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    /// In the order in which they are tried.
    pub(crate) versions: &'static [&'static str],
    pub(crate) plural: &'static str,
    pub(crate) object: ObjectKind,
    pub(crate) presence: Presence,
    pub(crate) content: Content,
}

/// Whether a cluster has a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// What has it not is no Kubernetes API.
    Always,
    /// Older clusters, and those without the custom resource, have it not.
    Sometimes,
}

/// What a field means that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The policy may say something else than is read.
    Policy,
    /// A newer Kubernetes says more than policy depends on.
    Other,
}

/// The group of policies of the whole cluster.
pub(crate) const CLUSTER_POLICIES: &str = "policy.networking.k8s.io";

const fn always(group: &'static str, plural: &'static str, object: ObjectKind) -> Kind {
    Kind {
        group,
        versions: &["v1"],
        plural,
        object,
        presence: Presence::Always,
        content: Content::Other,
    }
}

const fn sometimes(group: &'static str, plural: &'static str, object: ObjectKind) -> Kind {
    Kind {
        presence: Presence::Sometimes,
        ..always(group, plural, object)
    }
}

const fn policy(
    versions: &'static [&'static str],
    plural: &'static str,
    object: ObjectKind,
) -> Kind {
    Kind {
        versions,
        content: Content::Policy,
        ..sometimes(CLUSTER_POLICIES, plural, object)
    }
}

/// In the order in which objects are handed over.
pub(crate) static KINDS: [Kind; 17] = [
    always("", "namespaces", ObjectKind::Namespace),
    always("", "nodes", ObjectKind::Node),
    always("", "pods", ObjectKind::Pod),
    always("", "services", ObjectKind::Service),
    sometimes(
        "discovery.k8s.io",
        "endpointslices",
        ObjectKind::EndpointSlice,
    ),
    Kind {
        content: Content::Policy,
        ..always(
            "networking.k8s.io",
            "networkpolicies",
            ObjectKind::NetworkPolicy,
        )
    },
    policy(
        &["v1beta1", "v1alpha2"],
        "clusternetworkpolicies",
        ObjectKind::ClusterNetworkPolicy,
    ),
    policy(
        &["v1alpha1"],
        "adminnetworkpolicies",
        ObjectKind::AdminNetworkPolicy,
    ),
    policy(
        &["v1alpha1"],
        "baselineadminnetworkpolicies",
        ObjectKind::BaselineAdminNetworkPolicy,
    ),
    Kind {
        versions: &["v1alpha1"],
        ..sometimes("ringfence.dev", "hostfirewalls", ObjectKind::HostFirewall)
    },
    sometimes("apps", "deployments", ObjectKind::Deployment),
    sometimes("apps", "replicasets", ObjectKind::ReplicaSet),
    sometimes("apps", "statefulsets", ObjectKind::StatefulSet),
    sometimes("apps", "daemonsets", ObjectKind::DaemonSet),
    sometimes("batch", "jobs", ObjectKind::Job),
    sometimes("batch", "cronjobs", ObjectKind::CronJob),
    sometimes(
        "",
        "replicationcontrollers",
        ObjectKind::ReplicationController,
    ),
];

/// Groups with policies of their own, which ringfence does not judge.
pub(crate) const FOREIGN: [&str; 5] = [
    "cilium.io",
    "crd.antrea.io",
    "crd.projectcalico.org",
    "projectcalico.org",
    "security.istio.io",
];

impl Kind {
    /// `pods`, `deployments.apps`: the resource as errors of Kubernetes name it.
    pub(crate) fn resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `apps/v1`
    pub(crate) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() {
            version.to_owned()
        } else {
            format!("{}/{version}", self.group)
        }
    }

    /// Where all objects of the kind are.
    pub(crate) fn path(&self, version: &str) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        format!("/{root}/{}/{}", self.api_version(version), self.plural)
    }
}

#[cfg(test)]
mod tests {
    use ringfence_model::{Input, read_json};

    use super::*;

    #[test]
    fn paths_are_those_of_the_kubernetes_api() {
        let paths: Vec<String> = KINDS
            .iter()
            .map(|kind| kind.path(kind.versions[0]))
            .collect();
        assert_eq!(paths[0], "/api/v1/namespaces");
        assert_eq!(paths[5], "/apis/networking.k8s.io/v1/networkpolicies");
        let policies = "/apis/policy.networking.k8s.io/v1beta1/clusternetworkpolicies";
        assert_eq!(paths[6], policies);
        assert_eq!(KINDS[0].resource(), "namespaces");
        assert_eq!(KINDS[10].resource(), "deployments.apps");
    }

    /// The role of a file in the documentation: the resources, each of which it lets with just `verbs`.
    fn role(file: &str, verbs: &[&str]) -> Vec<(String, String)> {
        let file = format!("{}/../../docs/examples/{file}", env!("CARGO_MANIFEST_DIR"));
        let input = Input {
            text: std::fs::read_to_string(&file).unwrap(),
            name: file,
        };
        let documents = read_json(&input).unwrap();
        let mut allowed = Vec::new();
        for rule in documents[0]["rules"].as_array().unwrap() {
            assert_eq!(rule["verbs"], serde_json::json!(verbs));
            let group = rule["apiGroups"][0].as_str().unwrap();
            for resource in rule["resources"].as_array().unwrap() {
                allowed.push((group.to_owned(), resource.as_str().unwrap().to_owned()));
            }
        }
        allowed.sort_unstable();
        allowed
    }

    fn needed<'k>(kinds: impl IntoIterator<Item = &'k Kind>) -> Vec<(String, String)> {
        let kinds = kinds.into_iter();
        let needed = kinds.map(|kind| (kind.group.to_owned(), kind.plural.to_owned()));
        let mut needed: Vec<_> = needed.collect();
        needed.sort_unstable();
        needed
    }

    /// The ClusterRoles of the documentation allow to read what is read, and nothing else.
    #[test]
    fn the_roles_of_the_documentation_suffice_and_are_not_too_much() {
        assert_eq!(role("reader.yaml", &["list"]), needed(&KINDS));
        let followed = crate::follow::sources(crate::follow::Scope::Everything);
        let agent = role("agent-role.yaml", &["list", "watch"]);
        assert_eq!(agent, needed(followed));
    }
}
