//! The lab's control plane: what was asked for, what exists, and who is told.

pub mod balancers;
pub mod desired;
pub mod details;
pub mod feed;
pub mod images;
pub mod installation;
#[cfg(test)]
mod sample;
pub mod scheduler;
pub mod service_addresses;
pub mod snapshot;
pub mod system;
pub mod volumes;
pub mod workloads;
