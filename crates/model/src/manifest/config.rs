use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ObjectName, Source};

/// A Secret: data for pods.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Namespace and name.
    pub name: ObjectName,
    /// `data` decoded, and `stringData` over it.
    pub data: BTreeMap<String, Vec<u8>>,
    /// Where it was written.
    pub source: Option<Source>,
}

/// Names the keys and hides the values.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret")
            .field("name", &self.name)
            .field("keys", &self.data.keys())
            .finish_non_exhaustive()
    }
}

/// A ConfigMap: data for pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigMap {
    /// Namespace and name.
    pub name: ObjectName,
    /// `data`, and `binaryData` decoded.
    pub data: BTreeMap<String, Vec<u8>>,
    /// Where it was written.
    pub source: Option<Source>,
}

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccount {
    /// Namespace and name.
    pub name: ObjectName,
    /// Where it was written.
    pub source: Option<Source>,
}
