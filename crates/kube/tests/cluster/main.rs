//! Clusters as they are read: the embedded API server over TLS, and answers that it does not give.
#![expect(clippy::unwrap_used, reason = "test code")]

mod access;
mod errors;
mod fake;
mod pages;
mod server;
