//! The node agent: keeps the kernel's table equal to what the cluster's policies and the node's pods ask for.
//!
//! Deciding and doing are apart: [`state::Machine`] is pure, takes events and the time and returns actions;
//! [`run`] carries them out, one at a time. The agent writes only its own table, deletes nothing before its
//! sources are in sync, and leaves the kernel closed and working when it dies. It coordinates nothing with
//! other nodes. Start with [`state`]; promises and failure modes are in `docs/design/agent.md`.

mod clock;
mod config;
pub mod departure;
pub mod detour;
pub mod flows;
mod health_check;
mod holdings;
mod host_pods;
mod http;
mod kernel;
mod metrics;
mod names;
pub mod node_routes;
mod place;
pub mod protocol;
mod rules;
mod run;
mod server;
mod source;
pub mod state;
pub mod status;
mod store;
pub mod verification;

pub use config::{AgentConfig, Capacity, Enforcement, NetworkConfig, Record, TABLE_NAME};
pub use host_pods::HostPodsHealth;
pub use kernel::{Obstacle, probe};
pub use run::{run, run_behind, run_with};
pub use source::Teller;
