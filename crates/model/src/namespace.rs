use serde::{Deserialize, Serialize};

use crate::{Labels, Source};

/// The label that every namespace carries with its own name (rule NP-18).
pub const METADATA_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A namespace. [`Namespace::new`] sets the name label, overwriting what a manifest says (rule NP-18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels, the name label included.
    pub labels: Labels,
    /// Where it was written; `None` if it was made up because something mentions it (rule OB-4).
    pub source: Option<Source>,
}

impl Namespace {
    /// A namespace with `labels` and the name label.
    #[must_use]
    pub fn new(name: impl Into<String>, mut labels: Labels) -> Self {
        let name = name.into();
        labels.insert(METADATA_NAME_LABEL.to_owned(), name.clone());
        Self {
            name,
            labels,
            source: None,
        }
    }
}
