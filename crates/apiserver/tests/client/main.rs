//! The API as programs see it that are written with kube-rs.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod accounts;
mod applying;
mod bench;
#[path = "../kubectl/containers.rs"]
mod containers;
mod custom;
mod deleting;
mod discovering;
mod pods;
mod resuming;
mod subresources;
mod watching;
mod writing;
