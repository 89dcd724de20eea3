//! What is converted means the same: every dialect is judged here once more, from its own rules and with no code of the
//! conversion, and compared with the reference's verdicts about the converted policies, read back from their YAML.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod calico;
mod cilium;
mod mangled;
mod world;
