//! Three answers to one question: the specification as code, the compiled ruleset evaluated in memory, and the
//! kernel with real packets. They must agree on every flow of every cluster.
//!
//! For development only. [`wiring`] builds two nodes, their pods and a host outside from network namespaces, with
//! the CNI plugin's own code; [`fit`] makes a random cluster one that stands on these wires; [`mod@bench`] loads its
//! tables into the kernel and asks all three. What is right is decided by `ringfence-reference` alone. Nothing here
//! waits for a time-out: see [`prober`] for how a packet is known to be gone. Start with [`bench::Bench`].
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the code of tests: what fails here fails the test"
)]

pub mod bench;
pub mod evaluated;
pub mod fate;
pub mod fit;
pub mod kernel;
pub mod packet;
pub mod plan;
pub mod prober;
pub mod question;
pub mod wiring;
