//! Assertions about who can talk to whom: what has to be asked for one to hold, which rules decided it, and which
//! mistakes in the policies it would notice.
//!
//! An assertion speaks of many connections; [`questions`] names one for each group of them that no rule tells apart,
//! so that nothing is sampled. Whoever can judge a connection can be asked: the engine, a compiled table, a packet.

mod claim;
mod coverage;
mod mutation;
mod question;

pub use claim::{Claim, addresses, addresses_of_node, pairs};
pub use coverage::{Coverage, Deciding};
pub use mutation::{
    Changed, Fate, Missed, Mutant, MutatedPolicy, Mutation, Mutations, RulePlace, SuggestedEnd,
    Suggestion, Tried, mutants, mutate,
};
pub use question::{Question, questions, services};

/// `part` of `whole` in hundredths, rounded down; all of nothing is everything.
fn percent(part: usize, whole: usize) -> usize {
    (part * 100).checked_div(whole).unwrap_or(100)
}
