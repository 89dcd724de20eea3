use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where in the input something was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The file as the user named it; `<stdin>` for standard input.
    pub file: Arc<str>,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
}

/// How [`Source::file`] begins for an object that no file holds but a cluster; its kind and name follow. Lines count in the text
/// that it was handed over as, which nobody has seen.
pub const OF_CLUSTER: &str = "cluster: ";

impl Source {
    /// Whether the object was handed over by a cluster, so that its kind and name are its place.
    #[must_use]
    pub fn is_of_cluster(&self) -> bool {
        self.file.starts_with(OF_CLUSTER)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_of_cluster() {
            return f.write_str(&self.file);
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
