//! The kinds there are. To add one, write its file and name it here.

mod rbac;
mod schemas;

use std::sync::Arc;

use ringfence_model::Schema;
use serde_json::Value;

use crate::kind::Kind;

macro_rules! kinds {
    ($($module:ident)*) => {
        $(mod $module;)*

        fn built_in() -> Vec<Kind> {
            vec![$($module::kind()),*]
        }
    };
}

kinds! {
    namespace pod service endpoints node config_map secret service_account event event_of_events
    deployment replica_set stateful_set daemon_set controller_revision job cron_job
    network_policy cluster_network_policy admin_network_policy baseline_admin_network_policy host_firewall
    endpoint_slice lease custom_resource_definition
    role role_binding cluster_role cluster_role_binding
    ingress ingress_class pod_disruption_budget resource_quota limit_range horizontal_pod_autoscaler
    persistent_volume_claim
}

/// The kinds that are served.
#[derive(Clone, Debug)]
pub struct Kinds(Vec<Arc<Kind>>);

impl Default for Kinds {
    fn default() -> Self {
        Self(built_in().into_iter().map(Arc::new).collect())
    }
}

impl Kinds {
    /// These kinds, and those that `definitions` describe.
    pub(crate) fn with<'a>(&self, definitions: impl Iterator<Item = &'a Value>) -> Self {
        let custom = definitions.filter_map(crate::kind::custom).map(Arc::new);
        let ours = self.0.iter().filter(|kind| kind.structures.is_empty());
        Self(ours.cloned().chain(custom).collect())
    }

    /// All of them, in the order of their definition.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.0.iter()
    }

    /// The kind behind `/apis/<group>/<version>/<plural>`.
    #[must_use]
    pub fn served(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.0.iter().find(|kind| {
            kind.group == group
                && kind.plural == plural
                && kind.versions.iter().any(|served| served == version)
        })
    }

    /// The kind of `deployments.apps`.
    #[must_use]
    pub fn of_resource(&self, resource: &str) -> Option<&Arc<Kind>> {
        self.0.iter().find(|kind| kind.resource() == resource)
    }

    /// The kind that an object with this `apiVersion` and `kind` is of.
    #[must_use]
    pub fn of_object(&self, api_version: &str, name: &str) -> Option<&Arc<Kind>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.0.iter().find(|kind| {
            kind.group == group
                && kind.kind == name
                && kind.versions.iter().any(|served| served == version)
        })
    }

    /// Groups and versions, each group's in the order of preference; the core group first.
    #[must_use]
    pub fn group_versions(&self) -> Vec<(String, Vec<String>)> {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for kind in &self.0 {
            let position = groups.iter().position(|(group, _)| *group == kind.group);
            let index = position.unwrap_or_else(|| {
                groups.push((kind.group.to_string(), Vec::new()));
                groups.len() - 1
            });
            for version in &kind.versions {
                if let Some((_, versions)) = groups.get_mut(index)
                    && !versions.iter().any(|known| known == version)
                {
                    versions.push(version.to_string());
                }
            }
        }
        groups
    }
}

/// The table of a kind that manifests may hold.
#[expect(clippy::expect_used, reason = "a test asks for every kind")]
fn schema(api_version: &str, kind: &str) -> &'static Schema {
    // INVARIANT: every kind that is named in this module has its table, and a test builds them all.
    ringfence_model::schema(api_version, kind).expect("a kind of the model")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_kinds_share_a_name() {
        let kinds = Kinds::default();
        let mut names = BTreeSet::new();
        for kind in kinds.iter() {
            for name in kind.short_names.iter().chain([&kind.plural]) {
                let unique = names.insert((kind.group.clone(), name.clone()));
                assert!(unique, "{name} of {} is taken", kind.kind);
            }
        }
    }

    #[test]
    fn groups_are_in_order_with_all_their_versions() {
        let groups = Kinds::default().group_versions();
        assert_eq!(groups[0], (String::new(), vec!["v1".to_owned()]));
        let policies = groups
            .iter()
            .find(|(group, _)| group == "policy.networking.k8s.io");
        assert_eq!(policies.unwrap().1, ["v1beta1", "v1alpha2", "v1alpha1"]);
    }
}
