//! Proof that a node's live table does what the policies ask, for all packets.
//!
//! Takes a table as the kernel holds it, a cluster, and how the node is wired. Sends every packet at once through the
//! chains of each hook, by a general interpreter that knows rules, sets and verdicts but no name of a chain or set,
//! and of log statements what those mean that speak of audit mode, and compares the verdicts with the policy engine's. It shares no code with the compiler. What it does not
//! understand is an error, never "equal". Start with [`verify`].

mod axes;
mod bits;
mod compare;
mod error;
mod expectation;
mod facts;
mod key;
mod law;
mod lookup;
mod machine;
mod region;
mod report;
mod strict;
mod survey;
mod verify;
mod wiring;
mod witness;

pub use error::Unverifiable;
pub use report::{Coverage, Difference, Report, Witness};
pub use verify::verify;
pub use wiring::{WiredPod, Wiring};
