//! The rules of loading (OB-1 to OB-16) and of what pods say about themselves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documents;
mod pods;
mod services;
mod support;
mod workloads;
