//! Clusters as they are read: the embedded API server over TLS, and answers that it does not give.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod access;
mod errors;
mod fake;
mod follow;
mod pages;
mod probe;
mod proxy;
mod server;
