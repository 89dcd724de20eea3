use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::NotAnObjectName;
use crate::{ClusterPolicyName, ObjectName};

/// A policy of any kind by name. Written and serialized as `namespace/name` for a NetworkPolicy, as
/// `ClusterNetworkPolicy/name` for those of the cluster: no namespace has capital letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyName {
    /// A NetworkPolicy.
    Network(ObjectName),
    /// A cluster-scoped policy.
    Cluster(ClusterPolicyName),
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(name) => name.fmt(f),
            Self::Cluster(name) => name.fmt(f),
        }
    }
}

impl FromStr for PolicyName {
    type Err = NotAnObjectName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(name) => Ok(Self::Cluster(name)),
            Err(_) => text.parse().map(Self::Network),
        }
    }
}

impl Serialize for PolicyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PolicyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_the_cluster_are_no_namespaces() {
        for text in ["shop/web", "ClusterNetworkPolicy/web"] {
            let name: PolicyName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            let is_cluster = matches!(name, PolicyName::Cluster(_));
            assert_eq!(is_cluster, text.starts_with("Cluster"));
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(serde_json::from_str::<PolicyName>(&json).unwrap(), name);
        }
        assert!("web".parse::<PolicyName>().is_err());
    }
}
