use crate::{Source, Written};

/// Access that was reviewed and may be added (`kind: AllowedAccess` of `ringfence.dev/v1alpha1`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedAccess {
    /// What may be added, in order.
    pub allowed: Vec<Permission>,
    /// Where the document was written.
    pub source: Option<Source>,
}

/// One row of allowed access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Who may open the connections; at least one text.
    pub from: Vec<Written>,
    /// To whom; at least one text.
    pub to: Vec<Written>,
    /// Ports as written; empty where nothing is said, which means every port.
    pub ports: Vec<Written>,
    /// Why it may be added; not empty.
    pub reason: String,
    /// Where the row was written.
    pub source: Option<Source>,
}
