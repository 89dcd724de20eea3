//! Clusters as they are read: the embedded API server over TLS, and answers that it does not give.

mod access;
mod errors;
mod fake;
mod pages;
mod server;
