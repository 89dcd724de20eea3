//! Cluster-scoped policies: how they are read, what is refused, with path, limit and rule (CN-51, AN-1 to AN-4), and
//! what their author is warned of.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod fields;
mod objects;
mod older;
mod peers;
mod ports;
mod texts;
mod warnings;
