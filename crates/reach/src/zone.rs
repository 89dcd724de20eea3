//! Trust zones: what may pass between them, and whether that is what was intended.
//!
//! A zone is a unit of [`Groups`](crate::workload::Groups) like a workload, so the table of zones is a matrix. Start with [`groups`] and
//! [`deviations`].

mod deviation;
mod membership;
#[cfg(test)]
mod tests;

pub use deviation::{Deviation, DeviationKind, Intent, deviations};
pub use membership::{Workloads, groups, workloads};
pub use ringfence_model::UNZONED;
