//! The name of a policy, as people write it.

use std::str::FromStr;

use anyhow::bail;
use ringfence_model::{ClusterPolicyKind, ClusterPolicyName, ObjectName, PolicyName};

/// Names of kinds in short, as kubectl knows them.
const SHORT: [(&str, ClusterPolicyKind); 3] = [
    ("cnp", ClusterPolicyKind::ClusterNetworkPolicy),
    ("anp", ClusterPolicyKind::AdminNetworkPolicy),
    ("banp", ClusterPolicyKind::BaselineAdminNetworkPolicy),
];

/// A policy that an option names, in the namespace `default` where it names none.
#[derive(Clone, Debug)]
pub(crate) struct PolicyArgument(Vec<PolicyName>);

impl PolicyArgument {
    pub(crate) fn may_be(&self, policy: &PolicyName) -> bool {
        self.0.contains(policy)
    }
}

impl FromStr for PolicyArgument {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        candidates(text, "default").map(Self)
    }
}

/// What `text` may name: `NAMESPACE/NAME`, `NAME` in `namespace`, `KIND/NAME`. The first one that exists is meant.
pub(crate) fn candidates(text: &str, namespace: &str) -> anyhow::Result<Vec<PolicyName>> {
    let Some((first, name)) = text.split_once('/') else {
        return Ok(vec![PolicyName::Network(ObjectName::new(namespace, text))]);
    };
    if first.is_empty() || name.is_empty() || name.contains('/') {
        bail!(
            "`{text}` is no name of a policy: it is NAMESPACE/NAME, NAME with --namespace, or KIND/NAME as in clusternetworkpolicy/{name}"
        );
    }
    let of_cluster = kind(first).map(|kind| {
        PolicyName::Cluster(ClusterPolicyName {
            kind,
            name: name.to_owned(),
        })
    });
    let plain = if ["networkpolicy", "netpol"].contains(&first) {
        Some(PolicyName::Network(ObjectName::new(namespace, name)))
    } else {
        None
    };
    let own = PolicyName::Network(ObjectName::new(first, name));
    Ok([Some(own), of_cluster, plain]
        .into_iter()
        .flatten()
        .collect())
}

fn kind(text: &str) -> Option<ClusterPolicyKind> {
    let long = ClusterPolicyKind::ALL.into_iter();
    let long = long.map(|kind| (kind.name(), kind));
    long.chain(SHORT)
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let candidates = candidates(text, "shop").unwrap();
        candidates.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_option_means_each_kind_by_all_its_names() {
        let admin: PolicyName = "AdminNetworkPolicy/x".parse().unwrap();
        for text in ["anp/x", "adminnetworkpolicy/x", "AdminNetworkPolicy/x"] {
            assert!(
                text.parse::<PolicyArgument>().unwrap().may_be(&admin),
                "{text}"
            );
        }
        let own: PolicyName = "default/x".parse().unwrap();
        let plain: PolicyArgument = "x".parse().unwrap();
        assert!(plain.may_be(&own) && !plain.may_be(&admin));
    }

    #[test]
    fn a_namespace_comes_before_a_kind_of_the_same_name() {
        assert_eq!(shown("web"), ["shop/web"]);
        assert_eq!(shown("a/web"), ["a/web"]);
        assert_eq!(shown("cnp/web"), ["cnp/web", "ClusterNetworkPolicy/web"]);
        assert_eq!(
            shown("clusternetworkpolicy/web"),
            ["clusternetworkpolicy/web", "ClusterNetworkPolicy/web"]
        );
        assert_eq!(shown("netpol/web"), ["netpol/web", "shop/web"]);
        for bad in ["a/", "/a", "a/b/c"] {
            assert!(candidates(bad, "shop").is_err(), "{bad}");
        }
    }
}
