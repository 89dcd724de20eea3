//! The CNI plugin: wires a pod's network namespace to its node, and unwires it.
//!
//! It decides addresses and devices only; which traffic may pass is the agent's matter. The two meet in a
//! closed contract: ADD succeeds only after the agent answered that the pod's rules are in the kernel, and an
//! address is used again only after the agent answered that nothing of its last owner is left.
//! Blocking, without a runtime and without external programs.
//! Start with [`protocol`] for the contract and [`store`] for what is kept on the node.

pub mod agent;
pub mod allocation;
pub mod config;
pub mod endpoint;
pub mod environment;
pub mod error;
pub mod installation;
pub mod plan;
pub mod plugin;
pub mod protocol;
pub mod result;
pub mod runtime;
pub mod store;
pub mod version;
pub mod wiring;

pub use endpoint::{Endpoint, EndpointId, EndpointState, PodName};
pub use plugin::{main_from_environment, sweep};
pub use protocol::{Request, Response};
pub use store::{EndpointStore, StoreError};
