//! The fast engine: who can talk to whom in a cluster, over all ports and addresses at once.
//!
//! Answers the same question as the reference with an index behind it, and beyond single connections: endpoints
//! that no policy tells apart form classes, and between two classes it names every port. A change updates what it
//! touches. It shares types with the reference and no code, so that comparing the two means something.
//! Start with [`Engine`]; `answer/tiers.rs` holds rule Q-10 for one connection, `judge.rs` for all of them.

mod address_set;
mod answer;
mod atoms;
mod change;
mod class;
mod connectivity;
mod engine;
mod group;
mod host_pods;
mod index;
mod judge;
mod partition;
mod policies;
mod row;
mod rule;
mod selector_index;
mod shared_family;
mod spare;
mod term;
mod whereabouts;

pub use answer::{ServiceClient, ServiceTargets};
pub use change::Change;
pub use class::{Class, ClassId, ClassKind, ClassSet, Reach};
pub use engine::Engine;
pub use host_pods::{HostPodRule, host_pod_rule};
pub use row::Row;
pub use shared_family::SharedFamily;
pub use spare::SpareRules;
pub use whereabouts::Whereabouts;
