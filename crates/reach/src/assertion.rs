//! Assertions about who can talk to whom: what has to be asked for one to hold, which rules decided it, and which
//! mistakes in the policies it would notice.
//!
//! An assertion speaks of many connections; [`questions`] names one for each group of them that no rule tells apart,
//! so that nothing is sampled. Whoever can judge a connection can be asked: the engine, a compiled table, a packet.

mod claim;
mod question;

pub use claim::{Claim, pairs};
pub use question::{Question, questions};
