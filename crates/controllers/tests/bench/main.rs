//! The controllers over a real API: with chance at every step, and with real kubectl.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod cluster;
mod kubectl;
mod kubelet;
mod refusals;
mod rollouts;
mod workloads;
